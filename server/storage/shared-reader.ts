import type { FileHandle } from 'node:fs/promises';
import { StorageError } from '../errors.ts';
import { BlockPool } from '../lib/blocks.ts';
import type { Block } from '../lib/blocks.ts';
import { SharedBlocks } from '../lib/shared-blocks.ts';
import type { Digest } from '../oci/digest.ts';

/** Bytes of one read. */
export const readBytes = 1024 * 1024;
/** Blocks kept of a blob that several clients read: they move in near lockstep, so one read serves many. */
const sharedBlocks = 12;
/** Blocks kept for a single reader: the one on its way out and the one read ahead. */
const singleBlocks = 2;

const pool = new BlockPool(readBytes, 24);
let blockCount = 0;

/** Reads of one held blob, shared by everybody who sends it now. Blocks are reused memory: release each after use. */
class SharedReader {
  readonly #handle: FileHandle;
  readonly #sizeBytes: number;
  readonly #blocks = new SharedBlocks((index) => this.#read(index));
  #isBroken = false;
  users = 0;

  constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle;
    this.#sizeBytes = sizeBytes;
  }

  /** Begins to read a block before it is asked for. */
  prefetch(index: number): void {
    if (index * readBytes < this.#sizeBytes) this.#blocks.prefetch(index, this.#keep);
  }

  /** A block, retained for the caller. @throws StorageError (STORAGE_FAILED) */
  async take(index: number): Promise<Block> {
    if (this.#isBroken) throw new StorageError('STORAGE_FAILED', 'the blob was found damaged while it was read');
    return this.#blocks.take(index, this.#keep);
  }

  /** Nobody gets another block. */
  break(): void {
    this.#isBroken = true;
  }

  async close(): Promise<void> {
    await this.#blocks.close();
    await this.#handle.close();
  }

  get #keep(): number {
    return this.users > 1 ? sharedBlocks : singleBlocks;
  }

  async #read(index: number): Promise<Block> {
    const start = index * readBytes;
    const length = Math.min(readBytes, this.#sizeBytes - start);
    const block = pool.take();
    blockCount += 1;
    const { bytesRead } = await this.#handle.read(block.buffer, 0, length, start);
    if (bytesRead === length) return block;
    throw new StorageError('STORAGE_FAILED', 'the file is shorter than it was');
  }
}

const readers = new Map<Digest, SharedReader>();

/** How many blocks of held blobs were read for clients since the process started. */
export function blocksRead(): number {
  return blockCount;
}

/** Breaks every transfer of a blob that was found damaged: whoever reads it now must not complete. */
export function breakReaders(digest: Digest): void {
  readers.get(digest)?.break();
  readers.delete(digest);
}

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
