import type { FilledBlock } from '../lib/blocks.ts';

/** Blocks that may wait in one queue. */
const ownLimit = 8;
/** Blocks that may wait in all queues together (24 MiB of an upload's blocks); one in each may always wait. */
const commonLimit = 48;

let waitingEverywhere = 0;

/**
 * Blocks of one file on their way to the disk. Whatever waits goes in one step, so that a machine with more to do than it has
 * processors makes the steps larger, not the transfer slower.
 */
export class WriteQueue {
  readonly #write: (pieces: readonly Buffer[]) => Promise<void>;
  readonly #waiting: FilledBlock[] = [];
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** `write` gets pieces in order, never while an earlier call is under way; after it failed it is not called again. */
  constructor(write: (pieces: readonly Buffer[]) => Promise<void>) {
    this.#write = write;
  }

  /** Takes a block and its lease; resolves when there is room for another one. @throws what `write` threw */
  async push(block: FilledBlock): Promise<void> {
    this.#waiting.push(block);
    waitingEverywhere += 1;
    if (this.#writing === undefined) this.#start();
    while (this.#isFull && this.#writing !== undefined) await this.#writing;
    this.#rethrow();
  }

  /** Resolves when everything is written. @throws what `write` threw */
  async end(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    this.#rethrow();
  }

  get #isFull(): boolean {
    const waiting = this.#waiting.length;
    return waiting >= ownLimit || (waiting > 0 && waitingEverywhere >= commonLimit);
  }

  #start(): void {
    this.#writing = this.#step().then(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0) this.#start();
    });
  }

  /** Writes what waits; never rejects. */
  async #step(): Promise<void> {
    const blocks = this.#waiting.splice(0);
    waitingEverywhere -= blocks.length;
    try {
      if (this.#failure === undefined) await this.#write(blocks.map(({ bytes }) => bytes));
    } catch (error) {
      this.#failure = { error };
    } finally {
      for (const { lease } of blocks) lease.release();
    }
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
