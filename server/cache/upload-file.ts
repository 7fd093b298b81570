import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { storageError } from '../db/database.ts';
import { MirrorError } from '../errors.ts';
import type { FilledBlock } from '../lib/blocks.ts';
import type { DigestAlgorithm } from '../oci/digest.ts';
import { inlineHash } from '../storage/hash-pool.ts';
import type { GrowingHash, HashPool } from '../storage/hash-pool.ts';
import { writePieces } from './partial-file.ts';
import { WriteQueue } from './write-queue.ts';

/** The disk begins with what came so far each time there is this much of it, so that little is left to wait for at the end. */
const flushEveryBytes = 16 * 2 ** 20;
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

/**
 * The file an upload grows in, written and hashed at once beside the main thread. One caller at a time.
 *
 *   block (shared memory) ─► worker ─► file and hash
 */
export class UploadFile {
  readonly path: string;
  readonly #hashes: HashPool;
  #algorithm: DigestAlgorithm;
  #bytes: number;
  #flushedBytes = 0;
  #flushing: Promise<void> | undefined;
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
  async append(body: AsyncIterable<FilledBlock>): Promise<void> {
    const handle = await this.#open();
    const queue = new WriteQueue((pieces) => this.#store(handle, pieces));
    try {
      try {
        for await (const block of body) await queue.push(block);
      } finally {
        await queue.end();
      }
    } catch (error) {
      if (error instanceof MirrorError) throw error;
      throw new MirrorError('CANCELLED', 'the client closed the connection before everything was sent', {
        cause: error,
      });
    } finally {
      await this.#flushing;
      await handle.close();
    }
  }

  /** Forgets everything after `bytes`. */
  rollBack(bytes: number): void {
    this.#dropHashes();
    this.#bytes = bytes;
    this.#flushedBytes = Math.min(this.#flushedBytes, bytes);
    if (bytes === 0) this.#small = inlineHash(this.#algorithm);
  }

  /**
   * Hexadecimal hash of the whole.
   * @throws StorageError (STORAGE_FAILED)
   */
  async takeHash(algorithm: DigestAlgorithm): Promise<string> {
    this.expect(algorithm);
    // an upload nothing was ever sent to has no file yet
    if (this.#bytes === 0) await (await this.#open()).close();
    const hash = this.#small ?? this.#theLarge();
    this.#small = undefined;
    this.#large = undefined;
    return hash.finish();
  }

  /**
   * Resolves when the whole is on the disk.
   * @throws StorageError (STORAGE_FULL, STORAGE_FAILED)
   */
  async sync(): Promise<void> {
    const handle = await this.#open();
    try {
      await handle.datasync();
    } catch (error) {
      throw storageError(error, 'storing an upload');
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

  async #store(handle: FileHandle, pieces: readonly Buffer[]): Promise<void> {
    const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (this.#small !== undefined && this.#bytes + sizeBytes <= inlineLimit) {
      const small = this.#small;
      await this.#refused(writePieces(handle, pieces, this.#bytes));
      for (const piece of pieces) small.append(piece);
      this.#bytes += sizeBytes;
      return;
    }
    const { bytes: stored, error } = await this.#theLarge().store(handle.fd, pieces, this.#bytes);
    this.#bytes += stored;
    if (error !== undefined) throw storageError(error, 'writing an upload');
    this.#flushEarly(handle);
  }

  /** Beside the transfer; what it could not do, `sync` does or says. */
  #flushEarly(handle: FileHandle): void {
    if (this.#flushing !== undefined || this.#bytes - this.#flushedBytes < flushEveryBytes) return;
    this.#flushedBytes = this.#bytes;
    this.#flushing = handle
      .datasync()
      .catch(() => undefined)
      .finally(() => {
        this.#flushing = undefined;
      });
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

  #dropHashes(): void {
    this.#small = undefined;
    this.#large?.abort();
    this.#large = undefined;
  }
}
