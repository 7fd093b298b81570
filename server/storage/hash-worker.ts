import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { HashRequest } from './hash-pool.ts';

/** Hashes files while they grow: reads what the writer says is on disk, so what is proved is what was stored. */
interface Job {
  readonly hash: Hash;
  readonly path: string;
  fd: number | undefined;
  position: number;
  error: string | undefined;
}

const jobs = new Map<number, Job>();
const buffer = Buffer.allocUnsafe(1024 * 1024);
const port = parentPort;
if (port === null) throw new Error('hash-worker runs only as a worker thread');

function advance(job: Job, to: number): void {
  job.fd ??= openSync(job.path, 'r');
  while (job.position < to) {
    const read = readSync(job.fd, buffer, 0, Math.min(buffer.length, to - job.position), job.position);
    if (read === 0) throw new Error('the file is shorter than what was written to it');
    job.hash.update(buffer.subarray(0, read));
    job.position += read;
  }
}

function close(id: number, job: Job): void {
  jobs.delete(id);
  if (job.fd !== undefined) closeSync(job.fd);
}

function apply(job: Job, request: HashRequest): void {
  try {
    if (request.op === 'advance') advance(job, request.to);
    if (request.op === 'append') job.hash.update(request.bytes);
  } catch (error) {
    job.error ??= error instanceof Error ? error.message : String(error);
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
  if (job === undefined) return;
  if (request.op === 'advance' || request.op === 'append') apply(job, request);
  if (request.op === 'advance' || request.op === 'append') return;
  close(request.id, job);
  if (request.op === 'finish') {
    port.postMessage({
      id: request.id,
      hex: job.error === undefined ? job.hash.digest('hex') : undefined,
      error: job.error,
    });
  }
});
