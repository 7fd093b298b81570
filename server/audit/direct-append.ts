import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import type { Progress } from './audit-channel.ts';
import { appendLines } from './audit-file.ts';
import type { Appended } from './audit-file.ts';
import { bytesOfLines, chainLines, countLines } from './chain.ts';

interface OpenFile {
  readonly fd: number;
  readonly turns: number;
  readonly ino: number;
}

/**
 * The calling thread's own way into the log, beside the writer: a few lines at once cost less than waking another thread,
 * and are in the file before the thread takes up its next work.
 */
export class DirectAppend {
  readonly #path: string;
  readonly #progress: Progress;
  #file: OpenFile | undefined;

  constructor(path: string, progress: Progress) {
    this.#path = path;
    this.#progress = progress;
  }

  /**
   * Appends whole lines if nobody else is appending just now; never waits. `rest` is what the writer has to write,
   * because somebody is, or the file was renamed, or the disk refused.
   */
  append(text: string): { readonly isDone: boolean; readonly rest: string } {
    if (!this.#progress.acquire('caller', 0)) return { isDone: false, rest: text };
    try {
      const { taken } = this.#isRenamed() ? { taken: 0 } : this.appendHeld(text);
      const rest = taken === 0 ? text : Buffer.from(text).subarray(taken).toString();
      return { isDone: rest === '', rest };
    } catch {
      // the writer meets the same, and reports it
      return { isDone: false, rest: text };
    } finally {
      this.#progress.release('caller');
    }
  }

  /** Appends whole lines; the caller holds the right to. `taken` counts bytes of `text`. @throws when the file can't be opened */
  appendHeld(text: string): Appended {
    const bytes = Buffer.from(text);
    const { head } = this.#progress;
    const chained = chainLines(bytes, head);
    const { taken, error } = appendLines(this.#open().fd, chained.bytes);
    if (taken === chained.bytes.length) {
      this.#progress.head = chained.head;
      return { taken: bytes.length };
    }
    const lines = countLines(chained.bytes.subarray(0, taken));
    const part = chainLines(bytes.subarray(0, bytesOfLines(bytes, lines)), head);
    this.#progress.head = part.head;
    return { taken: bytesOfLines(bytes, lines), error };
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #open(): OpenFile {
    const { turns } = this.#progress;
    if (this.#file?.turns === turns) return this.#file;
    this.close();
    const fd = openSync(this.#path, 'a', 0o600);
    this.#file = { fd, turns, ino: fstatSync(fd).ino };
    return this.#file;
  }

  /** Whoever renamed the file may want to have it for himself now. */
  #isRenamed(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.ino !== this.#open().ino;
  }
}
