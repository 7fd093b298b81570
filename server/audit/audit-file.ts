import {
  closeSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectoryNow } from '../lib/files.ts';
import { parseLine } from './audit-line.ts';

const lineEnd = 0x0a;
const blockBytes = 64 * 1024;

/** What an append achieved: whole lines on a file, any bytes on a stream. `error` when that was not all. */
export interface Appended {
  readonly taken: number;
  readonly error?: unknown;
}

/** Where lines go. */
export interface AuditSink {
  append(bytes: Uint8Array): Appended;
  /** Makes what was appended survive a power cut, where the sink can. */
  sync(): void;
  close(): void;
}

/**
 * The audit log on disk. One thread at a time appends (`Progress.acquire`); whoever does leaves whole lines or nothing.
 */
export class AuditFile implements AuditSink {
  readonly path: string;
  /** Where a line that a crash had cut was moved to, when there was one. */
  readonly tornPath: string | undefined;
  readonly #fd: number;
  readonly #stats: BigIntStats;
  #cutTo: number | undefined;

  /**
   * Opens the file at `path`, creating it (mode 0600) and its folders (0700); a torn last line is moved beside it.
   * @param now milliseconds since the epoch, for the name of what is moved
   */
  constructor(path: string, now: number) {
    this.path = path;
    const created = mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#fd = openSync(path, 'a+', 0o600);
    try {
      this.#stats = fstatSync(this.#fd, { bigint: true });
      if (this.#stats.size === 0n) syncDirectoryNow(dirname(path));
      if (created !== undefined) syncDirectoryNow(dirname(created));
      this.tornPath = this.#repair(now);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  get size(): number {
    return fstatSync(this.#fd).size;
  }

  /** True when the path names another file by now, or none: somebody rotated it. */
  isRotated(): boolean {
    const named = statSync(this.path, { bigint: true, throwIfNoEntry: false });
    return named?.ino !== this.#stats.ino || named.dev !== this.#stats.dev;
  }

  append(bytes: Uint8Array): Appended {
    try {
      // a cut that the disk refused last time comes first: nothing may follow half a line
      if (this.#cutTo !== undefined) ftruncateSync(this.#fd, this.#cutTo);
      this.#cutTo = undefined;
    } catch (error) {
      return { taken: 0, error };
    }
    const appended = appendLines(this.#fd, bytes);
    this.#cutTo = appended.cutTo;
    return appended;
  }

  /** Reads at `position` into `buffer`; returns the bytes read. */
  read(buffer: Uint8Array, position: number): number {
    return readSync(this.#fd, buffer, 0, buffer.length, position);
  }

  sync(): void {
    fsyncSync(this.#fd);
  }

  /** The same without waiting for the disk: lines are appended meanwhile. */
  syncBeside(done: (error: Error | null) => void): void {
    fsync(this.#fd, done);
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** A crash can cut the last line. A whole one that lacks only its end is completed, any other moved aside. */
  #repair(now: number): string | undefined {
    const size = this.size;
    const start = this.#lastLineStart(size);
    if (start === size) return undefined;
    const torn = Buffer.alloc(size - start);
    this.read(torn, start);
    if (parseLine(torn.toString('utf8')) !== undefined) {
      appendLines(this.#fd, Buffer.from('\n'));
      return undefined;
    }
    const path = `${this.path}.torn-${new Date(now).toISOString().replaceAll(/[:.-]/g, '')}`;
    // kept before it is cut: a crash in between leaves it twice, never not at all
    writeFileSync(path, torn, { mode: 0o600, flush: true });
    ftruncateSync(this.#fd, start);
    this.sync();
    return path;
  }

  #lastLineStart(size: number): number {
    const block = Buffer.alloc(Math.min(blockBytes, size));
    for (let end = size; end > 0; end -= block.length) {
      const start = Math.max(0, end - block.length);
      const read = this.read(block.subarray(0, end - start), start);
      const found = block.subarray(0, read).lastIndexOf(lineEnd);
      if (found >= 0) return start + found + 1;
    }
    return 0;
  }
}

/**
 * Appends whole lines to a file opened with O_APPEND. When the disk refuses in the middle, the begun line is cut off
 * again; `cutTo` is the size still to be cut to when even that was refused. The caller holds the right to append.
 */
export function appendLines(fd: number, bytes: Uint8Array): Appended & { readonly cutTo?: number | undefined } {
  let written = 0;
  let before = 0;
  try {
    before = fstatSync(fd).size;
    while (written < bytes.length) written += writeSync(fd, bytes, written);
    return { taken: written };
  } catch (error) {
    const taken = written === 0 ? 0 : bytes.lastIndexOf(lineEnd, written - 1) + 1;
    return taken === written ? { taken, error } : { taken, error, cutTo: cut(fd, before + taken) };
  }
}

function cut(fd: number, size: number): number | undefined {
  try {
    ftruncateSync(fd, size);
    return undefined;
  } catch {
    return size;
  }
}
