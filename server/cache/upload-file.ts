import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { storageError } from '../db/database.ts';
import { MirrorError } from '../errors.ts';
import type { DigestAlgorithm } from '../oci/digest.ts';
import { inlineHash } from '../storage/hash-pool.ts';
import type { GrowingHash, HashPool } from '../storage/hash-pool.ts';
import { writePieces } from './partial-file.ts';

/** Written in pieces of at least this: each write and each message to the hash costs some 30 µs. */
const writeBytes = 1024 * 1024;
/** A sender of tiny pieces must not fill memory with their heads. */
const pieceLimit = 256;
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
 * The file an upload grows in, hashed while it is written. One caller at a time.
 *
 *   request ─► pieces (memory, ≤ 2 MiB) ─► file ─► hash (a worker reads the file, so what is proved is what was stored)
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
    let pieces: Buffer[] = [];
    let size = 0;
    let writing: Promise<void> = Promise.resolve();
    const flush = async (): Promise<void> => {
      const batch = pieces;
      pieces = [];
      size = 0;
      await writing;
      writing = this.#write(handle, batch);
      writing.catch(() => undefined);
    };
    try {
      try {
        for await (const piece of body) {
          pieces.push(piece);
          size += piece.length;
          if (size >= writeBytes || pieces.length >= pieceLimit) await flush();
        }
      } finally {
        await flush();
        await writing;
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

  async #write(handle: FileHandle, pieces: readonly Buffer[]): Promise<void> {
    if (pieces.length === 0) return;
    try {
      await writePieces(handle, pieces, this.#bytes);
    } catch (error) {
      throw storageError(error, 'writing an upload');
    }
    this.#bytes += pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (this.#small !== undefined && this.#bytes <= inlineLimit) {
      for (const piece of pieces) this.#small.append(piece);
      return;
    }
    this.#small = undefined;
    this.#large ??= this.#hashes.start(this.path, this.#algorithm);
    this.#large.advance(this.#bytes);
  }

  #takeHash(): GrowingHash {
    const hash = this.#small ?? this.#large ?? this.#hashes.start(this.path, this.#algorithm);
    if (this.#small === undefined) hash.advance(this.#bytes);
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
