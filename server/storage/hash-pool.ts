import type { Worker } from 'node:worker_threads';
import { createHash } from 'node:crypto';
import { StorageError } from '../errors.ts';
import { startWorker } from '../lib/worker.ts';
import type { DigestAlgorithm } from '../oci/digest.ts';

/** Message to a hash worker; in order per id: start, advance or store, append, then finish or abort. */
export type HashRequest =
  | { readonly op: 'start'; readonly id: number; readonly path: string; readonly algorithm: DigestAlgorithm }
  | { readonly op: 'advance'; readonly id: number; readonly to: number }
  | {
      readonly op: 'store';
      readonly id: number;
      readonly fd: number;
      readonly pieces: readonly Uint8Array[];
      readonly position: number;
    }
  | { readonly op: 'append'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly op: 'finish' | 'abort'; readonly id: number };

/** A hash worker's answer to `store` or `finish`. */
export type HashAnswer =
  | {
      readonly op: 'stored';
      readonly id: number;
      readonly bytes: number;
      readonly refused?: { readonly code: string | undefined; readonly message: string };
    }
  | { readonly op: 'hashed'; readonly id: number; readonly hex: string }
  | { readonly op: 'failed'; readonly id: number; readonly message: string };

/** How much of what was to be stored is in the file and in the hash; `error` is the system's when the disk refused the rest. */
export interface Stored {
  readonly bytes: number;
  readonly error?: Error;
}

/** The hash of one growing file. */
export interface GrowingHash {
  /** The first `to` bytes are in the file; they are read back from it. */
  advance(to: number): void;
  /**
   * Writes pieces to the file and hashes them; they must stay as they are until it resolves. `position` is where everything
   * hashed so far ends.
   */
  store(fd: number, pieces: readonly Uint8Array[], position: number): Promise<Stored>;
  /** Bytes that follow and are not in the file (a full disk). Nothing else but finish may come after. */
  append(bytes: Buffer): void;
  /** Hexadecimal hash of everything said so far. @throws StorageError (STORAGE_FAILED) */
  finish(): Promise<string>;
  abort(): void;
}

interface Pending {
  readonly resolve: (answer: HashAnswer) => void;
  readonly reject: (error: Error) => void;
}

interface Slot {
  readonly worker: Worker;
  /** At most one question per job is open. */
  readonly pending: Map<number, Pending>;
  jobs: number;
}

/**
 * Writes and hashes off the main thread: on a CPU without SHA instructions SHA-256 runs at 0.25–0.4 GB/s a core and would
 * stall every other answer, and a disk that is behind would, too. Workers start when first needed.
 */
export class HashPool {
  readonly #size: number;
  readonly #slots: Slot[] = [];
  #nextId = 1;

  constructor(size: number) {
    this.#size = Math.max(1, size);
  }

  /** Starts the hash of the file at `path`. */
  start(path: string, algorithm: DigestAlgorithm): GrowingHash {
    const slot = this.#pick();
    const id = this.#nextId++;
    const post = (request: HashRequest): void => {
      slot.worker.postMessage(request);
    };
    const ask = (request: HashRequest): Promise<HashAnswer> =>
      new Promise((resolve, reject) => {
        slot.pending.set(id, { resolve, reject });
        post(request);
      });
    let isOver = false;
    const end = (): void => {
      if (!isOver) slot.jobs -= 1;
      isOver = true;
    };
    slot.jobs += 1;
    post({ op: 'start', id, path, algorithm });
    return {
      advance: (to) => {
        post({ op: 'advance', id, to });
      },
      store: async (fd, pieces, position) => storedOf(await ask({ op: 'store', id, fd, pieces, position })),
      append: (bytes) => {
        // a copy: cloning a view would send the whole slab it lies in
        post({ op: 'append', id, bytes: new Uint8Array(bytes) });
      },
      finish: async () => hexOf(await ask({ op: 'finish', id }).finally(end)),
      abort: () => {
        if (!isOver) post({ op: 'abort', id });
        end();
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#slots.splice(0).map((slot) => slot.worker.terminate()));
  }

  #pick(): Slot {
    const idle = this.#slots.find((slot) => slot.jobs === 0);
    if (idle !== undefined) return idle;
    if (this.#slots.length < this.#size) return this.#startSlot();
    return this.#slots.reduce((best, slot) => (slot.jobs < best.jobs ? slot : best));
  }

  #startSlot(): Slot {
    const worker = startWorker('storage/hash-worker', undefined);
    const slot: Slot = { worker, pending: new Map(), jobs: 0 };
    worker.unref();
    worker.on('message', (answer: HashAnswer) => {
      const pending = slot.pending.get(answer.id);
      slot.pending.delete(answer.id);
      pending?.resolve(answer);
    });
    worker.on('error', (cause) => {
      this.#slots.splice(this.#slots.indexOf(slot), 1);
      const failed = new StorageError('STORAGE_FAILED', 'the hash worker failed', { cause });
      for (const pending of slot.pending.values()) pending.reject(failed);
    });
    this.#slots.push(slot);
    return slot;
  }
}

function storedOf(answer: HashAnswer): Stored {
  if (answer.op !== 'stored') throw new StorageError('STORAGE_FAILED', 'the hash worker answered something else');
  const { bytes, refused } = answer;
  if (refused === undefined) return { bytes };
  return { bytes, error: Object.assign(new Error(refused.message), { code: refused.code }) };
}

function hexOf(answer: HashAnswer): string {
  if (answer.op === 'hashed') return answer.hex;
  const why = answer.op === 'failed' ? answer.message : 'the hash worker answered something else';
  throw new StorageError('STORAGE_FAILED', `could not read back what was written: ${why}`);
}

/** A hash on the calling thread, for content so small that a worker's round trip would cost more; it stores nothing. */
export function inlineHash(algorithm: DigestAlgorithm): GrowingHash {
  const hash = createHash(algorithm);
  return {
    advance: () => undefined,
    store: () => Promise.reject(new Error('an inline hash stores nothing')),
    append: (bytes) => {
      hash.update(bytes);
    },
    finish: () => Promise.resolve(hash.digest('hex')),
    abort: () => undefined,
  };
}
