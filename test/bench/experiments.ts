import { manifestUrl, blobUrl, verifyImage, withEntrant, type Entry, type Turn } from './bench.ts';
import { isComplete } from './clients.ts';
import { measureHerd, measureHerdFar, measureHerdTag, measureMemory } from './herd-rows.ts';
import { getAnswer } from './http-probe.ts';
import type { MeasureId, Readings } from './measures.ts';
import type { RowKey } from './options.ts';
import { measurePush } from './push-rows.ts';
import { now } from './statistics.ts';
import { drainUrl, type Drained } from './stream-client.ts';
import { measureBlob, measureConfig, measureDigest, measureTag, measureTagFar } from './warm-rows.ts';

/** How one row is measured. */
export type Experiment = (turn: Turn) => Promise<Readings>;

/** The measurements, by row; each starts its contestant alone and leaves nothing running. */
export const experiments: Readonly<Record<RowKey, Experiment>> = {
  start: measureStart,
  memory: measureMemory,
  cold: (turn) => measureCold(turn, 'near', ['cold.total', 'cold.manifest', 'cold.firstByte']),
  'cold-far': (turn) => measureCold(turn, 'far', ['coldFar.total', 'coldFar.manifest', 'coldFar.firstByte']),
  tag: measureTag,
  'tag-far': measureTagFar,
  digest: measureDigest,
  config: measureConfig,
  blob: measureBlob,
  herd: measureHerd,
  'herd-tag': measureHerdTag,
  'herd-far': measureHerdFar,
  'push-1': (turn) => measurePush(turn, { layerMebibytes: 1, images: 400, rate: 'push1.rate', cpu: 'push1.cpu' }),
  'push-10': (turn) => measurePush(turn, { layerMebibytes: 10, images: 80, rate: 'push10.rate', cpu: 'push10.cpu' }),
  'push-100': (turn) =>
    measurePush(turn, { layerMebibytes: 100, images: 16, rate: 'push100.rate', cpu: 'push100.cpu' }),
};

async function measureStart({ bench, contestant }: Turn): Promise<Readings> {
  return withEntrant(bench, { contestant, distance: 'near', cache: 'empty' }, ({ server, startMs }) =>
    Promise.resolve(server === undefined ? {} : { 'start.ms': startMs }),
  );
}

/** A pull as clients do it: the manifest by tag, then its config and all layers at once. */
async function measureCold(
  turn: Turn,
  distance: Entry['distance'],
  [total, manifest, firstByte]: readonly [MeasureId, MeasureId, MeasureId],
): Promise<Readings> {
  const { bench, contestant, round } = turn;
  const image = bench.upstream.largeImage;
  return withEntrant(bench, { contestant, distance, cache: 'empty' }, async (entrant) => {
    const startedAt = now();
    const answer = await getAnswer(manifestUrl(entrant, image));
    const answeredAt = now();
    if (answer.digest !== image.manifest.digest) throw new Error(`manifest: status ${answer.status}`);
    const blobs = [...image.layers, image.config];
    const drained = await Promise.all(blobs.map((blob) => drainUrl(blobUrl(entrant, image, blob), 180)));
    const endedAt = now();
    const broken = blobs.filter((blob, index) => !isComplete(drained[index], blob.sizeBytes));
    if (broken.length > 0) throw new Error(`${broken.length} of ${blobs.length} blobs incomplete`);
    if (round === 0 && distance === 'near') await verifyImage(entrant, image);
    return {
      [total]: (endedAt - startedAt) / 1_000,
      [manifest]: (answeredAt - startedAt) / 1_000,
      [firstByte]: (earliestByte(drained.slice(0, image.layers.length)) - startedAt) / 1_000,
    };
  });
}

function earliestByte(drained: readonly Drained[]): number {
  return Math.min(...drained.map((blob) => blob.firstBodyByteAt ?? Number.POSITIVE_INFINITY));
}
