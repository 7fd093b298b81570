import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { ProofAnswer, ProofRequest } from './proof-reader.ts';
import { proofBytes } from './proof-reader.ts';

/**
 * Reads stored content again and hashes it, one file after the other: beside the main thread, and beside the workers that
 * hash transfers, which must not wait for it.
 */
// WebAssembly's memory begins at a page: what O_DIRECT asks of a buffer and nothing else of JavaScript promises
const buffer = new Uint8Array(new WebAssembly.Memory({ initial: proofBytes / 65_536 }).buffer);
const port = parentPort;
if (port === null) throw new Error('proof-worker runs only as a worker thread');

let hash = createHash('sha256');

function answer(request: ProofRequest): ProofAnswer {
  switch (request.op) {
    case 'start':
      hash = createHash(request.algorithm);
      return { op: 'started' };
    case 'read':
      return read(request);
    case 'finish':
      return { op: 'hashed', hex: hash.digest('hex') };
  }
}

function read({ fd, position, length }: ProofRequest & { readonly op: 'read' }): ProofAnswer {
  try {
    const bytes = readSync(fd, buffer, 0, length, position);
    hash.update(buffer.subarray(0, bytes));
    return { op: 'read', bytes };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { op: 'refused', code, message };
  }
}

port.on('message', (request: ProofRequest) => {
  port.postMessage(answer(request));
});
