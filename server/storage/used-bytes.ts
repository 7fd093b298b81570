import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database, Statement } from '../db/database.ts';
import type { Layout } from './layout.ts';

/** A download that broke off, kept to be resumed. */
export interface IdlePartial {
  readonly path: string;
  readonly bytes: number;
}

/** How many bytes the content folder holds, as its rows say: each figure is one read of one row. */
export class UsedBytes {
  readonly #layout: Layout;
  readonly #stored: Statement<[], { bytes: number }>;
  readonly #pushed: Statement<[], { bytes: number }>;
  readonly #uploads: Statement<[], { bytes: number }>;

  constructor(db: Database, layout: Layout) {
    this.#layout = layout;
    this.#stored = db.prepare('SELECT bytes FROM storage_totals');
    this.#pushed = db.prepare("SELECT bytes FROM upstream_sizes WHERE upstream = ''");
    this.#uploads = db.prepare('SELECT coalesce(sum(bytes), 0) AS bytes FROM uploads');
  }

  /** Bytes of all blobs. */
  stored(): number {
    return this.#stored.get()?.bytes ?? 0;
  }

  /** Bytes of the blobs of pushed content. */
  pushed(): number {
    return this.#pushed.get()?.bytes ?? 0;
  }

  /** Bytes received of uploads under way. */
  uploads(): number {
    return this.#uploads.get()?.bytes ?? 0;
  }

  /** Downloads that broke off, the oldest first. */
  async partials(): Promise<IdlePartial[]> {
    const found = await Promise.all(this.#layout.volumes.present().map(({ incoming }) => partialsIn(incoming)));
    return found.flat().sort((a, b) => a.at - b.at);
  }

  /** Gives up a download that broke off. */
  async removePartial(path: string): Promise<void> {
    await rm(path, { force: true });
  }
}

async function partialsIn(incoming: string): Promise<(IdlePartial & { readonly at: number })[]> {
  const names = (await readdir(incoming)).filter((name) => name.endsWith('.part') && !name.startsWith('upload-'));
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(incoming, name);
      const stats = await stat(path).catch(() => undefined);
      return stats === undefined ? [] : [{ path, bytes: stats.size, at: stats.mtimeMs }];
    }),
  );
  return found.flat();
}
