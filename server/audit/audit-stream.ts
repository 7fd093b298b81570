import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import type { Appended, AuditSink } from './audit-file.ts';

/** How long a full pipe is waited for before the lines go back to the queue. */
const patienceMs = 1000;
const retryMs = 10;
const standardOutput = 1;

/** True when lines can only be passed on, not read back: standard output, a pipe, a terminal. */
export function isStream(file: string): boolean {
  if (file === '-') return true;
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

/** The audit log as a stream: standard output, a named pipe or a terminal. What was passed on can't be taken back. */
export class AuditStream implements AuditSink {
  readonly #fd: number;

  constructor(file: string) {
    this.#fd = file === '-' ? standardOutput : openSync(file, 'a');
  }

  append(bytes: Uint8Array): Appended {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    let taken = 0;
    let waitedMs = 0;
    while (taken < bytes.length) {
      try {
        taken += writeSync(this.#fd, bytes, taken);
        waitedMs = 0;
      } catch (error) {
        // a pipe whose reader is slow: Node makes them non-blocking
        if (!isFull(error) || waitedMs >= patienceMs) return { taken, error };
        Atomics.wait(pause, 0, 0, retryMs);
        waitedMs += retryMs;
      }
    }
    return { taken };
  }

  sync(): void {
    // whoever reads decides what becomes durable
  }

  close(): void {
    if (this.#fd !== standardOutput) closeSync(this.#fd);
  }
}

/** True when the pipe has no room right now. */
function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN';
}

/** True when the reader of the pipe went away for good. */
export function isReaderGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE';
}
