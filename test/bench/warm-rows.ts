import { setTimeout as wait } from 'node:timers/promises';
import {
  blobUrl,
  manifestUrl,
  verifyImage,
  withEntrant,
  type Bench,
  type Entrant,
  type Entry,
  type Turn,
} from './bench.ts';
import { fetchWithCurl, isComplete, loadWithWrk } from './clients.ts';
import type { Readings } from './measures.ts';
import { readTreeUsage } from './process-tree.ts';
import { median, now } from './statistics.ts';

/** Requests by tag, and what they make the contestant ask upstream. */
export async function measureTag(turn: Turn): Promise<Readings> {
  return withWarm(turn, 'near', async (entrant) => {
    const { upstream } = turn.bench;
    const mark = await upstream.mark();
    const load = await putLoad(turn, manifestUrl(entrant, upstream.smallImage));
    const caused = await upstream.requestsSince(mark);
    return { 'tag.rate': load.rate, 'tag.p99': load.p99Ms, 'tag.upstream': caused.length };
  });
}

/** The same behind a slow link, which shows who asks upstream while serving. */
export async function measureTagFar(turn: Turn): Promise<Readings> {
  return withWarm(turn, 'far', async (entrant) => {
    const url = manifestUrl(entrant, turn.bench.upstream.smallImage);
    const transfers = await fetchWithCurl(turn.bench.workspace, Array<string>(21).fill(url));
    // The first one opens the connection.
    const alone = median(transfers.slice(1).map((transfer) => transfer.seconds * 1_000));
    const { rate } = await putLoad(turn, url);
    return { 'tagFar.rate': rate, 'tagFar.alone': alone };
  });
}

/** Requests by digest, which nobody needs upstream for. */
export async function measureDigest(turn: Turn): Promise<Readings> {
  return withWarm(turn, 'near', async (entrant) => {
    const { repository, manifest } = turn.bench.upstream.smallImage;
    const { rate, p99Ms } = await putLoad(turn, `${entrant.url}/v2/${repository}/manifests/${manifest.digest}`);
    return { 'digest.rate': rate, 'digest.p99': p99Ms };
  });
}

/** Requests for a blob smaller than 1 KiB. */
export async function measureConfig(turn: Turn): Promise<Readings> {
  return withWarm(turn, 'near', async (entrant) => {
    const image = turn.bench.upstream.smallImage;
    const { rate } = await putLoad(turn, blobUrl(entrant, image, image.config));
    return { 'config.rate': rate };
  });
}

/** A held 100 MiB blob to one and to four clients, and what the server spends on it. */
export async function measureBlob(turn: Turn): Promise<Readings> {
  const repetitions = turn.bench.options.isQuick ? 8 : 16;
  return withWarm(turn, 'near', async (entrant) => {
    const one = await streamBlob(turn.bench, entrant, { clients: 1, repetitions });
    const pid = entrant.server?.pid;
    const before = pid === undefined ? 0 : readTreeUsage(pid).cpuSeconds;
    const four = await streamBlob(turn.bench, entrant, { clients: 4, repetitions });
    const rates: Readings = { 'blob.one': one.gigabytes / one.seconds, 'blob.four': four.gigabytes / four.seconds };
    if (pid === undefined) return rates;
    return { ...rates, 'blob.cpu': (readTreeUsage(pid).cpuSeconds - before) / four.gigabytes };
  });
}

async function streamBlob(
  bench: Bench,
  entrant: Entrant,
  { clients, repetitions }: { readonly clients: number; readonly repetitions: number },
): Promise<{ readonly gigabytes: number; readonly seconds: number }> {
  const image = bench.upstream.smallImage;
  const urls = Array<string>(repetitions).fill(blobUrl(entrant, image, image.layers[0]));
  const startedAt = now();
  const fetched = await Promise.all(Array.from({ length: clients }, () => fetchWithCurl(bench.workspace, urls)));
  const seconds = (now() - startedAt) / 1_000;
  const transfers = fetched.flat();
  const whole = transfers.filter((transfer) => isComplete(transfer, image.layers[0]?.sizeBytes ?? 0));
  if (whole.length !== clients * repetitions)
    throw new Error(`${whole.length} of ${clients * repetitions} blobs whole`);
  return { gigabytes: transfers.reduce((sum, transfer) => sum + transfer.sizeBytes, 0) / 1e9, seconds };
}

/** One second of load first: whoever compiles while running, or opens files lazily, has done so by then. */
async function putLoad({ bench }: Turn, url: string): Promise<{ readonly rate: number; readonly p99Ms: number }> {
  await loadWithWrk(bench.workspace, url, 1);
  const load = await loadWithWrk(bench.workspace, url, bench.options.loadSeconds);
  if (load.failures > 0) throw new Error(`${load.failures} requests failed at ${load.requestsPerSecond} per second`);
  return { rate: load.requestsPerSecond, p99Ms: load.p99Ms };
}

/** Starts a contestant on what it holds from earlier runs and makes sure that it holds the small image whole. */
async function withWarm(
  turn: Turn,
  distance: Entry['distance'],
  measure: (entrant: Entrant) => Promise<Readings>,
): Promise<Readings> {
  return withEntrant(turn.bench, { contestant: turn.contestant, distance, cache: 'kept' }, async (entrant) => {
    await verifyImage(entrant, turn.bench.upstream.smallImage);
    // Whoever still stores what it has just served may finish first.
    await turn.bench.upstream.mark();
    await wait(300);
    return measure(entrant);
  });
}
