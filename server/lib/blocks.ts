/** Memory that may be used again when everybody who retained it has released it. Whoever keeps bytes past a call retains them. */
export interface Lease {
  retain(): void;
  release(): void;
}

/** Bytes in memory that is used again once the lease is released, which is for whoever got them to do. */
export interface FilledBlock {
  readonly bytes: Buffer;
  readonly lease: Lease;
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

/**
 * Gathers pieces in full blocks; only the last one may be shorter. The memory of the pieces is freed on the way: nobody else may
 * look at them. When the source breaks off, what came before is delivered, and then the error thrown.
 */
export async function* gatherBlocks(
  pieces: AsyncIterable<Buffer>,
  pool: BlockPool,
): AsyncGenerator<FilledBlock, void, undefined> {
  let block: Block | undefined;
  let used = 0;
  try {
    for await (const piece of pieces) {
      for (let from = 0; from < piece.length;) {
        block ??= pool.take();
        const copied = piece.copy(block.buffer, used, from);
        from += copied;
        used += copied;
        if (used < block.buffer.length) continue;
        const full = block;
        block = undefined;
        used = 0;
        yield { bytes: full.buffer, lease: full };
      }
      dropBytes(piece);
    }
  } catch (error) {
    if (block !== undefined) yield { bytes: block.buffer.subarray(0, used), lease: block };
    throw error;
  }
  if (block !== undefined) yield { bytes: block.buffer.subarray(0, used), lease: block };
}

/** Below this, freeing at once costs more than it saves. */
const dropAtLeastBytes = 4096;

/** Left to the garbage collector, what a fast sender sends piles up first, each piece in memory the machine has to find anew. */
function dropBytes(bytes: Buffer): void {
  const { buffer } = bytes;
  const isAlone = buffer instanceof ArrayBuffer && bytes.length === buffer.byteLength;
  if (isAlone && bytes.length >= dropAtLeastBytes) buffer.transfer(0);
}
