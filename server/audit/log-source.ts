import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { readSeal } from './chain.ts';

/** A file of the log to read from. */
export interface LogSource {
  readonly path: string;
  readonly size: number;
  /** Reads at `position` into `buffer`; returns the bytes read. */
  read(buffer: Uint8Array, position: number): number;
  close(): void;
}

const lineEnd = 0x0a;
const blockBytes = 64 * 1024;
/** How far back the last line of the chain is looked for when others wrote after it. */
const searchBytes = 1024 * 1024;

/** Opens a file to be read; it keeps its content when it is renamed or removed meanwhile. */
export function openSource(path: string): LogSource {
  const fd = openSync(path, 'r');
  return {
    path,
    get size() {
      return fstatSync(fd).size;
    },
    read: (buffer, position) => readSync(fd, buffer, 0, buffer.length, position),
    close: () => {
      closeSync(fd);
    },
  };
}

/** The first line without its end; undefined when there is none, or none of usual length. */
export function firstLine(source: LogSource): Buffer | undefined {
  const block = Buffer.alloc(blockBytes);
  const read = block.subarray(0, source.read(block, 0));
  const end = read.indexOf(lineEnd);
  return end < 0 ? undefined : read.subarray(0, end);
}

/** The last whole line without its end; undefined when there is none, or none of usual length. */
export function lastLine(source: LogSource): Buffer | undefined {
  const { size } = source;
  const block = Buffer.alloc(Math.min(blockBytes, size));
  const read = block.subarray(0, source.read(block, size - block.length));
  const end = read.lastIndexOf(lineEnd);
  if (end < 0) return undefined;
  const start = end === 0 ? 0 : read.lastIndexOf(lineEnd, end - 1) + 1;
  return start === 0 && size > block.length ? undefined : read.subarray(start, end);
}

/** The last line that has its place in the chain, without its end; looked for in the last MiB. */
export function lastSealedLine(source: LogSource): Buffer | undefined {
  const { size } = source;
  const block = Buffer.alloc(Math.min(searchBytes, size));
  const read = block.subarray(0, source.read(block, size - block.length));
  for (let end = read.lastIndexOf(lineEnd); end > 0;) {
    const before = read.lastIndexOf(lineEnd, end - 1);
    const line = read.subarray(before + 1, end);
    if ((before >= 0 || size === block.length) && readSeal(line) !== undefined) return line;
    end = before;
  }
  return undefined;
}
