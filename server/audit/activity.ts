import { inTransaction, storageError } from '../db/database.ts';
import type { Database, Statement } from '../db/database.ts';
import type { StorageError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { ClientRecord } from './audit-rows.ts';
import { ClientActivity } from './client-activity.ts';
import type { AuditEvent } from './events.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;
const persistEveryMs = 10_000;
const keptMinutes = 7 * 24 * 60;
const dashboardClients = 50;

/** What happened in a span of time. Sizes are bytes. */
export interface ActivityTotals {
  readonly requests: number;
  readonly hits: number;
  readonly misses: number;
  readonly stale: number;
  readonly failed: number;
  readonly bytesServed: number;
  readonly bytesFetched: number;
}

/** An interval of a plot; `at` is its start in milliseconds since the epoch (the contract's `seriesPoint`). */
export interface ActivityPoint extends ActivityTotals {
  readonly at: number;
}

/** The dashboard's figures since local midnight. */
export interface ActivityToday {
  readonly requests: number;
  /** Share of answers out of the store, stale ones included; null before the first. */
  readonly hitRatio: number | null;
  readonly bytesServed: number;
  readonly bytesFetched: number;
  /** Bytes served that no upstream had to send; never below 0. */
  readonly bytesSaved: number;
  readonly clients: number;
  readonly failed: number;
}

export type ActivityRange = '1h' | '24h' | '7d';

const plots: Readonly<Record<ActivityRange, { readonly stepMs: number; readonly points: number }>> = {
  '1h': { stepMs: minuteMs, points: 60 },
  '24h': { stepMs: 10 * minuteMs, points: 144 },
  '7d': { stepMs: 60 * minuteMs, points: 168 },
};

export interface ActivityOptions {
  readonly db: Database;
  readonly clock: Clock;
  /** Told when the counters can't be stored; they stay in memory and are tried again. */
  readonly onError: (error: StorageError) => void;
}

type Counts = { -readonly [K in keyof ActivityTotals]: number };

/**
 * Counters of what the mirror does, one row a minute. In memory, stored every 10 seconds and at close; a crash costs the
 * plots at most that. Counting takes a few hundred nanoseconds.
 */
export class Activity {
  readonly #options: ActivityOptions;
  readonly #minutes = new Map<number, Counts>();
  readonly #changed = new Set<number>();
  readonly #clients = new ClientActivity();
  readonly #totals = emptyCounts();
  readonly #save: Statement<[Readonly<Record<string, number>>]>;
  readonly #trim: Statement<[number]>;
  readonly #stop: () => void;
  #minute = Number.NaN;
  #counts = emptyCounts();
  #isCounted = false;
  #isFailing = false;

  /** Loads the last 7 days. */
  constructor(options: ActivityOptions) {
    this.#options = options;
    const { db, clock } = options;
    this.#save = db.prepare(saveSql);
    this.#trim = db.prepare('DELETE FROM activity WHERE minute < ?');
    for (const row of db.prepare<[number], Counts & { minute: number }>(loadSql).all(oldestMinute(clock.now()))) {
      const { minute, ...counts } = row;
      this.#minutes.set(minute, counts);
    }
    this.#stop = clock.every(persistEveryMs, () => this.persist());
  }

  /** Counts a recorded event; only pulls count. */
  noteRequest(event: AuditEvent): void {
    if (event.event !== 'artifact_pull' && event.event !== 'blob_pull') return;
    const counts = this.#at(event.at);
    count(counts, event);
    count(this.#totals, event);
    this.#clients.note(event);
  }

  /** Counts bytes that came from an upstream. */
  noteFetched(bytes: number): void {
    this.#at(this.#options.clock.now()).bytesFetched += bytes;
    this.#totals.bytesFetched += bytes;
  }

  /** Adds the clients of before the start, as `AuditLog.clients` tells them. */
  restoreClients(records: readonly ClientRecord[]): void {
    this.#clients.restore(records);
  }

  /** Everything since the process started. */
  totals(): ActivityTotals {
    return { ...this.#totals };
  }

  /** The plot that ends with the interval of `now`; intervals without requests are there with zeros. */
  series(range: ActivityRange, now: number): { readonly intervalMs: number; readonly series: ActivityPoint[] } {
    const { stepMs, points } = plots[range];
    const start = (Math.floor(now / stepMs) - points + 1) * stepMs;
    const series = Array.from({ length: points }, (_, index) => ({ at: start + index * stepMs, ...emptyCounts() }));
    for (const [minute, counts] of this.#minutes) {
      const point = series[Math.floor((minute * minuteMs - start) / stepMs)];
      if (point !== undefined) add(point, counts);
    }
    return { intervalMs: stepMs, series };
  }

  today(): ActivityToday {
    const midnight = new Date(this.#options.clock.now()).setHours(0, 0, 0, 0);
    const sum = emptyCounts();
    for (const [minute, counts] of this.#minutes) if (minute * minuteMs >= midnight) add(sum, counts);
    const answered = sum.hits + sum.stale + sum.misses;
    return {
      requests: sum.requests,
      hitRatio: answered === 0 ? null : (sum.hits + sum.stale) / answered,
      bytesServed: sum.bytesServed,
      bytesFetched: sum.bytesFetched,
      bytesSaved: Math.max(0, sum.bytesServed - sum.bytesFetched),
      clients: this.#clients.count(midnight),
      failed: sum.failed,
    };
  }

  /** Clients of the last 24 hours, most recent first, at most 50. */
  clients(): ClientRecord[] {
    const now = this.#options.clock.now();
    return this.#clients.list(now, now - dayMs, dashboardClients);
  }

  /** How many clients asked in the last `ms`. */
  clientsLast(ms: number): number {
    return this.#clients.count(this.#options.clock.now() - ms);
  }

  /** Stores what changed, in one transaction. What the disk refuses is tried again next time. */
  persist(): void {
    const { db, clock, onError } = this.#options;
    this.#noteChanged();
    if (this.#changed.size === 0) return;
    const oldest = oldestMinute(clock.now());
    try {
      inTransaction(db, () => {
        for (const minute of this.#changed) this.#save.run({ minute, ...(this.#minutes.get(minute) ?? emptyCounts()) });
        this.#trim.run(oldest);
      });
      this.#changed.clear();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) onError(storageError(error, "the dashboard's figures"));
      this.#isFailing = true;
    }
    for (const minute of this.#minutes.keys()) if (minute < oldest) this.#forget(minute);
  }

  /** Stores what changed and stops. */
  close(): void {
    this.#stop();
    this.persist();
  }

  #at(time: number): Counts {
    const minute = Math.floor(time / minuteMs);
    // the minute hardly ever changes from one request to the next
    if (minute !== this.#minute) {
      this.#noteChanged();
      this.#minute = minute;
      this.#counts = this.#minutes.get(minute) ?? emptyCounts();
      this.#minutes.set(minute, this.#counts);
    }
    this.#isCounted = true;
    return this.#counts;
  }

  #noteChanged(): void {
    if (this.#isCounted) this.#changed.add(this.#minute);
    this.#isCounted = false;
  }

  #forget(minute: number): void {
    this.#minutes.delete(minute);
    this.#changed.delete(minute);
    if (minute === this.#minute) this.#minute = Number.NaN;
  }
}

function count(counts: Counts, { outcome, bytes }: AuditEvent): void {
  counts.requests += 1;
  counts.bytesServed += bytes ?? 0;
  if (outcome === 'hit') counts.hits += 1;
  else if (outcome === 'miss') counts.misses += 1;
  else if (outcome === 'stale') counts.stale += 1;
  else if (outcome === 'failed') counts.failed += 1;
}

function add(sum: Counts, counts: Counts): void {
  sum.requests += counts.requests;
  sum.hits += counts.hits;
  sum.misses += counts.misses;
  sum.stale += counts.stale;
  sum.failed += counts.failed;
  sum.bytesServed += counts.bytesServed;
  sum.bytesFetched += counts.bytesFetched;
}

function emptyCounts(): Counts {
  return { requests: 0, hits: 0, misses: 0, stale: 0, failed: 0, bytesServed: 0, bytesFetched: 0 };
}

function oldestMinute(now: number): number {
  return Math.floor(now / minuteMs) - keptMinutes;
}

const loadSql = `SELECT minute, requests, hits, misses, stale, failed, bytes_served AS bytesServed, bytes_fetched AS bytesFetched
  FROM activity WHERE minute >= ?`;

const saveSql = `INSERT OR REPLACE INTO activity (minute, requests, hits, misses, stale, failed, bytes_served, bytes_fetched)
  VALUES (@minute, @requests, @hits, @misses, @stale, @failed, @bytesServed, @bytesFetched)`;
