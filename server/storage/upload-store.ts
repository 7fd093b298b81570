import { readdir, rm } from 'node:fs/promises';
import { statSync } from 'node:fs';
import type { Database, Statement } from '../db/database.ts';
import type { DigestAlgorithm } from '../oci/digest.ts';
import type { Layout } from './layout.ts';
import type { Volume } from './volumes.ts';

/** A blob upload under way. */
export interface StoredUpload {
  readonly id: string;
  readonly repository: string;
  /** What it will most likely be named by. */
  readonly algorithm: DigestAlgorithm;
  /** Bytes that were acknowledged and are in the file. */
  readonly bytes: number;
  /** Where they are. */
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly touchedAt: number;
}

interface Row {
  readonly id: string;
  readonly repository: string;
  readonly algorithm: string;
  readonly bytes: number;
  readonly touched_at: number;
  readonly volume: number;
}

const columns = 'SELECT id, repository, algorithm, bytes, touched_at, volume FROM uploads';

/** Rows and files of uploads. A row without its file is no upload; a file without a row goes when it is old. */
export class UploadStore {
  readonly #layout: Layout;
  readonly #select: Statement<[string], Row>;
  readonly #untouched: Statement<[number], { id: string }>;
  readonly #insert: Statement<[string, string, string, number, number]>;
  readonly #advance: Statement<[number, number, string]>;
  readonly #delete: Statement<[string]>;

  constructor(db: Database, layout: Layout) {
    this.#layout = layout;
    this.#select = db.prepare(`${columns} WHERE id = ?`);
    this.#untouched = db.prepare('SELECT id FROM uploads WHERE touched_at < ?');
    this.#insert = db.prepare(
      'INSERT INTO uploads (id, repository, algorithm, bytes, touched_at, volume) VALUES (?, ?, ?, 0, ?, ?)',
    );
    this.#advance = db.prepare('UPDATE uploads SET bytes = ?, touched_at = ? WHERE id = ?');
    this.#delete = db.prepare('DELETE FROM uploads WHERE id = ?');
  }

  /**
   * Where the bytes of a new upload go.
   * @throws StorageError (STORAGE_FAILED) when the repository's directory is not there
   */
  newPath(id: string, repository: string): string {
    const volume = this.#layout.volumes.for(repository);
    this.#layout.volumes.refuseMissing(volume);
    return volume.upload(id);
  }

  /** Where the upload's bytes are. */
  volumeOf(path: string): Volume {
    return this.#layout.volumes.holding(path);
  }

  /** Begins one whose bytes go to `path`. */
  create(upload: Pick<StoredUpload, 'id' | 'repository' | 'algorithm' | 'path'>, now: number): void {
    const { id, repository, algorithm, path } = upload;
    this.#insert.run(id, repository, algorithm, now, this.volumeOf(path).id);
  }

  /** The upload as far as its file is there. */
  find(id: string): StoredUpload | undefined {
    const row = this.#select.get(id);
    if (row === undefined) return undefined;
    const path = this.#path(row);
    const size = row.bytes === 0 ? 0 : (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
    return {
      id,
      repository: row.repository,
      algorithm: row.algorithm === 'sha512' ? 'sha512' : 'sha256',
      bytes: Math.min(row.bytes, size),
      path,
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
    for (const volume of this.#layout.volumes.present())
      for (const name of await readdir(volume.incoming)) {
        const id = /^upload-(.*)\.part$/.exec(name)?.[1];
        if (id !== undefined && this.#select.get(id) === undefined) await rm(volume.upload(id), { force: true });
      }
  }

  /** Forgets an upload whose file became a blob. */
  forget(id: string): void {
    this.#delete.run(id);
  }

  /** Forgets an upload and removes what it left. */
  async remove(id: string): Promise<void> {
    const row = this.#select.get(id);
    this.forget(id);
    if (row !== undefined) await rm(this.#path(row), { force: true });
  }

  #path(row: Row): string {
    return this.#layout.volumes.of(row.volume).upload(row.id);
  }
}
