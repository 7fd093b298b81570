import { connect as connectPlain, isIP } from 'node:net';
import type { LookupFunction, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, SecureContext } from 'node:tls';
import type { Block, BlockPool, Lease } from '../lib/blocks.ts';
import { ResponseParser } from './http-parser.ts';
import type { ResponseEvents } from './http-parser.ts';

/** A read into less than this is not worth a system call. */
const readAtLeastBytes = 64 * 1024;

export interface BulkTarget {
  readonly url: URL;
  readonly lookup: LookupFunction;
  readonly rejectUnauthorized: boolean;
  readonly secureContext: SecureContext | undefined;
}

/** What the user of a connection hears while its response arrives. */
export interface BulkListener extends Pick<ResponseEvents, 'onHead' | 'onEnd'> {
  /** The piece lies in memory that is used again: retain the lease to keep it. */
  onData(piece: Buffer, lease: Lease): void;
  /** The connection broke, or what came is no HTTP; nothing follows. */
  onFailure(error: Error): void;
  /** Bytes came, or the connection was made. */
  onProgress(): void;
}

/**
 * One HTTP/1.1 connection for bodies of gigabytes: the kernel fills blocks of a pool, up to a whole one at a time, and nothing
 * is copied or allocated after that. One request at a time.
 */
export class BulkConnection {
  readonly #pool: BlockPool;
  readonly #socket: Socket;
  #block: Block;
  #filled = 0;
  #parser: ResponseParser | undefined;
  #listener: BulkListener | undefined;
  #isPaused = false;
  #isGone = false;
  /** Whether a request was answered on it before; then it may have been closed by the other side meanwhile. */
  isReused = false;

  constructor(target: BulkTarget, pool: BlockPool) {
    this.#pool = pool;
    this.#block = pool.take();
    this.#socket = this.#connect(target);
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error) => {
      this.#fail(error);
    });
    this.#socket.on('end', () => {
      this.#onEnd();
    });
    this.#socket.on('close', () => {
      this.#fail(Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' }));
      this.#block.release();
    });
  }

  get isUsable(): boolean {
    return !this.#isGone && !this.#socket.destroyed && this.#listener === undefined;
  }

  /** Sends one request; the head is complete, with its empty line. */
  request(head: string, listener: BulkListener): void {
    this.#listener = listener;
    this.#parser = new ResponseParser({
      onHead: (status, headers) => {
        listener.onHead(status, headers);
      },
      onData: (piece) => {
        listener.onData(piece, this.#block);
      },
      onEnd: () => {
        // told by #onRead, when the parser says whether the connection may be used again
      },
    });
    this.#socket.ref();
    this.#socket.write(head, 'latin1');
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    // sockets with their own read buffer take no data events; this only starts the reading again
    this.#socket.resume();
  }

  destroy(): void {
    this.#isGone = true;
    this.#listener = undefined;
    this.#socket.destroy();
  }

  /** Nobody waits for it: it must not keep the process alive. */
  park(): void {
    this.isReused = true;
    this.#socket.unref();
  }

  #connect(target: BulkTarget): Socket {
    const { url, lookup } = target;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const isSecure = url.protocol === 'https:';
    const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
    const onread = { buffer: () => this.#space(), callback: (count: number) => this.#onRead(count) };
    if (!isSecure) return connectPlain({ host, port, lookup, onread }, () => this.#listener?.onProgress());
    const { rejectUnauthorized, secureContext } = target;
    // tls.connect takes every option of net.connect, `onread` too; its declarations leave that one out
    const options: ConnectionOptions & { readonly onread: typeof onread } = {
      host,
      port,
      lookup,
      onread,
      rejectUnauthorized,
      ALPNProtocols: ['http/1.1'],
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(secureContext === undefined ? {} : { secureContext }),
    };
    return connectTls(options, () => this.#listener?.onProgress());
  }

  /** Where the next read goes: the rest of the block, or a new one. */
  #space(): Buffer {
    if (this.#block.buffer.length - this.#filled < readAtLeastBytes) {
      this.#block.release();
      this.#block = this.#pool.take();
      this.#filled = 0;
    }
    return this.#block.buffer.subarray(this.#filled);
  }

  /** False stops the reading until {@link resume}. */
  #onRead(count: number): boolean {
    const start = this.#filled;
    this.#filled += count;
    const parser = this.#parser;
    if (parser === undefined) {
      // bytes nobody asked for
      this.destroy();
      return false;
    }
    try {
      this.#listener?.onProgress();
      parser.push(this.#block.buffer.subarray(start, start + count));
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      this.#socket.destroy();
      return false;
    }
    if (parser.isDone) this.#finish(parser.mayReuse);
    return !this.#isPaused;
  }

  #onEnd(): void {
    if (this.#parser?.close() === true) this.#finish(false);
    this.#isGone = true;
  }

  #finish(mayReuse: boolean): void {
    const listener = this.#listener;
    this.#listener = undefined;
    this.#parser = undefined;
    this.#isPaused = false;
    if (!mayReuse) {
      this.#isGone = true;
      this.#socket.destroy();
    }
    listener?.onEnd();
  }

  #fail(error: Error): void {
    this.#isGone = true;
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.onFailure(error);
  }
}
