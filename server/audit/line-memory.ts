/** Its size; to allocate shared memory for each batch costs more than to copy its lines. */
const slabBytes = 1024 * 1024;

/** Shared memory that lines travel in to the writer, used again when all of them are written. */
export class LineMemory {
  #slab: SharedArrayBuffer | undefined;
  #used = 0;

  /** Room for `length` bytes. `isAllWritten`: nobody reads what was handed out before. */
  take(length: number, isAllWritten: boolean): Buffer {
    if (length > slabBytes) return Buffer.from(new SharedArrayBuffer(length));
    if (isAllWritten) this.#used = 0;
    if (this.#slab === undefined || this.#used + length > slabBytes) {
      this.#slab = new SharedArrayBuffer(slabBytes);
      this.#used = 0;
    }
    const room = Buffer.from(this.#slab, this.#used, length);
    this.#used += length;
    return room;
  }
}
