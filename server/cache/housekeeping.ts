import { z } from 'zod';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Database } from '../db/database.ts';
import { MirrorError, isExpected } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { Garbage } from '../storage/garbage.ts';
import type { GarbageRun } from '../storage/garbage.ts';
import type { Layout } from '../storage/layout.ts';
import type { Leases } from '../storage/leases.ts';
import type { LiveSettings } from '../storage/live-settings.ts';
import type { PulledMarks } from '../storage/pulled-marks.ts';
import type { RemovalReport } from '../storage/removal-list.ts';
import { SettingStore } from '../storage/setting-store.ts';
import type { HousekeepingLane, TellProgress } from './housekeeping-lane.ts';

export interface CollectorParts {
  readonly db: Database;
  readonly layout: Layout;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: AuditLog;
  readonly live: LiveSettings;
  readonly lane: HousekeepingLane;
  readonly leases: Leases;
  readonly marks: PulledMarks;
  readonly blobs: BlobStore;
  readonly isDownloading: (digest: Digest) => boolean;
  readonly isUploading: (id: string) => boolean;
  /** Told in the turn in which content of the repository went. */
  readonly changed: (repository: string) => void;
  /** What is done before a collection: retention rules make garbage. */
  readonly before?: () => Promise<unknown>;
}

/** Who asked for a collection; nobody: the clock did. */
export interface CollectionActor {
  readonly clientIp: string;
  readonly userAgent: string | undefined;
  readonly requestId: string;
}

/** What went, or would go. */
export interface Collection extends RemovalReport {
  /** Only strays were collected, because clients may count on what they were told before the start; all of it is from then on. */
  readonly postponedUntil: number | undefined;
}

/** How the last collection ended. Times are milliseconds since the epoch. */
export type LastCollection = z.output<typeof lastCollection>;

const lastCollection = z.object({
  startedAt: z.number(),
  finishedAt: z.number(),
  freedBytes: z.number(),
  itemsTotal: z.number(),
  error: z.string().optional(),
});

const lastSetting = 'gc.last';
const servedSetting = 'gc.servedUntil';
/** How often it is looked whether a collection is due. */
const lookEveryMs = 1000;
const stampEveryMs = 60_000;
/** A collection that failed is tried again after this, or earlier. */
const retryMs = 3_600_000;

/**
 * Runs garbage collections: by the clock, and when somebody asks. For gc.delay after a start only strays go: what clients
 * were told before it is not known any more.
 */
export class GarbageCollector {
  readonly #parts: CollectorParts;
  readonly #garbage: Garbage;
  readonly #settings: SettingStore;
  readonly #stops: (() => void)[] = [];
  readonly #stopping = new AbortController();
  #last: LastCollection | undefined;
  #isDoing = false;
  /** Both clocks at the start of serving; undefined when this process serves nobody. */
  #servingSince: { readonly wall: number; readonly monotonic: number } | undefined;

  constructor(parts: CollectorParts) {
    this.#parts = parts;
    this.#settings = new SettingStore(parts.db);
    this.#last = this.#readLast();
    this.#garbage = new Garbage({
      ...parts,
      lost: async (digest) => {
        const found = await parts.blobs.open(digest);
        await found?.handle.close();
      },
    });
  }

  /** From now on clients are served, and collections begin by themselves. */
  start(): void {
    const { clock } = this.#parts;
    this.#servingSince = { wall: clock.now(), monotonic: clock.monotonic() };
    this.#stamp(stampEveryMs);
    this.#stops.push(
      clock.every(lookEveryMs, () => {
        if (!this.#isDoing && (this.nextAt ?? Number.POSITIVE_INFINITY) <= clock.now()) void this.#collectByClock();
      }),
      clock.every(stampEveryMs, () => {
        this.#stamp(stampEveryMs);
      }),
    );
  }

  /** Ends a collection under way between two batches; resolves when it has ended. */
  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    this.#stopping.abort();
    await this.#parts.lane.idle();
    if (this.#servingSince !== undefined) this.#stamp(0);
  }

  /** How the last collection ended. */
  get last(): LastCollection | undefined {
    return this.#last;
  }

  /** When the next collection begins by itself; undefined: never. */
  get nextAt(): number | undefined {
    const { every } = this.#parts.live.values.gc;
    if (every === 0 || this.#servingSince === undefined) return undefined;
    const last = this.#last;
    const due =
      last === undefined
        ? this.#servingSince.wall
        : last.error === undefined
          ? last.startedAt + every
          : last.finishedAt + Math.min(every, retryMs);
    return Math.max(due, this.#blindUntil() ?? 0);
  }

  /**
   * Collects now, after retention; with `isDryRun` only tells what would go.
   * @throws MirrorError (CANCELLED), StorageError
   */
  async collect(options: { readonly isDryRun: boolean; readonly actor?: CollectionActor }): Promise<Collection> {
    if (options.isDryRun) return this.#run(true, () => undefined, undefined);
    await this.#before();
    return this.#parts.lane.run('gc', (tell) => this.#noted(tell, options.actor));
  }

  async #collectByClock(): Promise<void> {
    this.#isDoing = true;
    try {
      await this.collect({ isDryRun: false });
    } catch (error) {
      if (error instanceof MirrorError && error.code === 'CANCELLED') return;
      this.#parts.log.error('garbage could not be collected; it is tried again', { error });
    } finally {
      this.#isDoing = false;
    }
  }

  async #before(): Promise<void> {
    try {
      await this.#parts.before?.();
    } catch (error) {
      this.#parts.log.error('the retention rules could not be applied before the garbage collection', { error });
    }
  }

  async #noted(tell: TellProgress, actor: CollectionActor | undefined): Promise<Collection> {
    const { clock } = this.#parts;
    const startedAt = clock.now();
    try {
      const collection = await this.#run(false, tell, actor);
      const { freedBytes, itemsTotal } = collection;
      this.#keepLast({ startedAt, finishedAt: clock.now(), freedBytes, itemsTotal });
      if (itemsTotal > 0)
        this.#record(actor, 'storage', `${String(itemsTotal)} items, ${String(freedBytes)} bytes freed`);
      return collection;
    } catch (error) {
      const isStop = error instanceof MirrorError && error.code === 'CANCELLED';
      const words = isExpected(error) && error instanceof Error ? error.message : String(error);
      if (!isStop) this.#keepLast({ startedAt, finishedAt: clock.now(), freedBytes: 0, itemsTotal: 0, error: words });
      throw error;
    }
  }

  async #run(isDryRun: boolean, tell: TellProgress, actor: CollectionActor | undefined): Promise<Collection> {
    const { clock, live, marks, changed } = this.#parts;
    const { gc, history } = live.values;
    const now = clock.now();
    const postponedUntil = this.#blindUntil();
    marks.flush();
    const run: GarbageRun = {
      now,
      keptSince: postponedUntil === undefined ? now - history.keepFor : undefined,
      unusedSince: now - gc.delay,
      delayMs: gc.delay,
      isDryRun,
      signal: this.#stopping.signal,
      changed,
      removed: ({ repository, digest, why }) => {
        this.#record(actor, `${repository}@${digest}`, why, digest);
      },
      tell,
    };
    return { ...(await this.#garbage.collect(run)), postponedUntil };
  }

  /** Until when clients may count on what this process knows nothing of; undefined: it is over. */
  #blindUntil(): number | undefined {
    const { clock, live } = this.#parts;
    const { delay } = live.values.gc;
    const now = clock.now();
    if (this.#servingSince === undefined) {
      const until = Number(this.#settings.get(servedSetting) ?? 0) + delay;
      return until > now ? until : undefined;
    }
    const leftMs = this.#servingSince.monotonic + delay - clock.monotonic();
    return leftMs > 0 ? now + leftMs : undefined;
  }

  /** Notes until when clients are served, at the latest: a crash may come before the next note. */
  #stamp(aheadMs: number): void {
    const { clock, log } = this.#parts;
    try {
      this.#settings.set(servedSetting, String(clock.now() + aheadMs));
    } catch (error) {
      log.warn('until when clients are served could not be noted', { error });
    }
  }

  #readLast(): LastCollection | undefined {
    const text = this.#settings.get(lastSetting);
    return text === undefined ? undefined : lastCollection.safeParse(JSON.parse(text)).data;
  }

  #keepLast(last: LastCollection): void {
    this.#last = last;
    try {
      this.#settings.set(lastSetting, JSON.stringify(last));
    } catch (error) {
      this.#parts.log.warn('the result of the garbage collection could not be kept', { error });
    }
  }

  #record(actor: CollectionActor | undefined, artifact: string, detail: string, digest?: string): void {
    const { audit, clock } = this.#parts;
    audit.record({
      event: 'artifact_delete',
      at: clock.now(),
      artifact,
      clientIp: actor?.clientIp ?? '',
      user: actor === undefined ? 'housekeeping' : undefined,
      digest,
      cached: false,
      outcome: 'ok',
      userAgent: actor?.userAgent,
      requestId: actor?.requestId ?? '',
      detail: `garbage collection: ${detail}`,
    });
  }
}
