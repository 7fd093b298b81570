import { UpstreamError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';

export interface BreakerOptions {
  /** Upstream's name, for messages. */
  readonly name: string;
  /** Consecutive failures that open it. */
  readonly failures: number;
  readonly waitMs: number;
  readonly clock: Clock;
  /** Told once when it opens, and not again until an answer came. */
  readonly onDown?: (error: UpstreamError) => void;
  /** Told of the first answer after that. */
  readonly onUp?: () => void;
}

/** What can't be answered otherwise may find out this long after the last failure whether the upstream is back. */
const hastenedWaitMs = 500;

/** Leave to send one request; exactly one of the methods is called when its outcome is known. */
export interface Pass {
  /** True for the one request that finds out whether the upstream is back; it is not repeated. */
  readonly isProbe: boolean;
  /** The upstream answered, whatever it said. */
  readonly answered: () => void;
  readonly failed: (error: UpstreamError) => void;
  /** The request ended without telling anything about the upstream. */
  readonly left: () => void;
}

/**
 * Leaves a failing upstream alone: after some consecutive failures nothing goes out for a while, then one request is
 * let through as probe, and its outcome closes the breaker or opens it again.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  #failures = 0;
  /** By the monotonic clock. */
  #openUntil: number | undefined;
  #probe: Pass | undefined;
  #lastError: UpstreamError | undefined;
  /** Apart from being open: a person who asks for another try does not bring an upstream back. */
  #isDown = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /** Failures since the last answer. */
  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds until a request may go out; 0 while half-open; undefined when closed. */
  get remainingMs(): number | undefined {
    if (this.#openUntil === undefined) return undefined;
    return Math.max(0, this.#openUntil - this.#options.clock.monotonic());
  }

  /** @throws UpstreamError (UPSTREAM_UNREACHABLE with `retryAfterMs`) at once when nothing may go out */
  check(): void {
    const remainingMs = this.remainingMs;
    if (remainingMs === undefined || (remainingMs === 0 && this.#probe === undefined)) return;
    const { name } = this.#options;
    const wait = remainingMs === 0 ? 'until it is known whether it is back' : `for ${formatSeconds(remainingMs)}`;
    throw new UpstreamError(
      'UPSTREAM_UNREACHABLE',
      `${name} is left alone ${wait}, since it keeps failing: ${this.#lastError?.message ?? 'no answer'}`,
      { value: name, retryAfterMs: Math.max(remainingMs, 1000), cause: this.#lastError },
    );
  }

  /** Leave to send. @throws as {@link check} */
  enter(): Pass {
    this.check();
    const isProbe = this.#openUntil !== undefined;
    const pass: Pass = {
      isProbe,
      answered: () => {
        this.reset();
        if (this.#isDown) this.#options.onUp?.();
        this.#isDown = false;
      },
      failed: (error) => {
        this.#fail(pass, error);
      },
      left: () => {
        if (this.#probe === pass) this.#probe = undefined;
      },
    };
    if (isProbe) this.#probe = pass;
    return pass;
  }

  /** Ends the wait: one request goes out, without repetition, and its outcome closes the breaker or opens it again. */
  hasten(): void {
    const { clock, waitMs } = this.#options;
    const now = clock.monotonic();
    if (this.#openUntil !== undefined && now >= this.#openUntil - waitMs + hastenedWaitMs)
      this.#openUntil = Math.min(this.#openUntil, now);
  }

  /** Closes the breaker: the next request goes out. */
  reset(): void {
    this.#failures = 0;
    this.#openUntil = undefined;
    this.#probe = undefined;
    this.#lastError = undefined;
  }

  #fail(pass: Pass, error: UpstreamError): void {
    this.#failures += 1;
    this.#lastError = error;
    const hasProbed = this.#probe === pass;
    if (hasProbed) this.#probe = undefined;
    // what was sent before it opened does not prolong the wait
    const mayOpen = hasProbed || (this.#openUntil === undefined && this.#failures >= this.#options.failures);
    if (!mayOpen) return;
    this.#openUntil = this.#options.clock.monotonic() + this.#options.waitMs;
    if (!this.#isDown) this.#options.onDown?.(error);
    this.#isDown = true;
  }
}

/** `12 s`, at least one. */
export function formatSeconds(ms: number): string {
  return `${String(Math.max(1, Math.ceil(ms / 1000)))} s`;
}
