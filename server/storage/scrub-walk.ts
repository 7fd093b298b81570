import { statSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { StorageError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import { algorithmOf, digestOf } from '../oci/digest.ts';
import { proveBlob } from './blob-proof.ts';
import type { BlobProof, FileIdentity, Finding } from './blob-proof.ts';
import type { DamageStore, SetAside } from './damage-store.ts';
import type { Layout } from './layout.ts';
import type { ProofReader } from './proof-reader.ts';
import type { ScrubPace } from './scrub-pace.ts';
import type { BlobPlace, DueBlob, ScrubRows } from './scrub-rows.ts';

/** What a walk tells; it goes on when `found` has resolved. */
export interface ScrubTold {
  found(damaged: SetAside, finding: Finding): Promise<void>;
  /** A blob was dealt with. */
  checked(sizeBytes: number): void;
  /** Manifests up to this digest were proved. */
  manifestsTo(digest: string): void;
  warn(message: string, detail: Readonly<Record<string, unknown>>): void;
}

export interface ScrubWalkParts {
  readonly layout: Layout;
  readonly clock: Clock;
  readonly rows: ScrubRows;
  readonly damage: DamageStore;
  readonly reader: ProofReader;
  readonly pace: ScrubPace;
  /** The folder of blobs as it was at the start. */
  readonly folder: FileIdentity;
  readonly told: ScrubTold;
}

const blobsAtOnce = 100;
/** Manifests are hashed on the main thread; they are small, and the event loop turns after this many. */
const manifestsAtOnce = 20;
/** When more files than this can't be read it is the disk that fails, and not single blobs. */
const unreadableLimit = 5;

/** The folder of blobs as the system sees it now. @throws StorageError (STORAGE_FAILED) when it is not there */
export function folderIdentity(layout: Layout): FileIdentity {
  const stats = statSync(layout.blobs, { throwIfNoEntry: false });
  if (stats === undefined) throw folderGone(layout);
  return { device: stats.dev, inode: stats.ino };
}

/** Whether the folder of blobs is the one that was there at the start: a share that is gone takes no blob with it. */
export function isFolderThere(layout: Layout, folder: FileIdentity): boolean {
  const stats = statSync(layout.blobs, { throwIfNoEntry: false });
  return stats?.dev === folder.device && stats.ino === folder.inode;
}

/**
 * Proves every manifest after a digest, in the order of their digests.
 * @throws the signal's reason, StorageError
 */
export async function walkManifests(parts: ScrubWalkParts, after: string, signal: AbortSignal): Promise<void> {
  const { rows, damage, pace, clock, told } = parts;
  for (let at = after; ;) {
    const page = rows.manifestsAfter(at, manifestsAtOnce);
    for (const { digest, content } of page) {
      if (digestOf(content, algorithmOf(digest)) === digest) continue;
      await told.found(damage.setManifestAside(digest, content, clock.now()), 'wrong bytes');
    }
    const last = page.at(-1)?.digest;
    if (last === undefined) return;
    at = last;
    told.manifestsTo(at);
    await payFor(pace, page, signal);
    await turn();
  }
}

async function payFor(
  pace: ScrubPace,
  page: readonly { readonly content: Buffer }[],
  signal: AbortSignal,
): Promise<void> {
  let left = page.reduce((sum, { content }) => sum + content.length, 0);
  while (left > 0) left -= await pace.next(left, signal);
}

/**
 * Reads every blob last proved before `before`, longest ago first. What is right is noted as proved; what is not goes out of
 * service; what could not be read for another reason, and what is on a volume that is not there, is left for the next round.
 * @throws the signal's reason, StorageError when it is the disk and not a blob that fails
 */
export async function walkBlobs(parts: ScrubWalkParts, before: number, signal: AbortSignal): Promise<void> {
  let unreadable = 0;
  for (let at: BlobPlace | undefined; ;) {
    const page = parts.rows.due(at, before, blobsAtOnce);
    for (const blob of page) {
      if (!parts.layout.volumes.isThere(parts.layout.volumes.of(blob.volume))) continue;
      const proof = await proveBlob(parts, blob, signal);
      if (proof.outcome === 'damaged' && proof.finding === 'unreadable') unreadable += 1;
      if (unreadable > unreadableLimit)
        throw new StorageError('STORAGE_FAILED', 'the disk gives errors for many files; look at the disk first');
      await conclude(parts, blob, proof, before);
      parts.told.checked(blob.sizeBytes);
    }
    at = page.at(-1);
    if (at === undefined) return;
  }
}

async function conclude(parts: ScrubWalkParts, blob: DueBlob, proof: BlobProof, before: number): Promise<void> {
  const { rows, damage, clock, told } = parts;
  switch (proof.outcome) {
    case 'right':
      // a wall clock that was set back must not make it due again
      rows.proved(blob.digest, Math.max(clock.now(), before));
      return;
    case 'unsure':
      told.warn('a blob could not be read again', { digest: blob.digest, error: proof.error.message });
      return;
    case 'damaged': {
      if (!isFolderThere(parts.layout, parts.folder)) throw folderGone(parts.layout);
      const { finding, file } = proof;
      const aside = damage.setBlobAside(blob.digest, { finding, file, now: clock.now() });
      if (aside !== undefined) await told.found(aside, finding);
    }
  }
}

function folderGone({ blobs }: Layout): StorageError {
  return new StorageError('STORAGE_FAILED', 'the folder of blobs is not the one it was; is its disk still mounted?', {
    value: blobs,
  });
}
