import { freeSpace } from '../lib/files.ts';
import type { Digest } from '../oci/digest.ts';
import type { Volume, Volumes } from '../storage/volumes.ts';

/** What a reservation is for. */
export interface RoomUse {
  /** What is downloaded; what needs it is not evicted meanwhile. */
  readonly digest?: Digest | undefined;
  /** Where the bytes go; default: the storage directory. */
  readonly volume?: Volume | undefined;
}

/** Bytes that are promised room. */
export interface HeldRoom {
  bytes: number;
  readonly digest: Digest | undefined;
  readonly volume: Volume;
  /** How many of them are on the disk already. */
  written: () => number;
}

/** Bytes free on a volume's disk, default the storage directory's, when all that is promised there is written. */
export function freeOn(volumes: Volumes, held: ReadonlySet<HeldRoom>, volume = volumes.storage): number {
  let promised = 0;
  for (const one of held)
    if (volumes.isSameDisk(one.volume, volume)) promised += Math.max(0, one.bytes - one.written());
  return freeSpace(volume.directory) - promised;
}

/**
 * Whether `more` bytes are too many for a disk that is not the storage directory's. Nothing is evicted for it: what goes by
 * age may be anywhere, and free nothing there.
 */
export function isOtherDiskFull(
  volumes: Volumes,
  use: {
    readonly volume: Volume;
    readonly more: number;
    readonly held: ReadonlySet<HeldRoom>;
    readonly floorBytes: number;
  },
): boolean {
  const { volume, more, held, floorBytes } = use;
  if (volumes.isSameDisk(volume, volumes.storage) || !volumes.isThere(volume)) return false;
  return freeOn(volumes, held, volume) - more < floorBytes;
}
