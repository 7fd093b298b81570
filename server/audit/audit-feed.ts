import type { Clock } from '../lib/clock.ts';
import { isRequest, toEventRow } from './audit-rows.ts';
import type { EventRow } from './audit-rows.ts';
import type { AuditEvent } from './events.ts';

/** Requests kept for the window; the contract's longest list. */
const capacity = 1000;
/** Rows of one delivery; a window can't show more in a quarter of a second. */
const maxDelivered = 200;
const deliverEveryMs = 250;

/** Gets the newest rows since the last call, newest first, and how many older ones were left out. */
export type FeedListener = (rows: readonly EventRow[], dropped: number) => void;

/** The last requests, in memory: the first look at the window and the live feed never touch the disk. */
export class AuditFeed {
  readonly #clock: Clock;
  readonly #ring: AuditEvent[] = [];
  readonly #listeners = new Set<FeedListener>();
  #count = 0;
  #delivered = 0;
  #stop: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  push(event: AuditEvent): void {
    if (!isRequest(event)) return;
    this.#ring[this.#count % capacity] = event;
    this.#count += 1;
  }

  /** The newest requests, newest first, at most `limit` and at most 1000. */
  recent(limit: number): EventRow[] {
    const rows: EventRow[] = [];
    const end = Math.max(0, this.#count - Math.min(limit, capacity));
    for (let position = this.#count - 1; position >= end; position -= 1) {
      const event = this.#ring[position % capacity];
      if (event !== undefined) rows.push(toEventRow(event));
    }
    return rows;
  }

  /** Calls `listener` at most every 250 ms while there is something new; returns the way to stop. */
  subscribe(listener: FeedListener): () => void {
    if (this.#stop === undefined) {
      this.#delivered = this.#count;
      this.#stop = this.#clock.every(deliverEveryMs, () => {
        this.#deliver();
      });
    }
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#listeners.clear();
  }

  #deliver(): void {
    const fresh = this.#count - this.#delivered;
    if (fresh === 0) return;
    this.#delivered = this.#count;
    const rows = this.recent(Math.min(fresh, maxDelivered));
    for (const listener of this.#listeners) listener(rows, fresh - rows.length);
  }
}
