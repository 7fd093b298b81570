import { rm } from 'node:fs/promises';
import { streamPastCap } from './cap.ts';

/**
 * The whole form of the cap's promise: 10 GiB of pulls through a mirror that may keep 1 GiB. Prints the worst figure seen;
 * exit code 1 when it was more than the cap and the blobs in flight.
 */
const gibibyte = 2 ** 30;
const capBytes = gibibyte;
const startedAt = performance.now();
const result = await streamPastCap({
  capBytes,
  streamBytes: 10 * capBytes,
  layerBytes: 16 * 2 ** 20,
  layersPerImage: 4,
  clients: 6,
});
await result.mirror.stop();
await result.upstream.stop();
await rm(result.mirror.dataDirectory, { recursive: true, force: true });
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
process.stdout.write(
  `${String(result.images)} images in ${((performance.now() - startedAt) / 1000).toFixed(0)} s, ${String(result.looks)} looks at the disk\n` +
    `cap ${mebibytes(capBytes)}, in flight at most ${mebibytes(result.inFlightBytes)}, worst ${mebibytes(result.worstBytes)}\n`,
);
process.exitCode = result.worstBytes <= capBytes + result.inFlightBytes ? 0 : 1;
