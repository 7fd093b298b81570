import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../server/lib/clock.ts';

interface Timer {
  /** Monotonic time at which it fires. */
  at: number;
  readonly everyMs: number | undefined;
  readonly fire: () => void;
}

/** A clock that stands still until the test moves it. */
export class FakeClock implements Clock {
  #wall: number;
  #monotonic = 0;
  readonly #timers = new Set<Timer>();
  #arrivals: { readonly count: number; readonly resolve: () => void }[] = [];

  /** Starts at `now` milliseconds since the epoch; default 2026-03-01T10:00:00Z. */
  constructor(now = Date.UTC(2026, 2, 1, 10)) {
    this.#wall = now;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        this.#timers.delete(timer);
        reject(signal.reason as Error);
      };
      const timer: Timer = {
        at: this.#monotonic + ms,
        everyMs: undefined,
        fire: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#add(timer);
    });
  }

  every(ms: number, task: () => void): () => void {
    const timer: Timer = { at: this.#monotonic + ms, everyMs: Math.max(1, ms), fire: task };
    this.#add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  #add(timer: Timer): void {
    this.#timers.add(timer);
    this.#arrivals = this.#arrivals.filter((arrival) => {
      if (this.sleeping < arrival.count) return true;
      arrival.resolve();
      return false;
    });
  }

  /** How many sleeps are waiting (not the `every` tasks). */
  get sleeping(): number {
    return [...this.#timers].filter((timer) => timer.everyMs === undefined).length;
  }

  /** How many `every` tasks have not been stopped. */
  get ticking(): number {
    return this.#timers.size - this.sleeping;
  }

  /** Resolves when at least `count` sleeps are waiting, so that a test need not guess when code has come to its wait. */
  async sleepers(count = 1): Promise<void> {
    if (this.sleeping >= count) return;
    await new Promise<void>((resolve) => {
      this.#arrivals.push({ count, resolve });
    });
  }

  /**
   * Moves both times on by `ms`, firing what is due in order; between two timers the event loop turns, so that what they
   * woke can start new waits inside the same span.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#moveTo(next.at);
      if (next.everyMs === undefined) this.#timers.delete(next);
      else next.at += next.everyMs;
      next.fire();
      await turn();
    }
    this.#moveTo(end);
    await turn();
  }

  #next(end: number): Timer | undefined {
    return [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
  }

  #moveTo(monotonic: number): void {
    this.#wall += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }

  /** Sets the wall clock by `ms` (either way) as an administrator or NTP does; monotonic time and waits do not notice. */
  jump(ms: number): void {
    this.#wall += ms;
  }
}
