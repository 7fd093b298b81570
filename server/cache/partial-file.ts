import type { FileHandle } from 'node:fs/promises';
import { StorageError } from '../errors.ts';
import { BlockPool } from '../lib/blocks.ts';
import type { Block, Lease } from '../lib/blocks.ts';
import { SharedBlocks } from '../lib/shared-blocks.ts';
import type { Digest } from '../oci/digest.ts';

/** Pieces of the growing file that are read and kept for a moment. */
const blockBytes = 256 * 1024;
const blockLimit = 24;
/** The system takes at most 1024 buffers in one write. */
const piecesAtOnce = 512;

/** Where a flight's bytes go while it is under way. */
export interface PartialFile {
  readonly handle: FileHandle;
  readonly path: string;
  /** Bytes an earlier attempt left. */
  readonly offset: number;
}

const pool = new BlockPool(blockBytes, 64);

/** Bytes read back; their memory is used again once the lease is released, which is the caller's to do. */
export interface BytesBehind {
  readonly bytes: Buffer;
  readonly lease: Lease;
}

/** Reads the growing file back for followers that lag behind; they move in near lockstep, so one read serves many. */
export class ReadBack {
  readonly #handle: FileHandle;
  readonly #digest: Digest;
  readonly #blocks = new SharedBlocks((index) => this.#read(index * blockBytes, (index + 1) * blockBytes));

  constructor(handle: FileHandle, digest: Digest) {
    this.#handle = handle;
    this.#digest = digest;
  }

  /**
   * Some bytes from `position` on, at least one; `written` bytes are in the file.
   * @throws StorageError (STORAGE_FAILED)
   */
  async at(position: number, written: number): Promise<BytesBehind> {
    const index = Math.floor(position / blockBytes);
    const start = index * blockBytes;
    const end = Math.min(start + blockBytes, written);
    const isWhole = end === start + blockBytes;
    const lease = isWhole ? await this.#blocks.take(index, blockLimit) : await this.#read(start, end);
    return { bytes: lease.buffer.subarray(position - start, end - start), lease };
  }

  async #read(start: number, end: number): Promise<Block> {
    const block = pool.take();
    const { bytesRead } = await this.#handle.read(block.buffer, 0, end - start, start);
    if (bytesRead === end - start) return block;
    throw new StorageError('STORAGE_FAILED', `blob ${this.#digest} could not be read back`);
  }
}

/** Writes all pieces one after the other from `position` on. */
export async function writePieces(handle: FileHandle, pieces: readonly Buffer[], position: number): Promise<void> {
  let queue = pieces.slice();
  let at = position;
  while (queue.length > 0) {
    const batch = queue.slice(0, piecesAtOnce);
    const { bytesWritten } = await handle.writev(batch, at);
    at += bytesWritten;
    queue = [...remainder(batch, bytesWritten), ...queue.slice(piecesAtOnce)];
  }
}

/** What a short write (a nearly full disk, a signal) left over. */
function remainder(pieces: readonly Buffer[], written: number): Buffer[] {
  let left = written;
  const rest: Buffer[] = [];
  for (const piece of pieces) {
    if (left >= piece.length) left -= piece.length;
    else {
      rest.push(piece.subarray(left));
      left = 0;
    }
  }
  return rest;
}
