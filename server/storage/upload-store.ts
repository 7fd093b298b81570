import { readdir, rm } from 'node:fs/promises';
import { statSync } from 'node:fs';
import type { Database, Statement } from '../db/database.ts';
import type { DigestAlgorithm } from '../oci/digest.ts';
import type { Layout } from './layout.ts';

/** A blob upload under way. */
export interface StoredUpload {
  readonly id: string;
  readonly repository: string;
  /** What it will most likely be named by. */
  readonly algorithm: DigestAlgorithm;
  /** Bytes that were acknowledged and are in the file. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly touchedAt: number;
}

interface Row {
  readonly id: string;
  readonly repository: string;
  readonly algorithm: string;
  readonly bytes: number;
  readonly touched_at: number;
}

const columns = 'SELECT id, repository, algorithm, bytes, touched_at FROM uploads';

/** Rows and files of uploads. A row without its file is no upload; a file without a row goes when it is old. */
export class UploadStore {
  readonly #layout: Layout;
  readonly #select: Statement<[string], Row>;
  readonly #untouched: Statement<[number], { id: string }>;
  readonly #insert: Statement<[string, string, string, number]>;
  readonly #advance: Statement<[number, number, string]>;
  readonly #delete: Statement<[string]>;

  constructor(db: Database, layout: Layout) {
    this.#layout = layout;
    this.#select = db.prepare(`${columns} WHERE id = ?`);
    this.#untouched = db.prepare('SELECT id FROM uploads WHERE touched_at < ?');
    this.#insert = db.prepare(
      'INSERT INTO uploads (id, repository, algorithm, bytes, touched_at) VALUES (?, ?, ?, 0, ?)',
    );
    this.#advance = db.prepare('UPDATE uploads SET bytes = ?, touched_at = ? WHERE id = ?');
    this.#delete = db.prepare('DELETE FROM uploads WHERE id = ?');
  }

  /** Where the upload's bytes are. */
  path(id: string): string {
    return this.#layout.upload(id);
  }

  create(id: string, repository: string, algorithm: DigestAlgorithm, now: number): void {
    this.#insert.run(id, repository, algorithm, now);
  }

  /** The upload as far as its file is there. */
  find(id: string): StoredUpload | undefined {
    const row = this.#select.get(id);
    if (row === undefined) return undefined;
    const size = row.bytes === 0 ? 0 : (statSync(this.path(id), { throwIfNoEntry: false })?.size ?? 0);
    return {
      id,
      repository: row.repository,
      algorithm: row.algorithm === 'sha512' ? 'sha512' : 'sha256',
      bytes: Math.min(row.bytes, size),
      touchedAt: row.touched_at,
    };
  }

  /** Ids of uploads that nobody touched since `before`. */
  untouchedSince(before: number): string[] {
    return this.#untouched.all(before).map((row) => row.id);
  }

  /** So many bytes may be acknowledged now. */
  advance(id: string, bytes: number, now: number): void {
    this.#advance.run(bytes, now, id);
  }

  /** Removes files no upload goes on with: of requests that were under way when the process ended. */
  async removeOrphans(): Promise<void> {
    for (const name of await readdir(this.#layout.incoming)) {
      const id = /^upload-(.*)\.part$/.exec(name)?.[1];
      if (id !== undefined && this.#select.get(id) === undefined) await rm(this.path(id), { force: true });
    }
  }

  /** Forgets an upload whose file became a blob. */
  forget(id: string): void {
    this.#delete.run(id);
  }

  /** Forgets an upload and removes what it left. */
  async remove(id: string): Promise<void> {
    this.forget(id);
    await rm(this.path(id), { force: true });
  }
}
