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
  readonly #size: Statement<[string], { size: number }>;
  readonly #insert: Statement<[string, number, number]>;
  readonly #link: Statement<[number, string, number]>;
  readonly #isLinked: Statement<[number, string], { one: number }>;
  readonly #isInOwn: Statement<[string], { one: number }>;
  readonly #total: Statement<[], { bytes: number | null }>;
  #tellDamaged: ((digest: Digest, finding: Finding, file: FileIdentity | undefined) => void) | undefined;

  constructor(db: Database, layout: Layout) {
    this.#db = db;
    this.#layout = layout;
    this.#size = db.prepare('SELECT size FROM blobs WHERE digest = ?');
    this.#insert = db.prepare('INSERT INTO blobs (digest, size, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
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
    return this.#size.get(digest)?.size;
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

  /** Opens a held blob; undefined when it is not held, or its file is gone (then the row goes too and it is fetched again). */
  async open(digest: Digest): Promise<OpenBlob | undefined> {
    const sizeBytes = this.sizeOf(digest);
    if (sizeBytes === undefined) return undefined;
    let finding: Finding = 'missing';
    let file: FileIdentity | undefined;
    try {
      const handle = await open(this.#layout.blob(digest), 'r');
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
    }
    if (this.#tellDamaged === undefined) this.#forgetBroken(digest, sizeBytes);
    else this.#tellDamaged(digest, finding, file);
    return undefined;
  }

  /** Bytes an earlier download left of a blob; one system call, at once. */
  partialBytes(digest: Digest): number {
    return statSync(this.#layout.partial(digest), { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Opens the file a download grows in, keeping what an earlier one left; the bytes already there are `offset`. */
  async openPartial(
    digest: Digest,
  ): Promise<{ readonly handle: FileHandle; readonly path: string; readonly offset: number }> {
    const path = this.#layout.partial(digest);
    try {
      const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
      return { handle, path, offset: fstatSync(handle.fd).size };
    } catch (error) {
      throw storageError(error, `preparing the download of ${digest}`);
    }
  }

  async removePartial(digest: Digest): Promise<void> {
    await rm(this.#layout.partial(digest), { force: true });
  }

  /**
   * Makes a verified, complete partial file a held blob of the repositories: fsync, rename, directory fsync, then the rows.
   * @throws StorageError (STORAGE_FULL, STORAGE_FAILED)
   */
  async commit(digest: Digest, partial: FileHandle, repositoryIds: Iterable<number>, now: number): Promise<void> {
    try {
      await partial.sync();
      const { size } = await partial.stat();
      await commitFile(this.#layout.partial(digest), this.#layout.blob(digest));
      await this.#registerOrUndo(digest, size, repositoryIds, now);
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
    const path = this.#layout.blob(digest);
    try {
      const made = mkdirSync(dirname(path), { recursive: true });
      const isRegistered = this.sizeOf(digest) !== undefined;
      const isHeld = this.isHeld(digest, file.sizeBytes);
      if (!isHeld) renameSync(file.path, path);
      try {
        this.#register(digest, file.sizeBytes, [repositoryId], now);
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
    if (this.sizeOf(digest) === undefined) return false;
    return statSync(this.#layout.blob(digest), { throwIfNoEntry: false })?.size === sizeBytes;
  }

  /** Whether the blob's file is there in full, whatever the rows say. */
  async hasFile(digest: Digest, sizeBytes: number): Promise<boolean> {
    const stats = await stat(this.#layout.blob(digest)).catch(() => undefined);
    return stats?.size === sizeBytes;
  }

  /** Looks again and forgets the rows in one turn: a push that finished since it was looked at has put a whole file there. */
  #forgetBroken(digest: Digest, sizeBytes: number): void {
    if (this.isHeld(digest, sizeBytes)) return;
    inTransaction(this.#db, () => {
      this.#db.prepare('DELETE FROM repository_blobs WHERE digest = ?').run(digest);
      this.#db.prepare('DELETE FROM blobs WHERE digest = ?').run(digest);
    });
    rmSync(this.#layout.blob(digest), { force: true });
  }

  /** A file without its row is put back: the next pull proves it again, without a download. */
  async #registerOrUndo(digest: Digest, size: number, repositoryIds: Iterable<number>, now: number): Promise<void> {
    try {
      this.#register(digest, size, repositoryIds, now);
    } catch (error) {
      await rename(this.#layout.blob(digest), this.#layout.partial(digest));
      throw error;
    }
  }

  #register(digest: Digest, size: number, repositoryIds: Iterable<number>, now: number): void {
    inTransaction(this.#db, () => {
      this.#insert.run(digest, size, now);
      for (const id of repositoryIds) this.#link.run(id, digest, now);
    });
  }
}
