import { closeSync, openSync } from 'node:fs';
import type { Progress } from './audit-channel.ts';
import { appendLines } from './audit-file.ts';
import { AuditStream } from './audit-stream.ts';
import { chainLines } from './chain.ts';

/** PIPE_BUF of Linux: a write up to this size is never split (pipe(7)). */
const atomicPipeBytes = 4096;

/**
 * Appends one line beside the writer, for a thread that has no room left to hold it; the caller holds the right to append.
 * Returns why it could not. @throws when the file can't be opened
 */
export function appendBeside(path: string, progress: Progress, line: string): unknown {
  const chained = chainLines(Buffer.from(line), progress.head);
  const fd = openSync(path, 'a', 0o600);
  try {
    const { taken, error } = appendLines(fd, chained.bytes);
    if (taken === chained.bytes.length) progress.head = chained.head;
    return error;
  } finally {
    closeSync(fd);
  }
}

/** The same for a stream, which takes this much whole or not at all: half a line could not be taken back. */
export function passOn(path: string, line: string): unknown {
  const bytes = Buffer.from(line);
  if (bytes.length > atomicPipeBytes) return Object.assign(new Error('the reader does not read'), { code: 'EAGAIN' });
  const stream = new AuditStream(path);
  try {
    return stream.append(bytes).error;
  } finally {
    stream.close();
  }
}
