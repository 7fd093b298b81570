import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { Database, Statement } from '../db/database.ts';
import type { ChainHead } from './chain.ts';

/** A line that was signed, and made durable before it was remembered here. */
export interface Checkpoint extends ChainHead {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** 32 bytes in base64. */
  readonly publicKey: string;
}

/** The last signed line of a log, beside the log: so that a log cut short is noticed. */
export class CheckpointStore {
  readonly #key: string;
  readonly #load: Statement<[string], Checkpoint>;
  readonly #save: Statement<[string, number, string, number, string]>;

  /** @param directory the data directory: a log inside it is known by its place there */
  constructor(db: Database, directory: string, path: string) {
    this.#key = logKey(path, directory);
    this.#load = db.prepare('SELECT seq, hash, at, public_key AS publicKey FROM audit_chain WHERE log = ?');
    this.#save = db.prepare(
      'INSERT OR REPLACE INTO audit_chain (log, seq, hash, at, public_key) VALUES (?, ?, ?, ?, ?)',
    );
  }

  load(): Checkpoint | undefined {
    return this.#load.get(this.#key);
  }

  save({ seq, hash, at, publicKey }: Checkpoint): void {
    this.#save.run(this.#key, seq, hash, at, publicKey);
  }
}

/** A file in the data directory is known by its place there, so that the directory can be moved; any other by its path. */
export function logKey(path: string, directory: string): string {
  const inside = relative(resolve(directory), resolve(path));
  return inside.startsWith('..') || isAbsolute(inside) ? path : inside.replaceAll(sep, '/');
}
