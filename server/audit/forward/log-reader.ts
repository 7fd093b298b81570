import { statSync } from 'node:fs';
import { readSeal } from '../chain.ts';
import { logFiles } from '../log-files.ts';
import { openSource } from '../log-source.ts';
import type { LogSource } from '../log-source.ts';
import type { ForwardLine } from './receiver.ts';

const lineEnd = 0x0a;
const blockBytes = 256 * 1024;
/** The longest block read in one piece; a longer line is none of ours. */
const maxBlockBytes = 16 * 1024 * 1024;

interface Position {
  readonly source: LogSource;
  readonly inode: number;
  offset: number;
}

/** Reads the lines of a log in the order of their numbers, over all its files, while it is being written. */
export class LogReader {
  readonly #path: string;
  #position: Position | undefined;
  /** Number of the last line read from the position. */
  #seq = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** The next lines after number `after`, at most `limit` and some 256 KiB; empty: there are none yet. */
  read(after: number, limit: number): ForwardLine[] {
    if (this.#position === undefined || this.#seq !== after) this.#seek(after);
    for (;;) {
      const position = this.#position;
      if (position === undefined) return [];
      const { lines, isEnd } = this.#readBlock(position, after, limit);
      if (lines.length > 0) return lines;
      if (isEnd && !this.#next(position)) return [];
    }
  }

  /** Bytes of the log after the position. */
  bytesBehind(): number {
    const files = logFiles(this.#path).map(({ path }) => openStats(path));
    const at = this.#position;
    const index = at === undefined ? -1 : files.findIndex(({ inode }) => inode === at.inode);
    const whole = files.slice(index + 1).reduce((sum, { size }) => sum + size, 0);
    return at === undefined || index < 0 ? whole : whole + Math.max(0, at.source.size - at.offset);
  }

  /** Number of the line before the last `bytes` of the log begin. */
  seqBefore(bytes: number): number {
    let left = bytes;
    for (const { path } of logFiles(this.#path).toReversed()) {
      const { size } = openStats(path);
      if (size < left) {
        left -= size;
        continue;
      }
      return firstSeqFrom(path, size - left) - 1;
    }
    return 0;
  }

  close(): void {
    this.#position?.source.close();
    this.#position = undefined;
  }

  #seek(after: number): void {
    this.close();
    const files = logFiles(this.#path);
    const file =
      files.findLast(({ firstSeq }) => firstSeq > 0 && firstSeq <= after + 1) ??
      files.find(({ firstSeq }) => firstSeq > 0) ??
      files.at(-1);
    if (file !== undefined) this.#open(file.path);
    this.#seq = after;
  }

  #open(path: string): void {
    this.close();
    try {
      const source = openSource(path);
      this.#position = { source, inode: statSync(path).ino, offset: 0 };
    } catch {
      // renamed just now: looked for again at the next reading
      this.#position = undefined;
    }
  }

  #readBlock(
    position: Position,
    after: number,
    limit: number,
  ): { readonly lines: ForwardLine[]; readonly isEnd: boolean } {
    const block = readWholeLines(position);
    const lines: ForwardLine[] = [];
    let start = 0;
    for (let end = block.indexOf(lineEnd); end >= 0; end = block.indexOf(lineEnd, start)) {
      const line = block.subarray(start, end);
      const seq = readSeal(line)?.seq ?? 0;
      if (seq > after && seq > this.#seq) {
        if (lines.length === limit) break;
        lines.push({ id: String(seq), seq, text: line.toString('utf8') });
        this.#seq = seq;
      }
      start = end + 1;
    }
    position.offset += start;
    return { lines, isEnd: start === 0 };
  }

  /** The file after the one that is read to its end; false: it is the last. */
  #next(position: Position): boolean {
    if (statSync(this.#path, { throwIfNoEntry: false })?.ino === position.inode) return false;
    const files = logFiles(this.#path);
    const next = files.find(({ firstSeq }) => firstSeq > this.#seq) ?? files.find(({ firstSeq }) => firstSeq === 0);
    if (next === undefined || openStats(next.path).inode === position.inode) return false;
    this.#open(next.path);
    return this.#position !== undefined;
  }
}

function readWholeLines({ source, offset }: Position): Buffer {
  for (let bytes = blockBytes; ; bytes *= 2) {
    const block = Buffer.allocUnsafe(bytes);
    const read = block.subarray(0, source.read(block, offset));
    const end = read.lastIndexOf(lineEnd);
    if (end >= 0 || read.length < bytes || bytes >= maxBlockBytes) return read.subarray(0, end + 1);
  }
}

function firstSeqFrom(path: string, from: number): number {
  const source = openSource(path);
  try {
    const position = { source, inode: 0, offset: from };
    const block = readWholeLines(position);
    let start = from === 0 ? 0 : block.indexOf(lineEnd) + 1;
    for (let end = block.indexOf(lineEnd, start); end >= 0; end = block.indexOf(lineEnd, start)) {
      const seq = readSeal(block.subarray(start, end))?.seq;
      if (seq !== undefined) return seq;
      start = end + 1;
    }
    return 1;
  } finally {
    source.close();
  }
}

function openStats(path: string): { readonly inode: number; readonly size: number } {
  const stats = statSync(path, { throwIfNoEntry: false });
  return { inode: stats?.ino ?? -1, size: stats?.size ?? 0 };
}
