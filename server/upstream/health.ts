import type { Clock } from '../lib/clock.ts';
import type { Quota, ResponseHeaders, UpstreamHealth } from './client.types.ts';
import { readQuota } from './quota.ts';

/** Counts and last outcomes of one upstream; cheap to read at any time. */
export class HealthRecord {
  readonly #clock: Clock;
  readonly #onQuota: ((quota: Quota) => void) | undefined;
  #requests = 0;
  #failures = 0;
  #bytesReceived = 0;
  #lastSuccessAt: number | undefined;
  #lastFailureAt: number | undefined;
  #lastError: string | undefined;
  #quota: Quota | undefined;

  /** `onQuota` is told whenever an answer tells the quota. */
  constructor(clock: Clock, onQuota?: (quota: Quota) => void) {
    this.#clock = clock;
    this.#onQuota = onQuota;
  }

  get quota(): Quota | undefined {
    return this.#quota;
  }

  countRequest(): void {
    this.#requests += 1;
  }

  countBytes(count: number): void {
    this.#bytesReceived += count;
  }

  succeeded(): void {
    this.#lastSuccessAt = this.#clock.now();
  }

  failed(error: Error): void {
    this.#failures += 1;
    this.#lastFailureAt = this.#clock.now();
    this.#lastError = error.message;
  }

  noteQuota(headers: ResponseHeaders): void {
    const quota = readQuota(headers, this.#clock.now());
    if (quota === undefined) return;
    this.#quota = quota;
    this.#onQuota?.(quota);
  }

  /** `openMs` and `limitedMs` are the times nothing goes out, when there are any. */
  snapshot(now: {
    readonly openMs: number | undefined;
    readonly limitedMs: number | undefined;
    readonly isFailing: boolean;
  }): UpstreamHealth {
    const waitMs = now.openMs ?? now.limitedMs;
    return {
      state: this.#state(now.openMs !== undefined, now.isFailing || now.limitedMs !== undefined),
      lastSuccessAt: this.#lastSuccessAt,
      lastFailureAt: this.#lastFailureAt,
      lastError: this.#lastError,
      retryAt: waitMs === undefined ? undefined : this.#clock.now() + waitMs,
      quota: this.#quota,
      requests: this.#requests,
      failures: this.#failures,
      bytesReceived: this.#bytesReceived,
    };
  }

  #state(isOpen: boolean, isFailing: boolean): UpstreamHealth['state'] {
    if (isOpen) return 'open';
    if (isFailing) return 'failing';
    if (this.#lastSuccessAt !== undefined) return 'ok';
    return this.#lastFailureAt === undefined ? 'unknown' : 'failing';
  }
}
