import { closeSync, openSync } from 'node:fs';
import type { Progress } from './audit-channel.ts';
import { appendLines } from './audit-file.ts';
import { chainLines } from './chain.ts';

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
