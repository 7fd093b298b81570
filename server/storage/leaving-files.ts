import { mkdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { storageError } from '../db/database.ts';
import { limit } from '../lib/concurrency.ts';
import { isDigest } from '../oci/digest.ts';
import type { Layout } from './layout.ts';

const filesAtOnce = 4;
/** Over all instances: two of them must not choose the same name. */
let counter = 0;

/** Files that were set aside, and what could not be. */
export interface LeavingBatch {
  readonly paths: readonly string[];
  readonly failures: readonly unknown[];
}

/**
 * Takes files out of the content folder:
 *
 *   blobs/sha256/ab/abcd… ─► incoming/….gone (at once) ─► removed
 *
 * The rename happens in the turn of the transaction that removed the row, so a new blob of the same digest can't meet the
 * old file; who has it open reads on. A crash before the removal leaves `.gone` files, which go at the next start.
 */
export class LeavingFiles {
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /**
   * Sets the files of blobs aside, whose rows went in this very turn, on whatever volume: without a row it may have none.
   * Never throws.
   */
  setAside(digests: readonly string[]): LeavingBatch {
    const volumes = digests.length === 0 ? [] : this.#layout.volumes.present();
    const held = digests.filter(isDigest);
    return this.setAsideFiles(volumes.flatMap((volume) => held.map((digest) => volume.blob(digest))));
  }

  /** Sets any files of the content folder aside; what is gone already is no failure. */
  setAsideFiles(files: readonly string[]): LeavingBatch {
    const paths: string[] = [];
    const failures: unknown[] = [];
    if (files.length === 0) return { paths, failures };
    try {
      for (const { incoming } of this.#layout.volumes.present()) mkdirSync(incoming, { recursive: true });
      for (const file of files) {
        counter += 1;
        const path = join(
          this.#layout.volumes.holding(file).incoming,
          `${String(process.pid)}-${String(counter)}.gone`,
        );
        if (renamed(file, path, failures)) paths.push(path);
      }
    } catch (error) {
      failures.push(error);
    }
    return { paths, failures };
  }

  /**
   * Removes what was set aside; resolves when the bytes are free.
   * @throws StorageError when a file could not be removed (it goes at the next start)
   */
  async remove({ paths, failures }: LeavingBatch): Promise<void> {
    const turn = limit(filesAtOnce);
    const results = await Promise.allSettled(paths.map((path) => turn(() => rm(path, { force: true }))));
    const all = [...failures];
    for (const result of results) if (result.status === 'rejected') all.push(result.reason);
    if (all.length > 0) throw storageError(all[0], `removing ${String(all.length)} files of deleted content`);
  }
}

function renamed(from: string, to: string, failures: unknown[]): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') failures.push(error);
    return false;
  }
}
