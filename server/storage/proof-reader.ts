import type { Worker } from 'node:worker_threads';
import { StorageError } from '../errors.ts';
import { startWorker } from '../lib/worker.ts';
import type { DigestAlgorithm } from '../oci/digest.ts';

/** Most bytes of one read. */
export const proofBytes = 1024 * 1024;

/** Message to the proof worker; each gets one answer. */
export type ProofRequest =
  | { readonly op: 'start'; readonly algorithm: DigestAlgorithm }
  | { readonly op: 'read'; readonly fd: number; readonly position: number; readonly length: number }
  | { readonly op: 'finish' };

/** The proof worker's answer. */
export type ProofAnswer =
  | { readonly op: 'started' }
  | { readonly op: 'read'; readonly bytes: number }
  | { readonly op: 'refused'; readonly code: string | undefined; readonly message: string }
  | { readonly op: 'hashed'; readonly hex: string };

interface Pending {
  readonly resolve: (answer: ProofAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** Reads and hashes one file after the other, off the main thread. The worker starts when first needed. */
export class ProofReader {
  #worker: Worker | undefined;
  #pending: Pending | undefined;

  /** Begins the hash of the next file; what was read of another is forgotten. */
  async start(algorithm: DigestAlgorithm): Promise<void> {
    await this.#ask({ op: 'start', algorithm });
  }

  /**
   * Reads on in an open file, at most {@link proofBytes}, and hashes what came; 0 at its end.
   * @throws the system's error, with its `code`
   */
  async read(fd: number, position: number, length: number): Promise<number> {
    const answer = await this.#ask({ op: 'read', fd, position, length });
    if (answer.op === 'read') return answer.bytes;
    if (answer.op === 'refused') throw Object.assign(new Error(answer.message), { code: answer.code });
    throw outOfStep();
  }

  /** Hexadecimal hash of what was read. */
  async finish(): Promise<string> {
    const answer = await this.#ask({ op: 'finish' });
    if (answer.op === 'hashed') return answer.hex;
    throw outOfStep();
  }

  /** Call when nothing is being read. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #ask(request: ProofRequest): Promise<ProofAnswer> {
    const worker = (this.#worker ??= this.#start());
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      worker.postMessage(request);
    });
  }

  #start(): Worker {
    const worker = startWorker('storage/proof-worker', undefined);
    worker.unref();
    worker.on('message', (answer: ProofAnswer) => {
      this.#pending?.resolve(answer);
    });
    worker.on('error', (cause) => {
      if (this.#worker === worker) this.#worker = undefined;
      this.#pending?.reject(new StorageError('STORAGE_FAILED', 'the proof worker failed', { cause }));
    });
    return worker;
  }
}

function outOfStep(): StorageError {
  return new StorageError('STORAGE_FAILED', 'the proof worker answered something else');
}
