import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { HashAnswer, HashRequest } from './hash-pool.ts';

/** Writes and hashes content beside the main thread, which both would stall. */
interface Job {
  readonly hash: Hash;
  readonly path: string;
  /** Open only when the file is read back. */
  fd: number | undefined;
  /** Bytes hashed. */
  position: number;
  error: string | undefined;
}

/**
 * One write. Larger ones make the file system take large runs of memory that a virtual machine may never have touched: at
 * 1 MiB a write cost three times as much CPU as at 64 KiB.
 */
const writeBytes = 64 * 1024;
const jobs = new Map<number, Job>();
const buffer = Buffer.allocUnsafe(256 * 1024);
const port = parentPort;
if (port === null) throw new Error('hash-worker runs only as a worker thread');

/** Hashes what is in the file already, up to `to`. */
function readBack(job: Job, to: number): void {
  job.fd ??= openSync(job.path, 'r');
  while (job.position < to) {
    const read = readSync(job.fd, buffer, 0, Math.min(buffer.length, to - job.position), job.position);
    if (read === 0) throw new Error('the file is shorter than what was written to it');
    job.hash.update(buffer.subarray(0, read));
    job.position += read;
  }
}

/** Writes and hashes piece by piece, while each is in the processor's cache. @throws what the disk said; then `position` tells how far it came */
function store(job: Job, request: HashRequest & { readonly op: 'store' }): void {
  for (const piece of request.pieces) {
    for (let from = 0; from < piece.length;) {
      const slice = piece.subarray(from, from + writeBytes);
      const written = writeSync(request.fd, slice, 0, slice.length, job.position);
      job.hash.update(written === slice.length ? slice : slice.subarray(0, written));
      job.position += written;
      from += written;
    }
  }
}

function answerStore(job: Job, request: HashRequest & { readonly op: 'store' }): HashAnswer {
  try {
    if (request.position !== job.position) throw new Error('bytes are to be stored out of order');
    store(job, request);
    return { op: 'stored', id: request.id, bytes: job.position - request.position };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { op: 'stored', id: request.id, bytes: job.position - request.position, refused: { code, message } };
  }
}

function forget(id: number, job: Job): void {
  jobs.delete(id);
  if (job.fd !== undefined) closeSync(job.fd);
}

function answerFinish(id: number, job: Job): HashAnswer {
  forget(id, job);
  return job.error === undefined
    ? { op: 'hashed', id, hex: job.hash.digest('hex') }
    : { op: 'failed', id, message: job.error };
}

function apply(job: Job, request: HashRequest): HashAnswer | undefined {
  switch (request.op) {
    case 'advance':
      try {
        readBack(job, request.to);
      } catch (error) {
        job.error ??= error instanceof Error ? error.message : String(error);
      }
      return undefined;
    case 'append':
      job.hash.update(request.bytes);
      return undefined;
    case 'store':
      return answerStore(job, request);
    case 'finish':
      return answerFinish(request.id, job);
    case 'abort':
      forget(request.id, job);
      return undefined;
    case 'start':
      return undefined;
  }
}

port.on('message', (request: HashRequest) => {
  if (request.op === 'start') {
    jobs.set(request.id, {
      hash: createHash(request.algorithm),
      path: request.path,
      fd: undefined,
      position: 0,
      error: undefined,
    });
    return;
  }
  const job = jobs.get(request.id);
  const answer = job === undefined ? undefined : apply(job, request);
  if (answer !== undefined) port.postMessage(answer);
});
