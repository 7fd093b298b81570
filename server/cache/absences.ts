import type { Clock } from '../lib/clock.ts';

const entryLimit = 10_000;

/** Remembers for a while that an upstream said "not found" (negative cache) or could not confirm a tag. In memory, bounded. */
export class Absences<T> {
  readonly #clock: Clock;
  readonly #entries = new Map<string, { readonly until: number; readonly value: T }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#clock.monotonic() < entry.until) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  put(key: string, value: T, ttlMs: number): void {
    const oldest = this.#entries.keys().next();
    if (this.#entries.size >= entryLimit && oldest.done !== true) this.#entries.delete(oldest.value);
    this.#entries.set(key, { until: this.#clock.monotonic() + ttlMs, value });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}
