import type { Clock } from '../lib/clock.ts';
import { proofBytes } from './proof-reader.ts';

/** Reads end at a multiple of this, as reads past the page cache must. */
const pageBytes = 4096;
/** A read of a file costs the disk at least this much. */
const leastCost = pageBytes;
/** How long one read waits for transfers to end: the scrub gives way to pulls, and gets on on a mirror that never rests. */
const yieldMs = 2000;
const lookEveryMs = 100;

export interface ScrubPaceParts {
  readonly clock: Clock;
  /** Bytes per second at most; 0 is no limit. Asked before each read, so that a change holds at once. */
  readonly rate: () => number;
  /** Whether clients are being served. */
  readonly isBusy: () => boolean;
}

/** How fast stored content is read again: a bucket that is never more than a quarter of a second full. */
export class ScrubPace {
  readonly #parts: ScrubPaceParts;
  /** When what was let through so far is paid for, by the monotonic clock. */
  #paidAt = 0;

  constructor(parts: ScrubPaceParts) {
    this.#parts = parts;
  }

  /**
   * How many bytes of the `left` ones may be read now; resolves when they may.
   * @throws the signal's reason
   */
  async next(left: number, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    await this.#giveWay(signal);
    const rate = this.#parts.rate();
    if (rate === 0) return Math.min(left, proofBytes);
    const bytes = Math.min(left, pieceOf(rate));
    await this.#pay(Math.max(bytes, leastCost), rate, signal);
    return bytes;
  }

  async #giveWay(signal: AbortSignal): Promise<void> {
    for (let waited = 0; waited < yieldMs && this.#parts.isBusy(); waited += lookEveryMs)
      await this.#parts.clock.sleep(lookEveryMs, signal);
  }

  async #pay(bytes: number, rate: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const now = clock.monotonic();
    const startsAt = Math.max(this.#paidAt, now);
    this.#paidAt = startsAt + (bytes * 1000) / rate;
    if (startsAt > now) await clock.sleep(startsAt - now, signal);
  }
}

/** A quarter of a second's worth, in whole pages. */
function pieceOf(rate: number): number {
  const bytes = Math.floor(rate / 4 / pageBytes) * pageBytes;
  return Math.min(proofBytes, Math.max(pageBytes, bytes));
}
