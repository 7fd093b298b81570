import { UpstreamError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import { formatSeconds } from './breaker.ts';
import type { Endpoint } from './names.ts';

export interface EndpointOrderOptions {
  readonly name: string;
  /** At least one, in the order the person gave. */
  readonly endpoints: readonly Endpoint[];
  /** How long a URL that failed stands behind the others, and how long 429 holds when it names no time. */
  readonly waitMs: number;
  readonly clock: Clock;
}

interface Limit {
  readonly error: UpstreamError;
  /** By the monotonic clock. */
  readonly until: number;
}

/** Which of an upstream's URLs to ask now: those that asked to be left alone are not, those that failed come last. */
export class EndpointOrder {
  readonly #options: EndpointOrderOptions;
  readonly #limits = new Map<Endpoint, Limit>();
  readonly #failedUntil = new Map<Endpoint, number>();

  constructor(options: EndpointOrderOptions) {
    this.#options = options;
  }

  /** The URLs to try, best first. @throws UpstreamError (UPSTREAM_LIMITED, _FAILED) at once when all want to be left alone */
  candidates(): readonly Endpoint[] {
    const now = this.#options.clock.monotonic();
    const free = this.#options.endpoints.filter((endpoint) => (this.#limits.get(endpoint)?.until ?? 0) <= now);
    if (free.length === 0) throw this.#limitError(now);
    const isBehind = (endpoint: Endpoint): number => ((this.#failedUntil.get(endpoint) ?? 0) > now ? 1 : 0);
    return free.toSorted((one, other) => isBehind(one) - isBehind(other));
  }

  /** Milliseconds until the first URL may be asked again; undefined when one may be asked now. */
  get limitedMs(): number | undefined {
    const now = this.#options.clock.monotonic();
    const soonest = this.#soonest();
    return soonest === undefined || soonest.until <= now ? undefined : soonest.until - now;
  }

  /** Obeys `Retry-After`; returns the error with the time it holds. */
  limit(endpoint: Endpoint, error: UpstreamError): UpstreamError {
    const waitMs = error.retryAfterMs ?? this.#options.waitMs;
    this.#limits.set(endpoint, { error, until: this.#options.clock.monotonic() + waitMs });
    if (error.retryAfterMs !== undefined) return error;
    return copyOf(error, error.message, waitMs);
  }

  /** Puts a URL that failed behind the others for a while. */
  demote(endpoint: Endpoint): void {
    this.#failedUntil.set(endpoint, this.#options.clock.monotonic() + this.#options.waitMs);
  }

  restore(endpoint: Endpoint): void {
    this.#failedUntil.delete(endpoint);
    this.#limits.delete(endpoint);
  }

  /** Forgets limits and failures. */
  reset(): void {
    this.#limits.clear();
    this.#failedUntil.clear();
  }

  #soonest(): Limit | undefined {
    let soonest: Limit | undefined;
    for (const endpoint of this.#options.endpoints) {
      const limit = this.#limits.get(endpoint);
      if (limit === undefined) return undefined;
      if (soonest === undefined || limit.until < soonest.until) soonest = limit;
    }
    return soonest;
  }

  #limitError(now: number): UpstreamError {
    const soonest = this.#soonest();
    const waitMs = (soonest?.until ?? now) - now;
    const { name } = this.#options;
    const message = `${name} asked to be left alone for another ${formatSeconds(waitMs)}`;
    return soonest === undefined
      ? new UpstreamError('UPSTREAM_LIMITED', message, { value: name, retryAfterMs: waitMs })
      : copyOf(soonest.error, `${message}: ${soonest.error.message}`, waitMs);
  }
}

function copyOf(error: UpstreamError, message: string, retryAfterMs: number): UpstreamError {
  return new UpstreamError(error.code, message, {
    value: error.value,
    status: error.status,
    retryAfterMs,
    cause: error,
  });
}
