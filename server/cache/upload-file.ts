import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { storageError } from '../db/database.ts';
import { MirrorError } from '../errors.ts';
import { BlockPool } from '../lib/blocks.ts';
import type { Block } from '../lib/blocks.ts';
import type { DigestAlgorithm } from '../oci/digest.ts';
import { inlineHash } from '../storage/hash-pool.ts';
import type { GrowingHash, HashPool } from '../storage/hash-pool.ts';
import { writePieces } from './partial-file.ts';

/** What is sent gathers in blocks of this before it is written and hashed. */
const blockBytes = 1024 * 1024;
/** Unused blocks kept for a while: 8 MiB. */
const freeBlocks = 8;
/** Hashed on the main thread up to this: a worker's round trip costs more. */
const inlineLimit = 256 * 1024;

export interface UploadFileParts {
  readonly path: string;
  /** Bytes that are there already; what is behind them is cut off. */
  readonly bytes: number;
  /** What the whole will most likely be hashed with; another one costs a second reading. */
  readonly algorithm: DigestAlgorithm;
  readonly hashes: HashPool;
}

const blocks = new BlockPool(blockBytes, freeBlocks);

/**
 * The file an upload grows in, written and hashed at once beside the main thread. One caller at a time.
 *
 *   request ─► block (shared memory, two of them in turn) ─► worker ─► file and hash
 */
export class UploadFile {
  readonly path: string;
  readonly #hashes: HashPool;
  #algorithm: DigestAlgorithm;
  #bytes: number;
  #small: GrowingHash | undefined;
  #large: GrowingHash | undefined;

  constructor(parts: UploadFileParts) {
    this.path = parts.path;
    this.#hashes = parts.hashes;
    this.#algorithm = parts.algorithm;
    this.#bytes = parts.bytes;
    if (parts.bytes === 0) this.#small = inlineHash(parts.algorithm);
  }

  /** Bytes that are in the file. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Says early what the whole will be hashed with. */
  expect(algorithm: DigestAlgorithm): void {
    if (algorithm === this.#algorithm) return;
    this.#dropHashes();
    this.#algorithm = algorithm;
    if (this.#bytes === 0) this.#small = inlineHash(algorithm);
  }

  /**
   * Adds what the client sends. When it breaks off, what came before stays.
   * @throws MirrorError (CANCELLED), StorageError (STORAGE_FULL, STORAGE_FAILED)
   */
  async append(body: AsyncIterable<Buffer>): Promise<void> {
    const handle = await this.#open();
    let block: Block | undefined;
    let used = 0;
    let storing: Promise<void> = Promise.resolve();
    const flush = async (isLast: boolean): Promise<void> => {
      const full = block;
      const bytes = used;
      block = undefined;
      used = 0;
      await storing;
      if (full === undefined) return;
      storing = this.#store(handle, full.buffer.subarray(0, bytes), isLast).finally(() => {
        full.release();
      });
      storing.catch(() => undefined);
    };
    try {
      try {
        for await (const piece of body) {
          for (let from = 0; from < piece.length;) {
            block ??= blocks.take();
            const copied = piece.copy(block.buffer, used, from);
            from += copied;
            used += copied;
            if (used === blockBytes) await flush(false);
          }
        }
      } finally {
        await flush(true);
        await storing;
      }
    } catch (error) {
      if (error instanceof MirrorError) throw error;
      throw new MirrorError('CANCELLED', 'the client closed the connection before everything was sent', {
        cause: error,
      });
    } finally {
      await handle.close();
    }
  }

  /** Forgets everything after `bytes`. */
  rollBack(bytes: number): void {
    this.#dropHashes();
    this.#bytes = bytes;
    if (bytes === 0) this.#small = inlineHash(this.#algorithm);
  }

  /**
   * Hexadecimal hash of the whole; then it is on the disk, too.
   * @throws StorageError (STORAGE_FULL, STORAGE_FAILED)
   */
  async seal(algorithm: DigestAlgorithm): Promise<string> {
    this.expect(algorithm);
    const handle = await this.#open();
    try {
      const [hex] = await Promise.all([this.#takeHash().finish(), handle.datasync()]);
      return hex;
    } catch (error) {
      throw error instanceof MirrorError ? error : storageError(error, 'storing an upload');
    } finally {
      await handle.close();
    }
  }

  /** Lets go of what is kept in memory between two requests; it is made anew when needed. */
  rest(): void {
    this.#dropHashes();
  }

  async #open(): Promise<FileHandle> {
    try {
      const handle = await open(this.path, constants.O_RDWR | constants.O_CREAT, 0o644);
      const { size } = await handle.stat();
      if (size > this.#bytes) await handle.truncate(this.#bytes);
      return handle;
    } catch (error) {
      throw storageError(error, 'preparing an upload');
    }
  }

  async #store(handle: FileHandle, bytes: Buffer, isLast: boolean): Promise<void> {
    if (this.#small !== undefined && isLast && this.#bytes + bytes.length <= inlineLimit) {
      const small = this.#small;
      await this.#refused(writePieces(handle, [bytes], this.#bytes));
      small.append(bytes);
      this.#bytes += bytes.length;
      return;
    }
    const { bytes: stored, error } = await this.#theLarge().store(handle.fd, [bytes], this.#bytes);
    this.#bytes += stored;
    if (error !== undefined) throw storageError(error, 'writing an upload');
  }

  async #refused(writing: Promise<void>): Promise<void> {
    try {
      await writing;
    } catch (error) {
      throw storageError(error, 'writing an upload');
    }
  }

  /** The worker's hash, up to what is in the file. */
  #theLarge(): GrowingHash {
    this.#small = undefined;
    if (this.#large !== undefined) return this.#large;
    this.#large = this.#hashes.start(this.path, this.#algorithm);
    if (this.#bytes > 0) this.#large.advance(this.#bytes);
    return this.#large;
  }

  #takeHash(): GrowingHash {
    const hash = this.#small ?? this.#theLarge();
    this.#small = undefined;
    this.#large = undefined;
    return hash;
  }

  #dropHashes(): void {
    this.#small = undefined;
    this.#large?.abort();
    this.#large = undefined;
  }
}
