import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, lstat, mkdir, open, rm } from 'node:fs/promises';
import { storageError } from '../db/database.ts';
import { ContentError, StorageError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import { unreadableReason } from '../lib/text-file.ts';
import { algorithmOf, hexOf } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import type { HashPool } from '../storage/hash-pool.ts';
import type { Layout } from '../storage/layout.ts';
import type { LayoutFile } from '../storage/oci-layout.ts';
import type { Volume } from '../storage/volumes.ts';
import type { Admission, Origin } from './admit.ts';
import type { Reservation, Room } from './room.ts';

export interface BlobImportParts {
  readonly admission: Admission;
  readonly hashes: HashPool;
  readonly layout: Layout;
  readonly clock: Clock;
  readonly room: Pick<Room, 'reserve' | 'hasCap'>;
}

/** A file of another registry's folder that is to become a blob of a repository. */
export interface BlobToImport {
  readonly repository: string;
  readonly origin: Origin;
  readonly digest: Digest;
  readonly file: LayoutFile;
}

/**
 * Takes a file of another folder in as a blob, and leaves the file as it is.
 *
 *   file ─► hard link, or a copy, as incoming/upload-….part ─► hash ─► flush ─► admitted (renamed)
 *
 * What is hashed is what is kept: the link is made first. A crash leaves a file without a row, which the next start removes.
 * @returns how the bytes got here
 * @throws ContentError when they are not what the digest says, StorageError (STORAGE_FULL, STORAGE_FAILED)
 */
export async function importBlob(parts: BlobImportParts, blob: BlobToImport): Promise<'linked' | 'copied'> {
  const { admission, layout, clock } = parts;
  const { repository, origin, digest, file } = blob;
  const volume = layout.volumes.for(repository);
  layout.volumes.refuseMissing(volume);
  const path = volume.upload(randomUUID());
  let reservation: Reservation | undefined;
  try {
    const isLinked = await tryLink(volume, file, path);
    // what is linked takes no space on the disk, and counts against the cap like everything that is kept
    if (!isLinked || parts.room.hasCap) reservation = await reserve(parts.room, volume, file.sizeBytes);
    if (!isLinked) await copy(file, path);
    await verify(parts.hashes, path, blob);
    await admission.admitBlob({ repository, origin, digest, path, sizeBytes: file.sizeBytes, now: clock.now() });
    return isLinked ? 'linked' : 'copied';
  } finally {
    await rm(path, { force: true });
    reservation?.release();
  }
}

/** False on another file system, on one without hard links, and for a file of another user's. */
async function tryLink({ incoming }: Volume, file: LayoutFile, path: string): Promise<boolean> {
  await mkdir(incoming, { recursive: true });
  try {
    await link(file.path, path);
    return true;
  } catch (error) {
    refuseMissing(error);
    return false;
  }
}

async function reserve(room: BlobImportParts['room'], volume: Volume, bytes: number): Promise<Reservation> {
  const reservation = await room.reserve(bytes, { volume });
  if (reservation !== undefined) return reservation;
  throw new StorageError(
    'STORAGE_FULL',
    'there is no room for more: the disk is nearly full, or the storage cap is reached; what came until now stays',
  );
}

async function copy(file: LayoutFile, path: string): Promise<void> {
  try {
    await copyFile(file.path, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  } catch (error) {
    refuseMissing(error);
    if (['EACCES', 'EPERM', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? '')) throw unreadable(error);
    throw storageError(error, `copying ${file.path}`);
  }
}

async function verify(hashes: HashPool, path: string, { digest, file }: BlobToImport): Promise<void> {
  const stats = await lstat(path);
  // somebody may have put something else there since the folder was read
  if (!stats.isFile() || stats.size !== file.sizeBytes) throw new ContentError('it changed while it was read');
  const hash = hashes.start(path, algorithmOf(digest));
  hash.advance(file.sizeBytes);
  let hex: string;
  try {
    hex = await hash.finish();
  } catch (error) {
    throw unreadable(error);
  }
  if (hex !== hexOf(digest)) throw new ContentError('its bytes do not hash to its digest', { value: digest });
  await flushFile(path);
}

/** Other programs may have written the file a moment ago. */
async function flushFile(path: string): Promise<void> {
  // Windows flushes only what is open for writing, and the file may be read-only: there the copy is the system's business
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.datasync();
  } catch (error) {
    throw storageError(error, 'storing an imported blob');
  } finally {
    await handle.close();
  }
}

function refuseMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw unreadable(error);
}

function unreadable(error: unknown): ContentError {
  const why = error instanceof StorageError ? "can't be read to its end" : unreadableReason(error);
  return new ContentError(`it ${why}`, { cause: error });
}
