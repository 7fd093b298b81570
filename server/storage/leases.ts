import type { Clock } from '../lib/clock.ts';

/**
 * What clients were told is here, by digest: a client that was told so sends the manifest that needs it later, and pulls a
 * manifest's blobs after the manifest. Kept in memory for gc.delay; after a start nothing is known of the promises made before.
 */
export class Leases {
  readonly #clock: Clock;
  readonly #lengthMs: () => number;
  /** Monotonic time of the last promise; the oldest first, so that what is over is found without a search. */
  readonly #toldAt = new Map<string, number>();

  /** `lengthMs` is asked each time: the window may change it. */
  constructor(clock: Clock, lengthMs: () => number) {
    this.#clock = clock;
    this.#lengthMs = lengthMs;
  }

  /** Promises kept in memory. */
  get size(): number {
    return this.#toldAt.size;
  }

  /** Must be called in the turn in which it is found that the content is here, before anything is awaited. */
  note(digest: string): void {
    const now = this.#clock.monotonic();
    this.#toldAt.delete(digest);
    this.#toldAt.set(digest, now);
    for (const [oldest, at] of this.#toldAt) {
      if (now - at <= this.#lengthMs()) return;
      this.#toldAt.delete(oldest);
    }
  }

  /** Whether somebody may still count on it. */
  isHeld(digest: string): boolean {
    const at = this.#toldAt.get(digest);
    return at !== undefined && this.#clock.monotonic() - at <= this.#lengthMs();
  }

  /** Whether somebody was told of it since a monotonic time. */
  isNewerThan(digest: string, since: number): boolean {
    return (this.#toldAt.get(digest) ?? Number.NEGATIVE_INFINITY) > since;
  }

  /** The time that {@link isNewerThan} is asked with. */
  mark(): number {
    return this.#clock.monotonic();
  }
}
