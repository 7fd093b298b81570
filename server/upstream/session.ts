import type { UpstreamSettings } from '../config/schema.ts';
import { RequestError, UpstreamError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Authenticator } from './auth.ts';
import { Breaker } from './breaker.ts';
import type { Pass } from './breaker.ts';
import type { UpstreamHealth, UpstreamWatch } from './client.types.ts';
import { EndpointOrder } from './endpoint-order.ts';
import { isTrouble } from './fault.ts';
import type { HealthRecord } from './health.ts';
import { repositoryOn } from './names.ts';
import type { Endpoint } from './names.ts';
import { sendFollowing } from './redirects.ts';
import type { Hop } from './redirects.ts';
import { readError } from './response-error.ts';
import type { Subject } from './response-error.ts';
import { withRetries } from './retry.ts';
import { Slots } from './slots.ts';
import { headerOf } from './transport.ts';
import type { Answer, Transport, TransportRequest } from './transport.ts';

/** One thing to ask the upstream for; GET and HEAD only, so it may be repeated. */
export interface Ask {
  readonly method: 'GET' | 'HEAD';
  /** As the mirror names it; `library/` and a base URL's path are added. */
  readonly repository: string;
  /** After `/v2/<repository>/`, e.g. `manifests/latest`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Statuses that are an answer; all others are errors. */
  readonly accepts: readonly number[];
  readonly subject: Subject;
  /** A GET on the connections made for blobs. */
  readonly isBulk?: boolean;
  /** A further page of an earlier answer: the same URL of the upstream has to give it. */
  readonly at?: { readonly endpoint: Endpoint; readonly url: URL };
}

/** An accepted answer. The body of a GET must be read or cancelled; HEAD has none. */
export interface Granted {
  readonly answer: Answer;
  readonly endpoint: Endpoint;
  /** Where it came from, after redirects. */
  readonly url: URL;
}

interface Question<T> {
  readonly ask: Ask;
  readonly read: (granted: Granted) => Promise<T> | T;
}

interface Result<T> {
  readonly value: T;
  readonly answer: Answer;
}

export interface SessionOptions {
  readonly settings: UpstreamSettings;
  readonly endpoints: readonly Endpoint[];
  readonly transport: Transport;
  readonly authenticator: Authenticator;
  readonly health: HealthRecord;
  readonly clock: Clock;
  readonly watch?: UpstreamWatch | undefined;
  /** Whether an upstream URL may lead to private addresses. */
  readonly mayBePrivate: (endpoint: Endpoint) => boolean;
}

/**
 * The way of every request to an upstream, from outside in: slot, circuit breaker, URLs in order, retries,
 * authentication, redirects, status.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #slots: Slots;
  readonly #breaker: Breaker;
  readonly #order: EndpointOrder;

  constructor(options: SessionOptions) {
    const { settings, endpoints, clock, watch } = options;
    this.#options = options;
    this.#slots = new Slots(settings.maxConcurrent);
    this.#breaker = new Breaker({
      name: settings.name,
      failures: settings.breakerFailures,
      waitMs: settings.breakerWait,
      clock,
      onDown: (error) => watch?.down(error),
      onUp: () => watch?.up(),
    });
    this.#order = new EndpointOrder({ name: settings.name, endpoints, waitMs: settings.breakerWait, clock });
  }

  /**
   * Asks, with everything that helps against a failing upstream, and hands an accepted answer to `read`, which is part
   * of the attempt: what fails there is repeated too. Errors that come from leaving the upstream alone come at once.
   * @throws UpstreamError, RequestError as UpstreamClient says; MirrorError (CANCELLED)
   */
  async ask<T>(ask: Ask, read: (granted: Granted) => Promise<T> | T, signal: AbortSignal): Promise<T> {
    this.#breaker.check();
    this.#order.candidates();
    const release = await this.#slots.acquire(signal);
    try {
      const { value, answer } = await this.#askWithPass(this.#breaker.enter(), { ask, read }, signal);
      void answer.settled.then((error) => {
        release();
        if (error !== undefined) this.#options.health.failed(error);
      });
      return value;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** One attempt at one URL, past the breaker: for tests a person starts. */
  async exchange(endpoint: Endpoint, ask: Ask, signal: AbortSignal): Promise<Granted> {
    const { authenticator, clock } = this.#options;
    const repository = repositoryOn(endpoint, ask.repository);
    const target = { endpoint, repository };
    const url = ask.at?.url ?? new URL(`${endpoint.origin}/v2/${repository}/${ask.path}`);
    const authorization = await authenticator.prepare(target, signal);
    let hop = await this.send(endpoint, {
      method: ask.method,
      url,
      headers: ask.headers,
      authorization,
      isBulk: ask.isBulk,
      signal,
    });
    if (hop.answer.status === 401 && !hop.hasLeft) {
      hop.answer.body.cancel();
      const better = await authenticator.answer(
        target,
        headerOf(hop.answer, 'www-authenticate'),
        authorization,
        signal,
      );
      if (better !== undefined) {
        hop = await this.send(endpoint, {
          method: ask.method,
          url,
          headers: ask.headers,
          authorization: better,
          isBulk: ask.isBulk,
          signal,
        });
      }
    }
    if (!ask.accepts.includes(hop.answer.status)) throw await readError(hop.answer, ask.subject, clock.now());
    if (ask.method === 'HEAD') hop.answer.body.cancel();
    return { answer: hop.answer, endpoint, url: hop.url };
  }

  /** One request to one of the upstream's URLs with its redirects; any status. */
  send(
    endpoint: Endpoint,
    request: Omit<TransportRequest, 'isGuarded'> & { readonly authorization: string | undefined },
  ): Promise<Hop> {
    const { transport, health, mayBePrivate } = this.#options;
    const { authorization, ...rest } = request;
    const send = async (hop: TransportRequest): Promise<Answer> => {
      const answer = await transport.send(hop);
      if (hop.url.origin === endpoint.origin) health.noteQuota(answer.headers);
      return answer;
    };
    return sendFollowing(
      send,
      { ...rest, isGuarded: false },
      { authorization, mayBePrivate: () => mayBePrivate(endpoint) },
    );
  }

  health(): UpstreamHealth {
    return this.#options.health.snapshot({
      openMs: this.#breaker.remainingMs,
      limitedMs: this.#order.limitedMs,
      isFailing: this.#breaker.failures > 0,
    });
  }

  /** Lets one request find out whether an upstream that is left alone is back. */
  hasten(): void {
    this.#breaker.hasten();
  }

  /** Forgets all failures and limits: the next request goes out. */
  retryNow(): void {
    this.#breaker.reset();
    this.#order.reset();
  }

  async #askWithPass<T>(pass: Pass, question: Question<T>, signal: AbortSignal): Promise<Result<T>> {
    const { health } = this.#options;
    try {
      const result = await this.#tryEndpoints(pass, question, signal);
      pass.answered();
      health.succeeded();
      return result;
    } catch (error) {
      if (error instanceof RequestError) {
        // "not found" is a proper answer
        pass.answered();
        health.succeeded();
      } else if (error instanceof UpstreamError) {
        if (isTrouble(error)) pass.failed(error);
        else pass.answered();
        health.failed(error);
      } else pass.left();
      throw error;
    }
  }

  async #tryEndpoints<T>(pass: Pass, { ask, read }: Question<T>, signal: AbortSignal): Promise<Result<T>> {
    const { settings, clock } = this.#options;
    const retry = {
      maxRetries: pass.isProbe ? 0 : settings.maxRetries,
      retryDelayMs: settings.retryDelay,
      budgetMs: settings.headersTimeout,
      clock,
      signal,
    };
    let last: unknown;
    for (const endpoint of ask.at === undefined ? this.#order.candidates() : [ask.at.endpoint]) {
      try {
        const result = await withRetries(async () => {
          const granted = await this.exchange(endpoint, ask, signal);
          return { value: await read(granted), answer: granted.answer };
        }, retry);
        this.#order.restore(endpoint);
        return result;
      } catch (error) {
        last = this.#judge(endpoint, error);
      }
    }
    throw last;
  }

  /** Notes what a failure means for its URL; throws it when the next URL would not help. */
  #judge(endpoint: Endpoint, error: unknown): unknown {
    if (error instanceof UpstreamError && (error.code === 'UPSTREAM_LIMITED' || error.retryAfterMs !== undefined)) {
      return this.#order.limit(endpoint, error);
    }
    if (!isTrouble(error)) throw error;
    this.#order.demote(endpoint);
    return error;
  }
}
