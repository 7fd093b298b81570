import { setTimeout as wait } from 'node:timers/promises';
import { blobUrl, manifestUrl, verifyImage, withEntrant, type Bench, type Entrant, type Turn } from './bench.ts';
import { fetchWithCurl, isComplete } from './clients.ts';
import type { Readings } from './measures.ts';
import { readTreeUsage } from './process-tree.ts';
import { now } from './statistics.ts';

const herdSize = 50;
const mebibyte = 1024 * 1024;

/** Fifty clients ask for a blob nobody holds, knowing its digest only. */
export async function measureHerd(turn: Turn): Promise<Readings> {
  const { bench } = turn;
  return withEntrant(bench, { contestant: turn.contestant, distance: 'near', cache: 'empty' }, async (entrant) => {
    const herd = await sendHerd(bench, herdUrls(bench, entrant, 'blob only'));
    const complete = { 'herd.complete': herd.complete, 'herd.gets': herd.blobGets };
    return herd.complete === herdSize ? { ...complete, 'herd.seconds': herd.seconds } : complete;
  });
}

/** Fifty clients pull by tag: the manifest, then the layer. */
export async function measureHerdTag(turn: Turn): Promise<Readings> {
  const { bench } = turn;
  return withEntrant(bench, { contestant: turn.contestant, distance: 'near', cache: 'empty' }, async (entrant) => {
    const herd = await sendHerd(bench, herdUrls(bench, entrant, 'manifest first'));
    if (turn.round === 0) await verifyImage(entrant, bench.upstream.smallImage);
    const complete = { 'herdTag.complete': herd.complete, 'herdTag.gets': herd.blobGets };
    return herd.complete === herdSize ? { ...complete, 'herdTag.seconds': herd.seconds } : complete;
  });
}

/** The same over a slow link. Whoever fetches once per client needs 105 s here: one run of that is enough. */
export async function measureHerdFar(turn: Turn): Promise<Readings> {
  const { bench, contestant, round } = turn;
  const isSlow = ['direct', 'distribution3', 'distribution2'].includes(contestant.key);
  if (isSlow && (round > 0 || bench.options.isQuick)) return {};
  return withEntrant(bench, { contestant, distance: 'far', cache: 'empty' }, async (entrant) => {
    const herd = await sendHerd(bench, herdUrls(bench, entrant, 'manifest first'));
    const complete = { 'herdFar.complete': herd.complete, 'herdFar.megabytes': herd.upstreamBytes / 1e6 };
    return herd.complete === herdSize ? { ...complete, 'herdFar.seconds': herd.seconds } : complete;
  });
}

interface Herd {
  readonly complete: number;
  readonly seconds: number;
  readonly blobGets: number;
  readonly upstreamBytes: number;
}

/** Fifty curl processes at once; the last URL of each is the layer. */
async function sendHerd(bench: Bench, urls: readonly string[]): Promise<Herd> {
  const layer = bench.upstream.smallImage.layers[0];
  const mark = await bench.upstream.mark();
  const startedAt = now();
  const clients = Array.from({ length: herdSize }, () => fetchWithCurl(bench.workspace, urls, 300));
  const fetched = await Promise.all(clients);
  const seconds = (now() - startedAt) / 1_000;
  const requests = await bench.upstream.requestsSince(mark);
  const isBlobGet = (request: { method: string; path: string }): boolean =>
    request.method === 'GET' && request.path.endsWith(layer?.digest ?? '');
  return {
    complete: fetched.filter((transfers) => isComplete(transfers.at(-1), layer?.sizeBytes ?? 0)).length,
    seconds,
    blobGets: requests.filter(isBlobGet).length,
    upstreamBytes: requests.reduce((sum, request) => sum + request.bodyBytes, 0),
  };
}

function herdUrls(bench: Bench, entrant: Entrant, order: 'manifest first' | 'blob only'): readonly string[] {
  const image = bench.upstream.smallImage;
  const blob = blobUrl(entrant, image, image.layers[0]);
  return order === 'blob only' ? [blob] : [manifestUrl(entrant, image), blob];
}

/** Resident memory two seconds after the start, and its peak once fifty clients have pulled by tag. */
export async function measureMemory(turn: Turn): Promise<Readings> {
  const { bench } = turn;
  return withEntrant(bench, { contestant: turn.contestant, distance: 'near', cache: 'empty' }, async (entrant) => {
    if (entrant.server === undefined) return {};
    await wait(2_000);
    const idle = readTreeUsage(entrant.server.pid).residentBytes;
    await sendHerd(bench, herdUrls(bench, entrant, 'manifest first'));
    const peak = readTreeUsage(entrant.server.pid).peakBytes;
    return { 'memory.idle': idle / mebibyte, 'memory.peak': peak / mebibyte };
  });
}
