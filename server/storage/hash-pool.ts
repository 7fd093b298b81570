import type { Worker } from 'node:worker_threads';
import { createHash } from 'node:crypto';
import { StorageError } from '../errors.ts';
import { startWorker } from '../lib/worker.ts';
import type { DigestAlgorithm } from '../oci/digest.ts';

/** Message to a hash worker; in order per id: start, advance*, append*, then finish or abort. */
export type HashRequest =
  | { readonly op: 'start'; readonly id: number; readonly path: string; readonly algorithm: DigestAlgorithm }
  | { readonly op: 'advance'; readonly id: number; readonly to: number }
  | { readonly op: 'append'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly op: 'finish' | 'abort'; readonly id: number };

/** The hash of one growing file. */
export interface GrowingHash {
  /** The first `to` bytes are in the file now. */
  advance(to: number): void;
  /** Bytes that follow and are not in the file (a full disk). No advance may come after. */
  append(bytes: Buffer): void;
  /** Hexadecimal hash of everything said so far. @throws StorageError (STORAGE_FAILED) */
  finish(): Promise<string>;
  abort(): void;
}

interface Pending {
  readonly resolve: (hex: string) => void;
  readonly reject: (error: Error) => void;
}

interface Slot {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
  jobs: number;
}

/**
 * Hashes off the main thread: SHA-256 runs at 0.25–0.4 GB/s a core here and would stall every other answer.
 * Workers start when first needed.
 */
export class HashPool {
  readonly #size: number;
  readonly #slots: Slot[] = [];
  #nextId = 1;

  constructor(size: number) {
    this.#size = Math.max(1, size);
  }

  /** Starts hashing the file at `path`, which grows as {@link GrowingHash.advance} says. */
  start(path: string, algorithm: DigestAlgorithm): GrowingHash {
    const slot = this.#pick();
    const id = this.#nextId++;
    const post = (request: HashRequest): void => {
      slot.worker.postMessage(request);
    };
    let isOver = false;
    slot.jobs += 1;
    post({ op: 'start', id, path, algorithm });
    return {
      advance: (to) => {
        post({ op: 'advance', id, to });
      },
      append: (bytes) => {
        // a copy: cloning a view would send the whole slab it lies in
        post({ op: 'append', id, bytes: new Uint8Array(bytes) });
      },
      finish: () =>
        new Promise((resolve, reject) => {
          isOver = true;
          slot.pending.set(id, { resolve, reject });
          post({ op: 'finish', id });
        }),
      abort: () => {
        if (isOver) return;
        isOver = true;
        slot.jobs -= 1;
        post({ op: 'abort', id });
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
    worker.on('message', (answer: { id: number; hex?: string; error?: string }) => {
      const pending = slot.pending.get(answer.id);
      slot.pending.delete(answer.id);
      slot.jobs -= 1;
      if (answer.hex !== undefined) pending?.resolve(answer.hex);
      else
        pending?.reject(
          new StorageError('STORAGE_FAILED', `could not read back what was written: ${answer.error ?? 'unknown'}`),
        );
    });
    worker.on('error', (cause) => {
      this.#slots.splice(this.#slots.indexOf(slot), 1);
      for (const pending of slot.pending.values())
        pending.reject(new StorageError('STORAGE_FAILED', 'the hash worker failed', { cause }));
    });
    this.#slots.push(slot);
    return slot;
  }
}

/** A hash on the calling thread, for content so small that a worker's round trip would cost more. */
export function inlineHash(algorithm: DigestAlgorithm): GrowingHash {
  const hash = createHash(algorithm);
  return {
    advance: () => undefined,
    append: (bytes) => {
      hash.update(bytes);
    },
    finish: () => Promise.resolve(hash.digest('hex')),
    abort: () => undefined,
  };
}
