import { inTransaction, storageError } from '../db/database.ts';
import type { Database, Statement } from '../db/database.ts';
import type { StorageError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Quota } from './client.types.ts';

const minuteMs = 60_000;
const persistEveryMs = 10_000;
const keptMinutes = 7 * 24 * 60;

/** What an upstream last said of its quota in an interval; `at` is the interval's start in milliseconds since the epoch. */
export interface QuotaPoint {
  readonly at: number;
  readonly remaining: number;
  readonly limit: number;
}

/** The course of one upstream's quota, oldest first, without the intervals in which it said nothing. */
export interface QuotaCourse {
  readonly upstream: string;
  readonly points: readonly QuotaPoint[];
}

export interface QuotaHistoryOptions {
  readonly db: Database;
  readonly clock: Clock;
  /** Told when the history can't be stored; it stays in memory and is tried again. */
  readonly onError: (error: StorageError) => void;
}

interface Reading {
  readonly minute: number;
  readonly upstream: string;
  readonly remaining: number;
  readonly limit: number;
}

/**
 * What upstreams said of their pull quota over the last 7 days: the last word of each minute. In memory until it is
 * stored, every 10 seconds and at close; a crash costs at most that.
 */
export class QuotaHistory {
  readonly #options: QuotaHistoryOptions;
  readonly #unsaved = new Map<string, Reading>();
  readonly #save: Statement<[Reading]>;
  readonly #trim: Statement<[number]>;
  readonly #load: Statement<[number], Reading>;
  readonly #stop: () => void;
  #isFailing = false;

  constructor(options: QuotaHistoryOptions) {
    this.#options = options;
    this.#save = options.db.prepare(saveSql);
    this.#trim = options.db.prepare('DELETE FROM quota_history WHERE minute < ?');
    this.#load = options.db.prepare(loadSql);
    this.#stop = options.clock.every(persistEveryMs, () => this.persist());
  }

  /** Notes what an answer of `upstream` said; cheap, for each answer. */
  note(upstream: string, { remaining, limit, seenAt }: Quota): void {
    const minute = Math.floor(seenAt / minuteMs);
    this.#unsaved.set(`${String(minute)} ${upstream}`, { minute, upstream, remaining, limit });
  }

  /** The courses from `since` on (milliseconds since the epoch), by upstream; of an interval the last word counts. */
  series({ since, intervalMs }: { readonly since: number; readonly intervalMs: number }): readonly QuotaCourse[] {
    const oldest = Math.floor(since / minuteMs);
    const unsaved = [...this.#unsaved.values()].filter(({ minute }) => minute >= oldest);
    const courses = new Map<string, Map<number, QuotaPoint>>();
    // in the order of time, and what is not stored yet is newer than what is
    for (const { minute, upstream, remaining, limit } of [...this.#load.all(oldest), ...unsaved]) {
      const at = since + Math.floor((minute * minuteMs - since) / intervalMs) * intervalMs;
      const points = courses.get(upstream) ?? new Map<number, QuotaPoint>();
      courses.set(upstream, points.set(at, { at, remaining, limit }));
    }
    return [...courses]
      .map(([upstream, points]) => ({ upstream, points: [...points.values()] }))
      .sort((a, b) => (a.upstream < b.upstream ? -1 : 1));
  }

  /** Stores what is new and drops what is old, in one transaction. What the disk refuses is tried again next time. */
  persist(): void {
    if (this.#unsaved.size === 0) return;
    const { db, clock, onError } = this.#options;
    const oldest = Math.floor(clock.now() / minuteMs) - keptMinutes;
    try {
      inTransaction(db, () => {
        for (const reading of this.#unsaved.values()) this.#save.run(reading);
        this.#trim.run(oldest);
      });
      this.#unsaved.clear();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) onError(storageError(error, 'the history of pull quotas'));
      this.#isFailing = true;
      // a disk that refuses for days must not fill the memory
      for (const [key, { minute }] of this.#unsaved) if (minute < oldest) this.#unsaved.delete(key);
    }
  }

  /** Stores what is new and stops. */
  close(): void {
    this.#stop();
    this.persist();
  }
}

const loadSql = `SELECT minute, upstream, remaining, quota AS "limit" FROM quota_history WHERE minute >= ? ORDER BY minute, upstream`;

const saveSql = `INSERT OR REPLACE INTO quota_history (minute, upstream, remaining, quota)
  VALUES (@minute, @upstream, @remaining, @limit)`;
