import type { Lease } from '../lib/blocks.ts';

/** A piece of a body and where it stands in the blob; its memory stays as it is while the lease is retained. */
export interface Piece {
  readonly offset: number;
  readonly bytes: Buffer;
  readonly lease: Lease | undefined;
}

/** The most recent bytes of a blob in flight, shared by everybody who follows it closely. */
export class ChunkWindow {
  #pieces: Piece[] = [];
  #end: number;
  #bytes = 0;

  constructor(offset: number) {
    this.#end = offset;
  }

  /** First offset still in memory. */
  get start(): number {
    return this.#pieces[0]?.offset ?? this.#end;
  }

  /** Offset after the last byte received. */
  get end(): number {
    return this.#end;
  }

  get sizeBytes(): number {
    return this.#bytes;
  }

  push(bytes: Buffer, lease?: Lease): void {
    lease?.retain();
    this.#pieces.push({ offset: this.#end, bytes, lease });
    this.#end += bytes.length;
    this.#bytes += bytes.length;
  }

  /** The piece that holds `position`, cut to start there; undefined when it is no longer in memory. */
  at(position: number): Piece | undefined {
    if (position < this.start || position >= this.#end) return undefined;
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#pieces[middle]?.offset ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    const piece = this.#pieces[low];
    if (piece === undefined) return undefined;
    return { offset: position, bytes: piece.bytes.subarray(position - piece.offset), lease: piece.lease };
  }

  /** Every byte from `position` on, which may lie inside a piece. */
  after(position: number): Buffer[] {
    return this.#pieces
      .filter((piece) => piece.offset + piece.bytes.length > position)
      .map((piece) => (piece.offset >= position ? piece.bytes : piece.bytes.subarray(position - piece.offset)));
  }

  /** Every piece from `position` on, for the writer. */
  from(position: number): Buffer[] {
    return this.#pieces.filter((piece) => piece.offset >= position).map((piece) => piece.bytes);
  }

  /** Forgets pieces that end at or before `position`, oldest first, while more than `keepBytes` are held. */
  drop(position: number, keepBytes: number): void {
    let count = 0;
    for (const piece of this.#pieces) {
      if (piece.offset + piece.bytes.length > position || this.#bytes <= keepBytes) break;
      this.#bytes -= piece.bytes.length;
      piece.lease?.release();
      count += 1;
    }
    if (count > 0) this.#pieces.splice(0, count);
  }
}
