import { constants, fstatSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Database, Statement } from '../db/database.ts';
import { inTransaction, storageError } from '../db/database.ts';
import { commitFile, syncDirectory } from '../lib/files.ts';
import type { Digest } from '../oci/digest.ts';
import type { FileIdentity, Finding } from './blob-proof.ts';
import type { Layout } from './layout.ts';
import type { Volume } from './volumes.ts';

interface Row {
  readonly size: number;
  readonly volume: number;
}

/** A blob's file, open for reading, and its size in bytes. Close the handle. */
export interface OpenBlob {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
}

/**
 * Verified blobs: a file each, a row each. A row without a file is a loss (found by {@link open}, the row goes), a file
 * without a row a crash between rename and commit (found by `maintenance`).
 */
export class BlobStore {
  readonly #layout: Layout;
  readonly #db: Database;
  readonly #row: Statement<[string], Row>;
  readonly #insert: Statement<[string, number, number, number]>;
  readonly #link: Statement<[number, string, number]>;
  readonly #isLinked: Statement<[number, string], { one: number }>;
  readonly #isInOwn: Statement<[string], { one: number }>;
  readonly #total: Statement<[], { bytes: number | null }>;
  #tellDamaged: ((digest: Digest, finding: Finding, file: FileIdentity | undefined) => void) | undefined;

  constructor(db: Database, layout: Layout) {
    this.#db = db;
    this.#layout = layout;
    this.#row = db.prepare('SELECT size, volume FROM blobs WHERE digest = ?');
    this.#insert = db.prepare(
      `INSERT INTO blobs (digest, size, created_at, volume) VALUES (?, ?, ?, ?)
       ON CONFLICT (digest) DO UPDATE SET volume = excluded.volume WHERE volume <> excluded.volume`,
    );
    this.#link = db.prepare(
      'INSERT INTO repository_blobs (repository_id, digest, first_seen_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    );
    this.#isLinked = db.prepare('SELECT 1 AS one FROM repository_blobs WHERE repository_id = ? AND digest = ?');
    this.#isInOwn = db.prepare(
      `SELECT 1 AS one FROM repository_blobs l JOIN repositories r ON r.id = l.repository_id AND r.upstream IS NULL
       WHERE l.digest = ? LIMIT 1`,
    );
    this.#total = db.prepare('SELECT bytes FROM storage_totals');
  }

  /** Size in bytes of a held blob. */
  sizeOf(digest: Digest): number | undefined {
    return this.#row.get(digest)?.size;
  }

  /** Whether the repository may serve the blob. */
  isLinked(repositoryId: number, digest: Digest): boolean {
    return this.#isLinked.get(repositoryId, digest) !== undefined;
  }

  /** Whether a repository of pushed content has the blob. */
  isInOwnContent(digest: Digest): boolean {
    return this.#isInOwn.get(digest) !== undefined;
  }

  /** Lets the repository serve a held blob. */
  link(repositoryId: number, digest: Digest, now: number): void {
    this.#link.run(repositoryId, digest, now);
  }

  /** Bytes of all held blobs. */
  totalBytes(): number {
    return this.#total.get()?.bytes ?? 0;
  }

  /** From now on `listener` takes a blob out of service whose file {@link open} finds gone or cut; `file` is the one that was cut. */
  onDamaged(listener: (digest: Digest, finding: Finding, file: FileIdentity | undefined) => void): void {
    this.#tellDamaged = listener;
  }

  /**
   * Opens a held blob; undefined when it is not held, its volume is not there, or its file is gone (then the row goes too and
   * it is fetched again).
   */
  async open(digest: Digest): Promise<OpenBlob | undefined> {
    const row = this.#row.get(digest);
    if (row === undefined) return undefined;
    const sizeBytes = row.size;
    const volume = this.#layout.volumes.of(row.volume);
    let finding: Finding = 'missing';
    let file: FileIdentity | undefined;
    try {
      const handle = await open(volume.blob(digest), 'r');
      const stats = await handle.stat();
      // it may have been found damaged, and set aside, while it was opened
      const isHeld = this.sizeOf(digest) === sizeBytes;
      if (isHeld && stats.size === sizeBytes) return { handle, sizeBytes };
      await handle.close();
      if (!isHeld) return undefined;
      finding = 'wrong size';
      file = { device: stats.dev, inode: stats.ino };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(error, `reading blob ${digest}`);
      if (!this.#layout.volumes.isThere(volume)) return undefined;
    }
    if (this.#tellDamaged === undefined) this.#forgetBroken(digest, sizeBytes);
    else this.#tellDamaged(digest, finding, file);
    return undefined;
  }

  /** @throws StorageError (STORAGE_FAILED) when the blob is held, and on a volume that is not there */
  refuseMissing(digest: Digest): void {
    const row = this.#row.get(digest);
    if (row !== undefined) this.#layout.volumes.refuseMissing(this.#layout.volumes.of(row.volume));
  }

  /** Where blobs of a repository go. */
  volumeFor(repository: string): Volume {
    return this.#layout.volumes.for(repository);
  }

  /** Bytes an earlier download left of a blob; one system call, at once. */
  partialBytes(digest: Digest, volume = this.#layout.volumes.storage): number {
    return statSync(volume.partial(digest), { throwIfNoEntry: false })?.size ?? 0;
  }

  /**
   * Opens the file a download grows in, keeping what an earlier one left; the bytes already there are `offset`.
   * @throws StorageError (STORAGE_FULL, STORAGE_FAILED)
   */
  async openPartial(
    digest: Digest,
    volume = this.#layout.volumes.storage,
  ): Promise<{ readonly handle: FileHandle; readonly path: string; readonly offset: number }> {
    this.#layout.volumes.refuseMissing(volume);
    const path = volume.partial(digest);
    try {
      const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
      return { handle, path, offset: fstatSync(handle.fd).size };
    } catch (error) {
      throw storageError(error, `preparing the download of ${digest}`);
    }
  }

  async removePartial(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  /**
   * Makes a verified, complete partial file a held blob of the repositories: fsync, rename, directory fsync, then the rows.
   * It is kept in the volume in which it grew.
   * @throws StorageError (STORAGE_FULL, STORAGE_FAILED)
   */
  async commit(
    digest: Digest,
    partial: { readonly handle: FileHandle; readonly path: string },
    repositoryIds: Iterable<number>,
    now: number,
  ): Promise<void> {
    const volume = this.#layout.volumes.holding(partial.path);
    try {
      await partial.handle.sync();
      const { size } = await partial.handle.stat();
      this.#layout.volumes.refuseMissing(volume);
      await commitFile(partial.path, volume.blob(digest));
      await this.#registerOrUndo({ digest, size, volume, path: partial.path }, repositoryIds, now);
    } catch (error) {
      throw storageError(error, `storing blob ${digest}`);
    }
  }

  /**
   * Makes a verified file that is on the disk a held blob of a repository. Rename and rows happen in the caller's turn, so that
   * a deletion of the same blob comes either before both or after both; resolves when the name is on the disk, too.
   * @throws StorageError (STORAGE_FULL, STORAGE_FAILED)
   */
  async adopt(
    digest: Digest,
    file: { readonly path: string; readonly sizeBytes: number },
    repositoryId: number,
    now: number,
  ): Promise<void> {
    const volume = this.#layout.volumes.holding(file.path);
    const path = volume.blob(digest);
    try {
      this.#layout.volumes.refuseMissing(volume);
      const made = mkdirSync(dirname(path), { recursive: true });
      const isRegistered = this.sizeOf(digest) !== undefined;
      const isHeld = this.isHeld(digest, file.sizeBytes);
      if (!isHeld) renameSync(file.path, path);
      try {
        this.#register({ digest, size: file.sizeBytes, volume: isHeld ? undefined : volume }, [repositoryId], now);
      } catch (error) {
        if (!isRegistered) rmSync(path, { force: true });
        throw error;
      }
      if (isHeld) await rm(file.path, { force: true });
      await syncDirectory(dirname(path));
      if (made !== undefined) await syncDirectory(dirname(made));
    } catch (error) {
      throw storageError(error, `storing blob ${digest}`);
    }
  }

  /** Whether the blob is held and its file is as long as it must be; at once, for who acts on it in the same turn. */
  isHeld(digest: Digest, sizeBytes: number): boolean {
    const row = this.#row.get(digest);
    if (row === undefined) return false;
    return statSync(this.#pathOf(digest, row), { throwIfNoEntry: false })?.size === sizeBytes;
  }

  /** Whether the blob's file is there in full, whatever the rows say. */
  async hasFile(digest: Digest, sizeBytes: number): Promise<boolean> {
    const stats = await stat(this.#pathOf(digest, this.#row.get(digest))).catch(() => undefined);
    return stats?.size === sizeBytes;
  }

  /** Looks again and forgets the rows in one turn: a push that finished since it was looked at has put a whole file there. */
  #forgetBroken(digest: Digest, sizeBytes: number): void {
    if (this.isHeld(digest, sizeBytes)) return;
    const path = this.#pathOf(digest, this.#row.get(digest));
    inTransaction(this.#db, () => {
      this.#db.prepare('DELETE FROM repository_blobs WHERE digest = ?').run(digest);
      this.#db.prepare('DELETE FROM blobs WHERE digest = ?').run(digest);
    });
    rmSync(path, { force: true });
  }

  /** A file without its row is put back: the next pull proves it again, without a download. */
  async #registerOrUndo(
    blob: { readonly digest: Digest; readonly size: number; readonly volume: Volume; readonly path: string },
    repositoryIds: Iterable<number>,
    now: number,
  ): Promise<void> {
    try {
      this.#register(blob, repositoryIds, now);
    } catch (error) {
      await rename(blob.volume.blob(blob.digest), blob.path);
      throw error;
    }
  }

  #pathOf(digest: Digest, row: Row | undefined): string {
    return this.#layout.volumes.of(row?.volume ?? 0).blob(digest);
  }

  /** `volume`: where its file is now; undefined: where its row says. */
  #register(
    { digest, size, volume }: { readonly digest: Digest; readonly size: number; readonly volume: Volume | undefined },
    repositoryIds: Iterable<number>,
    now: number,
  ): void {
    inTransaction(this.#db, () => {
      if (volume !== undefined) this.#insert.run(digest, size, now, volume.id);
      for (const id of repositoryIds) this.#link.run(id, digest, now);
    });
  }
}
