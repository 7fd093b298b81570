import { UpstreamError } from '../errors.ts';
import type { MirrorError } from '../errors.ts';
import { BlockPool } from '../lib/blocks.ts';
import type { Lease } from '../lib/blocks.ts';
import { BulkConnection } from './bulk-connection.ts';
import type { BulkListener, BulkTarget } from './bulk-connection.ts';
import { cancelled, toUpstreamError } from './fault.ts';
import { ResponseSyntaxError } from './http-parser.ts';
import { WireBody } from './response-body.ts';
import type { Answer, TransportRequest } from './transport.ts';

const idleLimit = 8;
const idleMs = 4000;
/** A network read fills at most this much. */
const blockBytes = 256 * 1024;
/** Unused blocks kept for a while: 16 MiB, what five downloads at once need. */
const freeBlocks = 64;

export interface BulkOptions {
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly userAgent: string;
  readonly onBytes: (count: number) => void;
}

/** All downloads share one pool: memory follows what is under way, not the number of upstreams. */
const blocks = new BlockPool(blockBytes, freeBlocks);

/** GET of blobs without undici: see `BulkConnection` for why. Connections are kept a few seconds for the next blob. */
export class BulkTransport {
  readonly #options: BulkOptions;
  readonly #idle = new Map<string, BulkConnection[]>();
  readonly #busy = new Set<BulkExchange>();

  constructor(options: BulkOptions) {
    this.#options = options;
  }

  /** Sends one GET. `key` names everything that must be equal for a connection to be used again. @throws as Transport.send */
  send(request: TransportRequest, target: BulkTarget, key: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const exchange = new BulkExchange(this.#options, request, { resolve, reject });
      this.#busy.add(exchange);
      exchange.onOver = (connection) => {
        this.#busy.delete(exchange);
        if (connection !== undefined) this.#park(key, connection);
      };
      exchange.start(
        () => this.#take(key) ?? new BulkConnection(target, blocks),
        () => new BulkConnection(target, blocks),
      );
    });
  }

  close(): void {
    for (const connection of [...this.#idle.values()].flat()) connection.destroy();
    this.#idle.clear();
    const closed = new UpstreamError('UPSTREAM_UNREACHABLE', 'the upstream was closed here');
    for (const exchange of this.#busy) exchange.fail(closed);
  }

  #take(key: string): BulkConnection | undefined {
    for (
      let connection = this.#idle.get(key)?.pop();
      connection !== undefined;
      connection = this.#idle.get(key)?.pop()
    ) {
      if (connection.isUsable) return connection;
    }
    return undefined;
  }

  #park(key: string, connection: BulkConnection): void {
    const idle = this.#idle.get(key) ?? [];
    this.#idle.set(key, idle);
    if (!connection.isUsable || idle.length >= idleLimit) {
      connection.destroy();
      return;
    }
    connection.park();
    idle.push(connection);
    setTimeout(() => {
      const index = idle.indexOf(connection);
      if (index < 0) return;
      idle.splice(index, 1);
      connection.destroy();
    }, idleMs).unref();
  }
}

interface Settle {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: MirrorError) => void;
}

/** One request and its answer. */
class BulkExchange implements BulkListener {
  /** Called once, with the connection when it can be used again. */
  onOver: (connection: BulkConnection | undefined) => void = () => undefined;
  readonly #options: BulkOptions;
  readonly #request: TransportRequest;
  readonly #settle: Settle;
  #connection: BulkConnection | undefined;
  #renew: (() => BulkConnection) | undefined;
  #body: WireBody | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isConnected = false;
  #isPaused = false;
  #isOver = false;

  constructor(options: BulkOptions, request: TransportRequest, settle: Settle) {
    this.#options = options;
    this.#request = request;
    this.#settle = settle;
    request.signal.addEventListener('abort', this.#onAbort);
  }

  start(first: () => BulkConnection, renew: () => BulkConnection): void {
    this.#renew = renew;
    this.#use(first());
  }

  onProgress(): void {
    if (!this.#isConnected) {
      this.#isConnected = true;
      this.#watch(this.#options.headersTimeoutMs, 'UND_ERR_HEADERS_TIMEOUT');
    } else if (this.#body !== undefined) this.#timer?.refresh();
  }

  onHead(status: number, headers: Answer['headers']): void {
    const settled = Promise.withResolvers<MirrorError | undefined>();
    const length = headers['content-length'];
    this.#body = new WireBody(this.#source(), {
      host: this.#request.url.host,
      expectedBytes: typeof length === 'string' && /^\d{1,15}$/.test(length) ? Number(length) : undefined,
      onSettled: (error) => {
        settled.resolve(error);
      },
    });
    this.#watch(this.#options.idleTimeoutMs, 'UND_ERR_BODY_TIMEOUT');
    this.#settle.resolve({ status, headers, body: this.#body, settled: settled.promise });
  }

  onData(piece: Buffer, lease: Lease): void {
    this.#options.onBytes(piece.length);
    this.#body?.push(piece, lease);
  }

  onEnd(): void {
    const connection = this.#connection;
    this.#over(connection);
    this.#body?.end();
  }

  onFailure(error: Error): void {
    const renew = this.#renew;
    // a kept connection may have been closed meanwhile; nothing was answered, so asking again is safe
    if (this.#connection?.isReused === true && this.#body === undefined && renew !== undefined && !this.#isOver) {
      this.#use(renew());
      return;
    }
    this.fail(this.#translate(error));
  }

  fail(error: MirrorError): void {
    if (this.#isOver) return;
    this.#connection?.destroy();
    this.#over(undefined);
    this.#settle.reject(error);
    this.#body?.fail(error);
  }

  #use(connection: BulkConnection): void {
    this.#connection = connection;
    this.#isConnected = connection.isReused;
    const isNew = !connection.isReused;
    this.#watch(
      isNew ? this.#options.connectTimeoutMs : this.#options.headersTimeoutMs,
      isNew ? 'UND_ERR_CONNECT_TIMEOUT' : 'UND_ERR_HEADERS_TIMEOUT',
    );
    connection.request(this.#head(), this);
  }

  #head(): string {
    const { url, headers } = this.#request;
    const fields = Object.entries({
      host: url.host,
      'user-agent': this.#options.userAgent,
      connection: 'keep-alive',
      ...headers,
    });
    for (const [name, value] of fields) {
      // a token service chose part of this
      if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
        throw new UpstreamError('UPSTREAM_INVALID', `the header ${name} for ${url.host} can't be sent`);
    }
    return `GET ${url.pathname}${url.search} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  }

  #source(): ConstructorParameters<typeof WireBody>[0] {
    return {
      pause: () => {
        this.#isPaused = true;
        this.#connection?.pause();
      },
      resume: () => {
        this.#isPaused = false;
        if (!this.#isOver) this.#timer?.refresh();
        this.#connection?.resume();
      },
      abort: () => {
        if (this.#isOver) return;
        this.#connection?.destroy();
        this.#over(undefined);
      },
    };
  }

  #watch(ms: number, code: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // the receiver's pauses are not the upstream's fault
      if (this.#isPaused) {
        this.#timer?.refresh();
        return;
      }
      this.fail(this.#translate(Object.assign(new Error('timeout'), { code })));
    }, ms);
    this.#timer.unref();
  }

  #translate(error: Error): MirrorError {
    const { host } = this.#request.url;
    if (error instanceof ResponseSyntaxError)
      return new UpstreamError('UPSTREAM_INVALID', `${host} ${error.message}`, { value: host, cause: error });
    return toUpstreamError(error, host);
  }

  readonly #onAbort = (): void => {
    const error = cancelled(this.#request.signal);
    const body = this.#body;
    this.#settle.reject(error);
    if (body !== undefined) body.abort(error);
    if (this.#isOver) return;
    this.#connection?.destroy();
    this.#over(undefined);
  };

  #over(connection: BulkConnection | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#request.signal.removeEventListener('abort', this.#onAbort);
    this.onOver(connection);
  }
}
