import type { FileHandle } from 'node:fs/promises';
import { StorageError } from '../errors.ts';
import { BlockPool } from '../lib/blocks.ts';
import type { Block } from '../lib/blocks.ts';
import type { Digest } from '../oci/digest.ts';

/** Bytes of one read. */
export const readBytes = 1024 * 1024;
/** Blocks kept of a blob that several clients read: they move in near lockstep, so one read serves many. */
const sharedBlocks = 12;
/** Blocks kept for a single reader: the one on its way out and the one read ahead. */
const singleBlocks = 2;

const pool = new BlockPool(readBytes, 24);

/** Reads of one held blob, shared by everybody who sends it now. Blocks are reused memory: release each after use. */
class SharedReader {
  readonly #handle: FileHandle;
  readonly #sizeBytes: number;
  readonly #blocks = new Map<number, Promise<Block>>();
  users = 0;

  constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle;
    this.#sizeBytes = sizeBytes;
  }

  /** Begins to read a block before it is asked for. */
  prefetch(index: number): void {
    if (index * readBytes >= this.#sizeBytes) return;
    // whoever takes it hears of a failure
    this.#find(index).catch(() => undefined);
  }

  /** A block, retained for the caller. @throws StorageError (STORAGE_FAILED) */
  async take(index: number): Promise<Block> {
    const block = await this.#find(index);
    block.retain();
    return block;
  }

  async close(): Promise<void> {
    const blocks = [...this.#blocks.values()];
    this.#blocks.clear();
    for (const block of blocks) release(block);
    await Promise.allSettled(blocks);
    await this.#handle.close();
  }

  #find(index: number): Promise<Block> {
    const known = this.#blocks.get(index);
    if (known !== undefined) return known;
    const block = this.#read(index);
    this.#blocks.set(index, block);
    const keep = this.users > 1 ? sharedBlocks : singleBlocks;
    for (const [oldest, dropped] of this.#blocks) {
      if (this.#blocks.size <= keep || oldest === index) break;
      this.#blocks.delete(oldest);
      release(dropped);
    }
    return block;
  }

  async #read(index: number): Promise<Block> {
    const start = index * readBytes;
    const length = Math.min(readBytes, this.#sizeBytes - start);
    const block = pool.take();
    const { bytesRead } = await this.#handle.read(block.buffer, 0, length, start);
    if (bytesRead === length) return block;
    throw new StorageError('STORAGE_FAILED', 'the file is shorter than it was');
  }
}

/** After everybody who waits for it now has retained it: their continuations were queued first. */
function release(block: Promise<Block>): void {
  block.then(
    (read) => {
      setImmediate(() => {
        read.release();
      });
    },
    () => undefined,
  );
}

const readers = new Map<Digest, SharedReader>();

/** A reader's place among the others; `close` when done. */
export interface ReaderSeat {
  prefetch(index: number): void;
  take(index: number): Promise<Block>;
  close(): Promise<void>;
}

/** Joins those who read a held blob now. The handle belongs to the reader from here on. */
export async function shareReader(digest: Digest, handle: FileHandle, sizeBytes: number): Promise<ReaderSeat> {
  const known = readers.get(digest);
  const reader = known ?? new SharedReader(handle, sizeBytes);
  readers.set(digest, reader);
  reader.users += 1;
  if (known !== undefined) await handle.close();
  return {
    prefetch: (index) => {
      reader.prefetch(index);
    },
    take: (index) => reader.take(index),
    close: async () => {
      reader.users -= 1;
      if (reader.users > 0) return;
      if (readers.get(digest) === reader) readers.delete(digest);
      await reader.close();
    },
  };
}
