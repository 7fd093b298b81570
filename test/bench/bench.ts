import type { Contestant } from './contestants.ts';
import { getAnswer, waitForOk } from './http-probe.ts';
import type { BenchImage, Blob } from './image.ts';
import type { BenchOptions } from './options.ts';
import type { Upstream } from './upstream.ts';
import type { Server, Workspace } from './workspace.ts';

/** What every experiment works with. */
export interface Bench {
  readonly workspace: Workspace;
  readonly upstream: Upstream;
  readonly options: BenchOptions;
}

/** One run of one row for one contestant. */
export interface Turn {
  readonly bench: Bench;
  readonly contestant: Contestant;
  /** 0 in the first round, in which contents are verified too. */
  readonly round: number;
}

/** A contestant that answers. */
export interface Entrant {
  readonly url: string;
  readonly server: Server | undefined;
  /** From the start of its process to the first 200 on /v2/. */
  readonly startMs: number;
}

/** How a contestant is to be started. */
export interface Entry {
  readonly contestant: Contestant;
  readonly distance: 'near' | 'far';
  /** `empty` removes what it held before; `kept` starts on what an earlier run left. */
  readonly cache: 'empty' | 'kept';
  /** `registry` has no upstream and takes pushes; the default is a mirror. */
  readonly role?: 'mirror' | 'registry';
}

/** Starts a contestant alone, runs the measurement, and stops it whatever happened. */
export async function withEntrant<Result>(
  bench: Bench,
  entry: Entry,
  measure: (entrant: Entrant) => Promise<Result>,
): Promise<Result> {
  const { workspace, upstream } = bench;
  const { contestant, distance, cache, role = 'mirror' } = entry;
  const name = `${contestant.key}-${distance}-${cache}`;
  const directory = cache === 'empty' ? await workspace.freshDirectory(name) : await workspace.keptDirectory(name);
  // What earlier runs wrote must not be written back during this one.
  await workspace.run('sync', []);
  const startedAt = performance.now();
  const { url, server } = await contestant.launch({
    workspace,
    directory,
    upstreamUrl: distance === 'near' ? upstream.nearUrl : upstream.farUrl,
    role,
  });
  try {
    await waitForOk(`${url}/v2/`, server);
    return await measure({ url, server, startMs: performance.now() - startedAt });
  } finally {
    await server?.stop();
    if (cache === 'empty') await workspace.freshDirectory(name);
  }
}

/** Pulls an image through a contestant and compares every digest: speed counts only for the right bytes. */
export async function verifyImage(entrant: Entrant, image: BenchImage): Promise<void> {
  const manifest = await getAnswer(manifestUrl(entrant, image));
  if (manifest.digest !== image.manifest.digest) {
    throw new Error(`manifest: status ${manifest.status}, digest ${manifest.digest}`);
  }
  for (const blob of [image.config, ...image.layers]) {
    const answer = await getAnswer(blobUrl(entrant, image, blob));
    if (answer.digest !== blob.digest) throw new Error(`blob ${blob.digest}: status ${answer.status}, wrong content`);
  }
}

/** The URL of an image's manifest by tag. */
export function manifestUrl(entrant: Entrant, image: BenchImage): string {
  return `${entrant.url}/v2/${image.repository}/manifests/${image.tag}`;
}

/** The URL of one blob of an image. */
export function blobUrl(entrant: Entrant, image: BenchImage, blob: Blob | undefined): string {
  return `${entrant.url}/v2/${image.repository}/blobs/${blob?.digest ?? ''}`;
}
