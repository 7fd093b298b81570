import type { IncomingMessage } from 'node:http';
import type { Block, BlockPool, FilledBlock } from '../lib/blocks.ts';
import { bodyConnection } from './connection-handle.ts';
import type { BodyConnection, ReadHandle } from './connection-handle.ts';

export interface RawBodyOptions {
  readonly pool: BlockPool;
  /** Bytes of the body that were not read from the request. */
  readonly leftBytes: number;
  /** What was read of it, in order. */
  readonly head: readonly Buffer[];
  /** A sender that says nothing for this long is cut off. */
  readonly silenceMs: number;
}

/** Between two bodies a connection that was taken over once reads into this, should it ever. */
const parkingBytes = 4096;
const parkings = new WeakMap<ReadHandle, Buffer>();
/** Connections whose body was given up halfway, and the block they might still write to. */
const spent = new WeakMap<ReadHandle, Block>();

/**
 * Takes the rest of a body straight from its connection; undefined where that can't be done. To be called outside the parser's
 * turn, and when everything that was delivered has been read from the request.
 */
export function takeRawBody(request: IncomingMessage, options: RawBodyOptions): RawBody | undefined {
  const connection = bodyConnection(request);
  if (connection === undefined || spent.has(connection.handle) || options.leftBytes <= parkingBytes) return undefined;
  return new RawBody(request, connection, options);
}

/**
 * A large request body past Node's parser, which copies every 64 KiB of it into memory of its own: that copy, ours out of it and
 * the garbage were most of what a push cost the main thread. Here the system fills the very blocks that are written and hashed.
 *
 *   socket ─► parser ─► request        before and after
 *   socket ─► block ─► next()          meanwhile, and never a byte more than the body has
 *             parser ◄─ "n bytes"      at the end: it counts them and goes on with the next request
 */
export class RawBody {
  readonly #request: IncomingMessage;
  readonly #connection: BodyConnection;
  readonly #pool: BlockPool;
  readonly #silenceMs: number;
  readonly #onRest: ReadHandle['onread'];
  readonly #silence: NodeJS.Timeout;
  readonly #ready: FilledBlock[] = [];
  #block: Block;
  #filled = 0;
  #leftBytes: number;
  #receivedBytes = 0;
  #seenBytes: number;
  /** Where the first read goes, when that is not the block. */
  #parking: Buffer | undefined;
  #waiter: PromiseWithResolvers<FilledBlock | undefined> | undefined;
  #state: 'reading' | 'paused' | 'over' | 'gone' = 'reading';

  constructor(request: IncomingMessage, connection: BodyConnection, options: RawBodyOptions) {
    const { handle } = connection;
    this.#request = request;
    this.#connection = connection;
    this.#pool = options.pool;
    this.#leftBytes = options.leftBytes;
    this.#silenceMs = options.silenceMs;
    this.#onRest = handle.onread;
    this.#seenBytes = handle.bytesRead;
    this.#block = this.#pool.take();
    for (const piece of options.head) this.#copy(piece);
    request.setTimeout(0);
    this.#silence = setTimeout(() => request.destroy(), this.#silenceMs).unref();
    request.once('close', this.#onClose);
    connection.detachParser();
    handle.onread = (bytes) => this.#onRead(bytes);
    this.#parking = parkings.get(handle);
    if (this.#parking === undefined) handle.useUserBuffer(this.#space());
    this.#resume();
  }

  /**
   * The next block, full unless it is the last; undefined when there is none.
   * @throws when the connection broke, after everything that came over it
   */
  async next(): Promise<FilledBlock | undefined> {
    const block = this.#ready.shift();
    if (this.#state === 'paused') this.#resume();
    if (block !== undefined || this.#state === 'over') return block;
    if (this.#state === 'gone') throw closed();
    this.#waiter = Promise.withResolvers();
    return this.#waiter.promise;
  }

  /** Gives the connection back wherever the body is; what else comes of it is read and thrown away. */
  stop(): void {
    for (const { lease } of this.#ready.splice(0)) lease.release();
    if (this.#state === 'over' || this.#state === 'gone') return;
    spent.set(this.#connection.handle, this.#block);
    this.#request.setTimeout(this.#silenceMs, () => this.#request.destroy());
    this.#handBack();
    this.#resumeReading();
    // many clients read the answer only when they have sent everything
    this.#request.resume();
  }

  /** Where the next read goes: never empty, and never longer than the body. */
  #space(): Buffer {
    const { buffer } = this.#block;
    return buffer.subarray(this.#filled, Math.min(buffer.length, this.#filled + this.#leftBytes));
  }

  #onRead(bytes: unknown): unknown {
    const { handle } = this.#connection;
    const count = handle.bytesRead - this.#seenBytes;
    this.#seenBytes = handle.bytesRead;
    // the end or an error: for the socket, which everybody else listens to
    if (count <= 0) return this.#onRest.call(handle, bytes);
    this.#silence.refresh();
    this.#receivedBytes += count;
    this.#leftBytes -= count;
    if (this.#parking === undefined) this.#fill(count);
    else this.#copy(this.#parking.subarray(0, count));
    this.#parking = undefined;
    return this.#leftBytes === 0 ? this.#end() : this.#space();
  }

  #copy(piece: Buffer): void {
    for (let from = 0; from < piece.length;) {
      const copied = piece.copy(this.#block.buffer, this.#filled, from);
      from += copied;
      this.#fill(copied);
    }
  }

  #fill(count: number): void {
    this.#filled += count;
    if (this.#filled < this.#block.buffer.length) return;
    const full = this.#block;
    this.#block = this.#pool.take();
    this.#filled = 0;
    this.#deliver({ bytes: full.buffer, lease: full });
    if (this.#ready.length === 0 || this.#state !== 'reading' || this.#leftBytes === 0) return;
    this.#state = 'paused';
    this.#connection.handle.reading = false;
    this.#connection.handle.readStop();
  }

  #deliver(block: FilledBlock): void {
    if (this.#waiter === undefined) this.#ready.push(block);
    else this.#waiter.resolve(block);
    this.#waiter = undefined;
  }

  /** Delivers what is in the block. */
  #deliverRest(): void {
    if (this.#filled === 0) this.#block.release();
    else this.#deliver({ bytes: this.#block.buffer.subarray(0, this.#filled), lease: this.#block });
  }

  /** The body is complete. */
  #end(): Buffer {
    const { handle } = this.#connection;
    const parking = parkings.get(handle) ?? Buffer.alloc(parkingBytes);
    parkings.set(handle, parking);
    this.#handBack();
    this.#deliverRest();
    this.#waiter?.resolve(undefined);
    this.#waiter = undefined;
    // lets the request end
    this.#request.resume();
    return parking;
  }

  #handBack(): void {
    this.#state = 'over';
    clearTimeout(this.#silence);
    this.#request.off('close', this.#onClose);
    this.#connection.handle.onread = this.#onRest;
    this.#connection.attachParser(this.#receivedBytes);
  }

  readonly #onClose = (): void => {
    this.#state = 'gone';
    clearTimeout(this.#silence);
    // nothing may be written to the block any more once somebody else has it
    this.#request.socket.destroy();
    this.#deliverRest();
    this.#waiter?.reject(closed());
    this.#waiter = undefined;
  };

  #resume(): void {
    this.#state = 'reading';
    this.#resumeReading();
  }

  #resumeReading(): void {
    const { handle } = this.#connection;
    handle.reading = true;
    handle.readStart();
  }
}

function closed(): Error {
  return new Error('the connection was closed');
}
