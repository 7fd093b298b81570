import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerPull } from './pulls.ts';
import type { Behaviour } from './pulls.ts';
import { delayed, errorAnswer, exchangeOf, send } from './answer.ts';
import type { Answer, Exchange } from './answer.ts';
import { Auth } from './auth.ts';
import type { UpstreamAuth } from './auth.ts';
import { ContentStore } from './content-store.ts';
import { Scripts } from './fault.ts';
import type { Fault, RunningScript, Script } from './fault.ts';
import { Pushes } from './pushes.ts';
import { RequestLog } from './request-log.ts';
import type { RecordedRequest, RequestFilter } from './request-log.ts';
import type { Graph } from '../image-builder.ts';
import { Listener } from '../listener.ts';
import { testAuthority } from '../test-authority.ts';
import type { TestAuthority } from '../test-authority.ts';

export interface FakeUpstreamOptions extends Partial<Behaviour> {
  readonly auth?: UpstreamAuth;
  /** Speaks HTTPS with a certificate of its own authority (`upstream.authority`). */
  readonly tls?: boolean;
  /** With `tls`: refuses clients without a certificate of the same authority. */
  readonly clientCertificates?: boolean;
  /** Applied to every answer for which no script applies, e.g. a slow line. */
  readonly usual?: Fault;
  readonly port?: number;
  /** Called for a bug in the fake itself; default: the process fails. */
  readonly onBug?: (error: unknown) => void;
}

const defaults: Behaviour = {
  unknownRepository: 404,
  referrers: 'api',
  pageSize: 1000,
  ranges: true,
  digestHeader: true,
  strictAccept: true,
};

/**
 * A registry in this process, fed by the image builder, whose answers a test can bend while it runs.
 * Tests make it with `startFakeUpstream`.
 */
export class FakeUpstream {
  /** How it answers when nothing is scripted; may be changed at any time. */
  readonly behaviour: Behaviour;
  /** The authority of its certificate; undefined without `tls`. */
  readonly authority: TestAuthority | undefined;
  readonly log = new RequestLog();
  usual: Fault;
  readonly #auth: Auth;
  readonly #scripts = new Scripts();
  readonly #store = new ContentStore();
  readonly #pushes = new Pushes(this.#store);
  readonly #listener: Listener;
  readonly #blobHost: Listener;
  readonly #onBug: (error: unknown) => void;

  constructor(options: FakeUpstreamOptions = {}) {
    const {
      auth = { kind: 'none' },
      tls = false,
      clientCertificates = false,
      usual = {},
      onBug,
      port: _port,
      ...behaviour
    } = options;
    this.behaviour = { ...defaults, ...behaviour };
    this.usual = usual;
    this.#auth = new Auth(auth);
    this.#onBug =
      onBug ??
      ((error) => {
        throw error;
      });
    this.authority = tls ? testAuthority('Fake Upstream Authority') : undefined;
    const secure =
      this.authority === undefined
        ? undefined
        : {
            ...this.authority.issue(),
            ca: this.authority.ca,
            requestCert: clientCertificates,
            rejectUnauthorized: clientCertificates,
          };
    this.#listener = new Listener(
      (request, response) => {
        this.#accept(request, response, this.log.record(request));
      },
      { tls: secure },
    );
    // another name than the upstream's, so that clients that compare host names see a foreign host
    this.#blobHost = new Listener(
      (request, response) => {
        this.#accept(request, response, this.log.record(request, 'blob-host'));
      },
      { host: 'localhost', tls: secure },
    );
  }

  /** Base URL, e.g. `http://127.0.0.1:40123`. */
  get url(): string {
    return this.#listener.url;
  }

  /** `host:port`, as it stands before a repository. */
  get host(): string {
    return this.#listener.host;
  }

  /** Base URL of the second host, where `redirect: true` leads. */
  get blobHostUrl(): string {
    return this.#blobHost.url;
  }

  /** Every request so far, tokens and second host included. */
  get requests(): readonly RecordedRequest[] {
    return this.log.requests;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#listener.connections + this.#blobHost.connections;
  }

  /** How it wants to be asked; may be changed at any time. */
  set auth(auth: UpstreamAuth) {
    this.#auth.mode = auth;
  }

  async start(port = 0): Promise<void> {
    await this.#listener.start(port);
    await this.#blobHost.start();
  }

  /** Goes down: connections are refused, transfers under way are cut. */
  async stop(): Promise<void> {
    await Promise.all([this.#listener.stop(), this.#blobHost.stop()]);
  }

  /** Comes back on the same ports with the same content; scripts and counts stay. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Serves a graph; with a tag (or several), which move when they exist. */
  add(repository: string, tag: string | readonly string[] | undefined, graph: Graph): void {
    this.#store.add(repository, tag === undefined ? [] : [tag].flat(), graph);
  }

  deleteTag(repository: string, tag: string): void {
    this.#store.find(repository)?.tags.delete(tag);
  }

  deleteRepository(repository: string): void {
    this.#store.remove(repository);
  }

  /** Bends the answers to the requests that match, from now on; the script added first wins. */
  script(script: Script): RunningScript {
    return this.#scripts.add(script);
  }

  clearScripts(): void {
    this.#scripts.clear();
  }

  /** The tag points to `graph` from the moment its next HEAD is answered with the old one. */
  moveTagAfterHead(repository: string, tag: string, graph: Graph): RunningScript {
    const afterLookup = (): void => {
      this.add(repository, tag, graph);
    };
    return this.script({
      match: { method: 'HEAD', kind: 'manifest', repository, reference: tag },
      times: 1,
      fault: { afterLookup },
    });
  }

  /** Makes every token given so far worthless. */
  revokeTokens(): void {
    this.#auth.revoke();
  }

  count(filter?: RequestFilter): number {
    return this.log.count(filter);
  }

  bytesSent(filter?: RequestFilter): number {
    return this.log.bytesSent(filter);
  }

  /** Resolves when `count` matching requests have come in, answered or not. */
  received(filter: RequestFilter, count = 1): Promise<void> {
    return this.log.received(filter, count);
  }

  /** Bodies of one digest under way: now, and at most at once so far. */
  downloads(digest: string): { readonly now: number; readonly peak: number } {
    return this.log.downloads(digest);
  }

  /** Forgets the requests so far. */
  clearRequests(): void {
    this.log.clear();
  }

  #accept(request: IncomingMessage, response: ServerResponse, record: RecordedRequest): void {
    // a client that leaves is part of many tests
    response.on('error', () => undefined);
    this.#serve(request, response, record).catch((error: unknown) => {
      if (!response.destroyed) this.#onBug(error);
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse, record: RecordedRequest): Promise<void> {
    const early = this.#scripts.take(record, true);
    const denied = early === undefined ? this.#denied(record) : undefined;
    const fault = early ?? (denied === undefined ? this.#scripts.take(record, false) : undefined) ?? this.usual;
    const exchange = exchangeOf(request, response, record, fault);
    await fault.beforeLookup?.();
    if (!(await delayed(exchange))) return;
    if (fault.reset === 'at-once') {
      request.socket.resetAndDestroy();
      return;
    }
    const answer = denied ?? (await this.#answer(exchange));
    fault.afterLookup?.();
    await this.#send(answer, exchange);
  }

  #denied(record: RecordedRequest): Answer | undefined {
    if (record.kind === 'token') return undefined;
    if (record.kind !== 'blob-host') return this.#auth.check(record, this.url);
    return record.headers.authorization === undefined
      ? undefined
      : errorAnswer(400, 'UNSUPPORTED', 'credentials of another host arrived here');
  }

  async #answer({ request, record, fault }: Exchange): Promise<Answer> {
    if (fault.status !== undefined) return errorAnswer(fault.status, fault.code);
    if (fault.redirect !== undefined) return this.#redirect(record, fault.redirect);
    if (record.kind === 'token') return this.#auth.token(request);
    if (record.method !== 'GET' && record.method !== 'HEAD' && record.method !== 'OPTIONS')
      return this.#pushes.answer(request, record);
    if (record.kind === 'upload') return this.#pushes.answer(request, record);
    const answer = answerPull(request, record, this.#store, this.behaviour);
    return answer.status === 401 ? this.#auth.challenge(record, this.url) : answer;
  }

  #redirect(record: RecordedRequest, target: string | true): Answer {
    const own = `${this.blobHostUrl}/data/${record.repository ?? ''}/${record.reference ?? ''}?signature=of-this-request`;
    return { status: 307, headers: { location: target === true ? own : target } };
  }

  async #send(answer: Answer, exchange: Exchange): Promise<void> {
    const { record } = exchange;
    const isDownload = answer.ranges === true && record.method === 'GET';
    const ended = isDownload ? this.log.download(record.reference ?? '') : () => undefined;
    try {
      await send(answer, exchange);
    } finally {
      ended();
    }
  }
}
