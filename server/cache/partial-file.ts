import type { FileHandle } from 'node:fs/promises';
import { StorageError } from '../errors.ts';
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

/** Reads the growing file back for followers that lag behind; they move in near lockstep, so one read serves many. */
export class ReadBack {
  readonly #handle: FileHandle;
  readonly #digest: Digest;
  readonly #blocks = new Map<number, Promise<Buffer>>();

  constructor(handle: FileHandle, digest: Digest) {
    this.#handle = handle;
    this.#digest = digest;
  }

  /**
   * Some bytes from `position` on, at least one, none at or after `limit`; `written` bytes are in the file.
   * @throws StorageError (STORAGE_FAILED)
   */
  async at(position: number, limit: number, written: number): Promise<Buffer> {
    const index = Math.floor(position / blockBytes);
    const start = index * blockBytes;
    const end = Math.min(start + blockBytes, written);
    const block = await (end === start + blockBytes ? this.#block(index) : this.#read(start, end));
    return block.subarray(position - start, Math.min(block.length, limit - start));
  }

  #block(index: number): Promise<Buffer> {
    const known = this.#blocks.get(index);
    if (known !== undefined) return known;
    const block = this.#read(index * blockBytes, (index + 1) * blockBytes);
    this.#blocks.set(index, block);
    block.catch(() => this.#blocks.delete(index));
    const oldest = this.#blocks.keys().next();
    if (this.#blocks.size > blockLimit && oldest.done !== true) this.#blocks.delete(oldest.value);
    return block;
  }

  async #read(start: number, end: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(end - start);
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, start);
    if (bytesRead === buffer.length) return buffer;
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
