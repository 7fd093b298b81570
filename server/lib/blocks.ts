/** Memory that may be used again when everybody who retained it has released it. Whoever keeps bytes past a call retains them. */
export interface Lease {
  retain(): void;
  release(): void;
}

/** Unused blocks go back to the machine when none was freed for this long. */
const trimAfterMs = 5000;

/**
 * Blocks for content on its way through. Allocating them anew would cost more than everything else: each 64 MiB of fresh
 * buffers makes the engine collect garbage, which took a fifth of the CPU of a cold pull. They are shared memory, so that a
 * worker thread writes and hashes the very bytes the network filled.
 */
export class BlockPool {
  readonly #sizeBytes: number;
  readonly #limit: number;
  readonly #free: Buffer[] = [];
  #trim: NodeJS.Timeout | undefined;

  /** Blocks of `sizeBytes`; at most `limit` unused ones are kept. */
  constructor(sizeBytes: number, limit: number) {
    this.#sizeBytes = sizeBytes;
    this.#limit = limit;
  }

  take(): Block {
    return new Block(this.#free.pop() ?? Buffer.from(new SharedArrayBuffer(this.#sizeBytes)), this.#onFree);
  }

  readonly #onFree = (buffer: Buffer): void => {
    if (this.#free.length < this.#limit) this.#free.push(buffer);
    this.#trim ??= setTimeout(() => {
      this.#trim = undefined;
      this.#free.length = 0;
    }, trimAfterMs).unref();
    this.#trim.refresh();
  };
}

/** One block in use; made with one reference, its maker's. */
export class Block implements Lease {
  readonly buffer: Buffer;
  readonly #onFree: (buffer: Buffer) => void;
  #references = 1;

  constructor(buffer: Buffer, onFree: (buffer: Buffer) => void) {
    this.buffer = buffer;
    this.#onFree = onFree;
  }

  retain(): void {
    this.#references += 1;
  }

  release(): void {
    this.#references -= 1;
    if (this.#references === 0) this.#onFree(this.buffer);
    if (this.#references < 0) throw new Error('a block was released more often than it was retained');
  }
}
