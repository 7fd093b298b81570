import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { randomContent } from '../support/content.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { image } from '../support/image-builder.ts';
import type { Graph } from '../support/image-builder.ts';
import { startTempMirror } from '../support/temp-mirror.ts';
import type { TempMirror } from '../support/temp-mirror.ts';
import type { FakeUpstream } from '../support/fake-upstream/upstream.ts';

/** A stream of pulls through a mirror that may keep only a part of them. All sizes are bytes. */
export interface CapStream {
  readonly capBytes: number;
  /** Bytes of all images together. */
  readonly streamBytes: number;
  readonly layerBytes: number;
  readonly layersPerImage: number;
  /** Images pulled at once; each pulls one blob at a time. */
  readonly clients: number;
}

export interface CapResult {
  readonly images: number;
  /** The most that was on the disk in `blobs/` and `incoming/` at any look. */
  readonly worstBytes: number;
  readonly looks: number;
  /** The most that could be in flight. */
  readonly inFlightBytes: number;
  readonly mirror: TempMirror;
  readonly upstream: FakeUpstream;
  /** Name of the image pulled last. */
  readonly last: string;
}

const lookEveryMs = 4;

/**
 * Pulls more than the cap, each image once and every fifth one twice, and looks at the disk all the time. Each image shares
 * its first layer with four others.
 */
export async function streamPastCap(stream: CapStream): Promise<CapResult> {
  const { capBytes, layerBytes, layersPerImage, clients } = stream;
  const upstream = await startFakeUpstream();
  const mirror = await startTempMirror({
    upstream,
    settings: { storageCap: `${String(capBytes)} B`, freeSpaceFloor: '0 B', log: { level: 'warn' } },
  });
  const disk = watchDisk(mirror.dataDirectory);
  const images = Math.ceil(stream.streamBytes / (layerBytes * layersPerImage));
  let next = 0;
  const client = async (): Promise<void> => {
    for (let at = next++; at < images; at = next++) {
      const name = `soak/app-${String(at % 7)}`;
      upstream.add(name, `v${String(at)}`, streamImage(stream, at));
      for (let pulls = at % 5 === 0 ? 2 : 1; pulls > 0; pulls -= 1) await mirror.pull(`${name}:v${String(at)}`);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const { worstBytes, looks } = disk.stop();
  const last = `soak/app-${String((images - 1) % 7)}:v${String(images - 1)}`;
  return { images, worstBytes, looks, inFlightBytes: clients * layerBytes, mirror, upstream, last };
}

function streamImage({ layerBytes, layersPerImage }: CapStream, at: number): Graph {
  const layers = Array.from({ length: layersPerImage }, (_, layer) => {
    const seed = layer === 0 ? `base ${String(Math.floor(at / 5))}` : `image ${String(at)} layer ${String(layer)}`;
    return { content: randomContent(seed, layerBytes) };
  });
  return image({ layers });
}

function watchDisk(dataDirectory: string): { stop: () => { worstBytes: number; looks: number } } {
  let worstBytes = 0;
  let looks = 0;
  const look = (): void => {
    looks += 1;
    // what moves from the one to the other between the two readings counts twice, never not at all
    const bytes = bytesIn(join(dataDirectory, 'incoming')) + bytesIn(join(dataDirectory, 'blobs'));
    worstBytes = Math.max(worstBytes, bytes);
  };
  const timer = setInterval(look, lookEveryMs);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return { worstBytes, looks };
    },
  };
}

/** Bytes of all files below a folder, as `du --apparent-size` adds them up. */
export function bytesIn(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
