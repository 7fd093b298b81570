import { lookup as systemLookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { Agent, Pool, ProxyAgent } from 'undici';
import type { Dispatcher, buildConnector } from 'undici';
import { UpstreamError } from '../errors.ts';
import type { MirrorError } from '../errors.ts';
import { BulkTransport } from './bulk-transport.ts';
import { isPrivateAddress } from './addresses.ts';
import type { ResponseBody, ResponseHeaders } from './client.types.ts';
import { cancelled, closedCode, faultCodeOf, forbiddenAddress, toUpstreamError } from './fault.ts';
import { bareHost } from './proxy.ts';
import { WireBody } from './response-body.ts';
import type { BodySource } from './response-body.ts';
import type { TlsMaterial } from './tls-material.ts';

export interface TransportRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** A GET on the connections made for blobs. */
  readonly isBulk?: boolean | undefined;
  /** The upstream chose this URL, so it must not reach private addresses. */
  readonly isGuarded: boolean;
  /** Aborts the request and, as long as it lasts, the body. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: ResponseBody;
  /** Resolves when the body ended, failed or was dropped; to the error when the upstream is to blame. */
  readonly settled: Promise<MirrorError | undefined>;
}

/** How names become addresses and which addresses are private; tests put their own in place of the machine's. */
export interface Network {
  readonly lookup: LookupFunction;
  readonly isPrivate: (address: string) => boolean;
}

/** The machine's resolver and the ranges of addresses.ts. */
export const systemNetwork: Network = { lookup: systemLookup, isPrivate: isPrivateAddress };

export interface TransportOptions {
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  /** Longest pause between two pieces of a body; not counted while the receiver pauses. */
  readonly idleTimeoutMs: number;
  readonly userAgent: string;
  readonly tls: TlsMaterial;
  /** Host names of the upstream's own URLs. */
  readonly ownHosts: ReadonlySet<string>;
  readonly proxyFor: (url: URL) => string | undefined;
  readonly network: Network;
  /** Called for every request sent. */
  readonly onRequest: () => void;
  /** Called for every piece of a body. */
  readonly onBytes: (count: number) => void;
}

/**
 * HTTP/1.1 to one upstream and the hosts it leads to: keep-alive connections per origin, timeouts, backpressure,
 * proxies, certificates, and the check of addresses at the moment of connecting.
 *
 * HTTP/1.1 only, because one connection per blob is what backpressure and throughput want; `dispatch` with an own
 * handler, because it brings the first byte 10 ms earlier than undici's convenience calls.
 */
export class Transport {
  readonly #options: TransportOptions;
  readonly #dispatchers = new Map<string, Dispatcher>();
  readonly #bulk: BulkTransport;
  /** Own hosts by what their names resolved to: private only while every answer so far was. */
  readonly #isPrivateByHost = new Map<string, boolean>();
  #isClosed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#bulk = new BulkTransport(options);
  }

  /**
   * Sends one request; redirects and statuses are the caller's business.
   * @throws UpstreamError (UPSTREAM_UNREACHABLE, _TIMEOUT, _INVALID, _FORBIDDEN_ADDRESS), MirrorError (CANCELLED)
   */
  send(request: TransportRequest): Promise<Answer> {
    const { url } = request;
    if (this.#isClosed) {
      return Promise.reject(toUpstreamError(Object.assign(new Error('closed'), { code: closedCode }), url.host));
    }
    if (request.signal.aborted) return Promise.reject(cancelled(request.signal));
    if (request.isGuarded && this.#isPrivateLiteral(url)) {
      return Promise.reject(toUpstreamError(forbiddenAddress(url.host), url.host));
    }
    this.#options.onRequest();
    const proxy = this.#options.proxyFor(url);
    if (request.isBulk === true && request.method === 'GET' && proxy === undefined) return this.#sendBulk(request);
    return new Promise((resolve, reject) => {
      const host = proxy === undefined ? url.host : `${url.host} (through the proxy)`;
      const exchange = new Exchange({ request, host, onBytes: this.#options.onBytes, resolve, reject });
      this.#dispatcherFor(request, proxy).dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method: request.method,
          headers: { 'user-agent': this.#options.userAgent, ...request.headers },
          body: request.body ?? null,
          // undici closes the connection after HEAD unless told otherwise
          reset: false,
          headersTimeout: this.#options.headersTimeoutMs,
          bodyTimeout: this.#options.idleTimeoutMs,
        },
        exchange,
      );
    });
  }

  /** Whether a host of the upstream's own URLs is on a private address, as far as has been seen by connecting to it. */
  isPrivateHost(hostname: string): boolean {
    const bare = hostname.replace(/^\[|\]$/g, '');
    if (isIP(bare) !== 0) return this.#options.network.isPrivate(bare);
    return bare === 'localhost' || (this.#isPrivateByHost.get(bare) ?? false);
  }

  /** Cuts every connection; nothing is sent any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#bulk.close();
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
    this.#dispatchers.clear();
  }

  #sendBulk(request: TransportRequest): Promise<Answer> {
    const { url, isGuarded } = request;
    const isOwn = this.#options.ownHosts.has(url.hostname);
    const lookup = this.#lookupFor(isOwn, isGuarded);
    const rejectUnauthorized = !isOwn || this.#options.tls.verify;
    const secureContext = isOwn ? this.#options.tls.own : this.#options.tls.foreign;
    return this.#bulk.send(
      request,
      { url, lookup, rejectUnauthorized, secureContext },
      `${url.origin} ${String(isOwn)} ${String(isGuarded)}`,
    );
  }

  #isPrivateLiteral(url: URL): boolean {
    const host = bareHost(url);
    return isIP(host) === 0 ? /(?:^|\.)localhost\.?$/.test(host) : this.#options.network.isPrivate(host);
  }

  #dispatcherFor({ url, isGuarded }: TransportRequest, proxy: string | undefined): Dispatcher {
    const isOwn = this.#options.ownHosts.has(url.hostname);
    const key = `${String(isOwn)} ${String(isGuarded)} ${proxy ?? ''}`;
    const known = this.#dispatchers.get(key);
    if (known !== undefined) return known;
    const connect = this.#connectOptions(isOwn, isGuarded);
    const made = proxy === undefined ? new Agent({ allowH2: false, connect }) : this.#makeProxyAgent(proxy, connect);
    this.#dispatchers.set(key, made);
    return made;
  }

  #makeProxyAgent(uri: string, requestTls: buildConnector.BuildOptions): Dispatcher {
    const { connectTimeoutMs, tls } = this.#options;
    return new ProxyAgent({
      uri,
      allowH2: false,
      requestTls,
      proxyTls: { timeout: connectTimeoutMs, ...(tls.foreign === undefined ? {} : { secureContext: tls.foreign }) },
      // a proxy that accepts but never opens the tunnel is a failed connection
      clientFactory: (origin, options) => new Pool(origin, { ...options, headersTimeout: connectTimeoutMs }),
    });
  }

  #connectOptions(isOwn: boolean, isGuarded: boolean): buildConnector.BuildOptions {
    const { tls, connectTimeoutMs } = this.#options;
    const secureContext = isOwn ? tls.own : tls.foreign;
    return {
      timeout: connectTimeoutMs,
      rejectUnauthorized: !isOwn || tls.verify,
      lookup: this.#lookupFor(isOwn, isGuarded),
      ...(secureContext === undefined ? {} : { secureContext }),
    };
  }

  #lookupFor(isOwn: boolean, isGuarded: boolean): LookupFunction {
    if (isGuarded) return this.#guardedLookup;
    return isOwn ? this.#ownLookup : this.#options.network.lookup;
  }

  /** Remembers whether an own host is private, so that what it leads to may be. */
  readonly #ownLookup: LookupFunction = (hostname, options, callback) => {
    this.#lookupAll(hostname, options, (error, addresses) => {
      if (addresses.length > 0) {
        // whoever owns a public name can let it point inside for a moment; that must not open what it leads to
        const wasPrivate = this.#isPrivateByHost.get(hostname) ?? true;
        const isPrivate = addresses.every(({ address }) => this.#options.network.isPrivate(address));
        this.#isPrivateByHost.set(hostname, wasPrivate && isPrivate);
      }
      handOn(options.all === true, callback, error, addresses);
    });
  };

  /** Checks the very addresses that are then connected to, so a name that changes its mind in between gains nothing. */
  readonly #guardedLookup: LookupFunction = (hostname, options, callback) => {
    this.#lookupAll(hostname, options, (error, addresses) => {
      const allowed = addresses.filter(({ address }) => !this.#options.network.isPrivate(address));
      const refused = error === null && allowed.length === 0 ? forbiddenAddress(hostname) : error;
      handOn(options.all === true, callback, refused, allowed);
    });
  };

  #lookupAll(
    hostname: string,
    options: Parameters<LookupFunction>[1],
    done: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
  ): void {
    this.#options.network.lookup(hostname, { ...options, all: true }, (error, addresses) => {
      done(error, Array.isArray(addresses) ? addresses : []);
    });
  }
}

function handOn(
  isAll: boolean,
  callback: Parameters<LookupFunction>[2],
  error: NodeJS.ErrnoException | null,
  addresses: readonly LookupAddress[],
): void {
  const [first] = addresses;
  if (error !== null || first === undefined) callback(error ?? forbiddenAddress(''), '');
  else if (isAll) callback(null, [...addresses]);
  else callback(null, first.address, first.family);
}

interface ExchangeOptions {
  readonly request: TransportRequest;
  /** Who is talked to, for messages. */
  readonly host: string;
  readonly onBytes: (count: number) => void;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: MirrorError) => void;
}

/** One request and its answer, as undici's dispatcher drives it. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #host: string;
  #controller: BodySource | undefined;
  #body: WireBody | undefined;
  #atEnd: (() => void) | undefined;
  #isOver = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#host = options.host;
    options.request.signal.addEventListener('abort', this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // aborted while it waited for its connection
    if (this.#isOver) controller.abort(new Error('the request is not wanted any more'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (status < 200 || this.#isOver) return;
    const settled = Promise.withResolvers<MirrorError | undefined>();
    this.#body = new WireBody(controller, {
      host: this.#host,
      expectedBytes: this.#options.request.method === 'HEAD' ? undefined : readLength(headers),
      onSettled: (error) => {
        this.#over();
        settled.resolve(error);
      },
    });
    const answer = { status, headers, body: this.#body, settled: settled.promise };
    if (this.#options.request.method === 'HEAD') this.#atEnd = () => this.#options.resolve(answer);
    else this.#options.resolve(answer);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#options.onBytes(chunk.length);
    this.#body?.push(chunk);
  }

  onResponseEnd(): void {
    // undici takes the connection back one turn later; a request sent before that would open another one
    queueMicrotask(() => {
      setImmediate(() => {
        this.#body?.end();
        this.#atEnd?.();
      });
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const translated = this.#translate(error);
    this.#options.reject(translated);
    if (this.#body === undefined) this.#over();
    else this.#body.fail(translated);
  }

  #translate(error: Error): MirrorError {
    // before the headers are complete there is no length to miss: it was stated twice
    const isNonsense = this.#body === undefined && faultCodeOf(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
    if (isNonsense) return invalidAnswer(this.#host, 'answered with contradicting lengths');
    return toUpstreamError(error, this.#host);
  }

  readonly #onAbort = (): void => {
    const error = cancelled(this.#options.request.signal);
    this.#options.reject(error);
    if (this.#body !== undefined) {
      this.#body.abort(error);
      return;
    }
    this.#over();
    this.#controller?.abort(error);
  };

  #over(): void {
    this.#isOver = true;
    this.#options.request.signal.removeEventListener('abort', this.#onAbort);
  }
}

function readLength(headers: ResponseHeaders): number | undefined {
  const value = headers['content-length'];
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** The first value of a header. */
export function headerOf(answer: Pick<Answer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

/** The size an answer states, for HEAD too. */
export function lengthOf(answer: Pick<Answer, 'headers'>): number | undefined {
  return readLength(answer.headers);
}

/** What is thrown for an answer that makes no sense. */
export function invalidAnswer(host: string, what: string, status?: number): UpstreamError {
  return new UpstreamError('UPSTREAM_INVALID', `${host} ${what}`, { value: host, status });
}
