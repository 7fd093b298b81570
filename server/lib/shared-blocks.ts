import type { Block } from './blocks.ts';

/**
 * Blocks that are read once for everybody who wants them now. Readers of the same content move in near lockstep, so the
 * newest few serve all; what is dropped goes back to its pool.
 */
export class SharedBlocks {
  readonly #read: (index: number) => Promise<Block>;
  readonly #blocks = new Map<number, Promise<Block>>();

  /** `read` makes the block of an index. */
  constructor(read: (index: number) => Promise<Block>) {
    this.#read = read;
  }

  /** The block, retained for the caller; beside it the newest are kept, `keep` in all. @throws what reading throws */
  async take(index: number, keep: number): Promise<Block> {
    const block = await this.#find(index, keep);
    block.retain();
    return block;
  }

  /** Begins to read a block before it is asked for. */
  prefetch(index: number, keep: number): void {
    // whoever takes it hears of a failure
    this.#find(index, keep).catch(() => undefined);
  }

  /** Drops all; resolves when no read is under way. */
  async close(): Promise<void> {
    const blocks = [...this.#blocks.values()];
    this.#blocks.clear();
    for (const block of blocks) releaseDropped(block);
    await Promise.allSettled(blocks);
  }

  #find(index: number, keep: number): Promise<Block> {
    const known = this.#blocks.get(index);
    if (known !== undefined) return known;
    const block = this.#read(index);
    this.#blocks.set(index, block);
    // the next who asks tries again
    block.catch(() => {
      if (this.#blocks.get(index) === block) this.#blocks.delete(index);
    });
    for (const [oldest, dropped] of this.#blocks) {
      if (this.#blocks.size <= keep || oldest === index) break;
      this.#blocks.delete(oldest);
      releaseDropped(dropped);
    }
    return block;
  }
}

/** After everybody who waits for it now has retained it: their continuations were queued first. */
function releaseDropped(block: Promise<Block>): void {
  block.then(
    (read) => {
      setImmediate(() => {
        read.release();
      });
    },
    () => undefined,
  );
}
