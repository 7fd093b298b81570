import type { AuditIndex } from './audit-index.ts';
import { rotatedFiles } from './log-files.ts';
import { openSource } from './log-source.ts';
import type { LogSource } from './log-source.ts';

/**
 * Leads the index through the files of the log, one slice at a time: a file that is full stays open until all of it is
 * indexed, so that beginning a new one never waits for the index.
 */
export class IndexFollower {
  readonly #index: AuditIndex;
  readonly #path: string;
  /** Oldest first; the last is the one being written, which its owner closes. */
  #files: LogSource[];
  #isAttached = false;
  #pruneBefore: number | undefined;

  constructor(index: AuditIndex, current: LogSource) {
    this.#index = index;
    this.#path = current.path;
    const rotated = rotatedFiles(current.path).map(({ path }) => path);
    this.#files = [...index.behind(current.path, rotated).map(openSource), current];
  }

  /** `next` takes the lines from now on; the file before it is closed when it is indexed. */
  rotated(next: LogSource): void {
    this.#files.push(next);
  }

  /** The file was emptied in place: it begins anew, when all before it is indexed. */
  heedEmptied(): void {
    if (this.#files.length === 1 && this.#isAttached && this.#index.isAhead) this.#isAttached = false;
  }

  /** Rows older than this, in milliseconds since the epoch, go. */
  prune(before: number): void {
    this.#pruneBefore = before;
  }

  /** Does a part of what there is to do; true when nothing is left. @throws what the database refuses */
  step(): boolean {
    const [file, next] = this.#files;
    if (file === undefined) return true;
    this.#attach(file, next !== undefined);
    if (!this.#index.catchUp()) return false;
    if (next !== undefined) {
      this.#files.shift();
      file.close();
      this.#index.advance(next);
      return false;
    }
    if (this.#pruneBefore === undefined) return true;
    if (this.#index.prune(this.#pruneBefore)) this.#pruneBefore = undefined;
    return this.#pruneBefore === undefined;
  }

  /** Closes what it opened or was handed over; not the file being written. */
  close(): void {
    for (const file of this.#files.splice(0).slice(0, -1)) file.close();
  }

  #attach(file: LogSource, isRotated: boolean): void {
    if (this.#isAttached) return;
    if (isRotated && file.path !== this.#path) this.#index.attachRotated(file, this.#path);
    else this.#index.attach(file);
    this.#isAttached = true;
  }
}
