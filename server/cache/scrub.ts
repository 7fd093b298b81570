import { isExpected } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Digest } from '../oci/digest.ts';
import type { Database } from '../db/database.ts';
import type { FileIdentity, Finding } from '../storage/blob-proof.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { DamageStore } from '../storage/damage-store.ts';
import type { SetAside } from '../storage/damage-store.ts';
import type { Layout } from '../storage/layout.ts';
import type { LiveSettings } from '../storage/live-settings.ts';
import { ProofReader } from '../storage/proof-reader.ts';
import { ScrubPace } from '../storage/scrub-pace.ts';
import { ScrubRows } from '../storage/scrub-rows.ts';
import { afterManifests, readScrubState, writeScrubState } from '../storage/scrub-state.ts';
import type { ScrubState } from '../storage/scrub-state.ts';
import { folderIdentity, isFolderThere, walkBlobs, walkManifests } from '../storage/scrub-walk.ts';
import type { ScrubTold } from '../storage/scrub-walk.ts';
import { SettingStore } from '../storage/setting-store.ts';
import { DamagedContent } from './damaged-content.ts';
import type { DamageEvents, KnownDamage } from './damaged-content.ts';
import type { Repair } from './repair.ts';

export interface ScrubParts {
  readonly db: Database;
  readonly layout: Layout;
  readonly clock: Clock;
  readonly live: LiveSettings;
  readonly blobs: BlobStore;
  readonly repair: Repair;
  /** Whether clients are being served. */
  readonly isBusy: () => boolean;
  readonly events: DamageEvents;
}

/** How the scrub stands. Times are milliseconds since the epoch. */
export interface ScrubView {
  readonly running: boolean;
  readonly startedAt: number | undefined;
  readonly checkedBlobs: number;
  readonly totalBlobs: number;
  readonly checkedBytes: number;
  readonly totalBytes: number;
  readonly lastFinishedAt: number | undefined;
  readonly nextAt: number | undefined;
  /** Why the round could not go on. */
  readonly problem: string | undefined;
  /** How much is damaged and not repaired. */
  readonly unrepaired: number;
  readonly damaged: KnownDamage[];
}

/** How often it is looked whether a round is due. */
const lookEveryMs = 60_000;
/** A round that could not go on is tried again after this. */
const retryMs = 3_600_000;

/**
 * Reads everything stored again, in rounds, and puts right what rotted. One round at a time; a round that a stop of the
 * mirror ended goes on after the next start, one that a person stopped when a person starts it.
 */
export class Scrub {
  readonly #parts: ScrubParts;
  readonly #settings: SettingStore;
  readonly #rows: ScrubRows;
  readonly #damage: DamageStore;
  readonly #content: DamagedContent;
  readonly #reader = new ProofReader();
  readonly #pace: ScrubPace;
  readonly #closing = new AbortController();
  readonly #stops: (() => void)[] = [];
  #folder: FileIdentity | undefined;
  #state: ScrubState | undefined;
  #checked = { blobs: 0, bytes: 0 };
  #checkedBytes = 0;
  #rate: number | undefined;
  #round: { readonly abort: AbortController; readonly done: Promise<void> } | undefined;
  #repairing: Promise<void> | undefined;
  #retryAt = 0;

  constructor(parts: ScrubParts) {
    const { db, layout, clock } = parts;
    this.#parts = parts;
    this.#settings = new SettingStore(db);
    this.#rows = new ScrubRows(db);
    this.#damage = new DamageStore(db, layout);
    this.#content = new DamagedContent({ ...parts, damage: this.#damage });
    this.#pace = new ScrubPace({
      clock,
      rate: () => this.#rate ?? parts.live.values.scrub.rate,
      isBusy: parts.isBusy,
    });
    this.#state = readScrubState(this.#settings);
    parts.blobs.onDamaged((digest, finding, file) => {
      this.#foundByPull(digest, finding, file);
    });
  }

  get isRunning(): boolean {
    return this.#round !== undefined;
  }

  /** When the last whole round ended, in milliseconds since the epoch. */
  get lastFinishedAt(): number | undefined {
    return this.#state?.lastFinishedAt;
  }

  /** How much is damaged and not here again. */
  get unrepaired(): number {
    return this.#content.unrepaired;
  }

  /** What was done since the start of the process. */
  get counts(): { readonly checkedBytes: number; readonly damaged: number; readonly repaired: number } {
    return { ...this.#content.counts, checkedBytes: this.#checkedBytes };
  }

  /** From now on rounds begin by themselves, and one that was interrupted goes on. @throws StorageError */
  schedule(): void {
    this.#folder = folderIdentity(this.#parts.layout);
    this.#stops.push(
      this.#parts.clock.every(lookEveryMs, () => {
        this.#look();
      }),
    );
    this.#quietly(this.#content.begin());
    this.#look();
  }

  /**
   * Starts a round, or goes on with an unfinished one; `rate` in bytes per second holds for it alone.
   * @throws StorageError when the content is not there
   */
  start(rate?: number): void {
    if (rate !== undefined) this.#rate = rate;
    if (this.#round !== undefined || this.#closing.signal.aborted) return;
    this.#folder ??= folderIdentity(this.#parts.layout);
    const state = this.#state;
    const isUnfinished = state !== undefined && state.finishedAt === undefined;
    this.#note(isUnfinished ? { ...state, isStopped: false, problem: undefined } : this.#newRound());
    this.#checked = this.#checkedSoFar();
    const abort = new AbortController();
    const done = this.#run(AbortSignal.any([abort.signal, this.#closing.signal])).finally(() => {
      this.#round = undefined;
      this.#rate = undefined;
    });
    this.#round = { abort, done };
  }

  /** Stops the round; it goes on where it was when somebody starts it. */
  async stop(): Promise<void> {
    const round = this.#round;
    if (round === undefined || this.#state === undefined) return;
    this.#note({ ...this.#state, isStopped: true });
    round.abort.abort(new Error('the scrub was stopped'));
    await round.done;
  }

  /** Resolves when no round is under way. */
  async finished(): Promise<void> {
    await this.#round?.done;
  }

  /** Asks the upstreams again for everything that is damaged. */
  async repairAll(): Promise<void> {
    await (this.#repairing ??= this.#content.repairAll(this.#closing.signal).finally(() => {
      this.#repairing = undefined;
    }));
  }

  async view(): Promise<ScrubView> {
    await this.#content.settle();
    const state = this.#state;
    if (this.#round === undefined) this.#checked = this.#checkedSoFar();
    return {
      running: this.#round !== undefined,
      startedAt: state?.startedAt,
      checkedBlobs: this.#checked.blobs,
      totalBlobs: state?.totalBlobs ?? 0,
      checkedBytes: this.#checked.bytes,
      totalBytes: state?.totalBytes ?? 0,
      lastFinishedAt: state?.lastFinishedAt,
      nextAt: this.#nextAt(),
      problem: state?.problem,
      unrepaired: this.unrepaired,
      damaged: this.#content.list(),
    };
  }

  /** Stops what is under way; the round goes on after the next start. */
  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    this.#closing.abort(new Error('the mirror is stopping'));
    await Promise.allSettled([this.#round?.done, this.#repairing]);
    await this.#reader.close();
  }

  #look(): void {
    const next = this.#nextAt();
    const now = this.#parts.clock.now();
    if (next !== undefined && next <= now && now >= this.#retryAt) this.start();
    this.#quietly(this.#content.settle());
  }

  #quietly(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#parts.events.warn('what was repaired could not be noted', { error: String(error) });
    });
  }

  /** A round is due when the blob that waits longest has waited for `scrub.every`, and the last round is as long ago. */
  #nextAt(): number | undefined {
    const { every } = this.#parts.live.values.scrub;
    const state = this.#state;
    if (this.#round !== undefined || every === 0) return undefined;
    if (state !== undefined && state.finishedAt === undefined && !state.isStopped)
      return Math.max(this.#retryAt, this.#parts.clock.now());
    const oldest = this.#rows.oldestProof();
    return oldest === undefined ? undefined : Math.max(oldest, state?.startedAt ?? 0) + every;
  }

  #newRound(): ScrubState {
    const startedAt = this.#parts.clock.now();
    const total = this.#rows.sumBefore(startedAt);
    return {
      startedAt,
      isStopped: false,
      totalBlobs: total.blobs,
      totalBytes: total.bytes,
      manifestsTo: '',
      lastFinishedAt: this.#state?.lastFinishedAt,
    };
  }

  #checkedSoFar(): { readonly blobs: number; readonly bytes: number } {
    const state = this.#state;
    if (state === undefined) return { blobs: 0, bytes: 0 };
    const left = state.finishedAt === undefined ? this.#rows.sumBefore(state.startedAt) : { blobs: 0, bytes: 0 };
    return { blobs: Math.max(0, state.totalBlobs - left.blobs), bytes: Math.max(0, state.totalBytes - left.bytes) };
  }

  #note(state: ScrubState): void {
    this.#state = state;
    writeScrubState(this.#settings, state);
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      await this.#walk(signal);
      await this.#content.repairAll(signal);
      const finishedAt = this.#parts.clock.now();
      if (this.#state !== undefined) this.#note({ ...this.#state, finishedAt, lastFinishedAt: finishedAt });
    } catch (error) {
      if (!signal.aborted) this.#giveUp(error);
    }
  }

  #giveUp(error: unknown): void {
    const problem = isExpected(error) ? error.message : String(error);
    this.#retryAt = this.#parts.clock.now() + retryMs;
    this.#parts.events.warn('the scrub could not go on; it is tried again in an hour', { error: problem });
    try {
      if (this.#state !== undefined) this.#note({ ...this.#state, problem });
    } catch {
      // a disk that refuses: the state in memory says so
    }
  }

  async #walk(signal: AbortSignal): Promise<void> {
    const state = this.#state;
    if (state === undefined || this.#folder === undefined) return;
    const walk = {
      ...this.#parts,
      rows: this.#rows,
      damage: this.#damage,
      reader: this.#reader,
      pace: this.#pace,
      folder: this.#folder,
      told: this.#told(signal),
    };
    await walkManifests(walk, state.manifestsTo, signal);
    this.#note({ ...(this.#state ?? state), manifestsTo: afterManifests });
    await walkBlobs(walk, state.startedAt, signal);
  }

  #told(signal: AbortSignal): ScrubTold {
    return {
      found: async (damaged, finding) => {
        this.#content.outOfService(damaged, finding);
        await this.#content.repairOne(damaged.digest, signal);
        await this.#content.settle();
      },
      checked: (sizeBytes) => {
        this.#checked = { blobs: this.#checked.blobs + 1, bytes: this.#checked.bytes + sizeBytes };
        this.#checkedBytes += sizeBytes;
      },
      manifestsTo: (digest) => {
        if (this.#state !== undefined) this.#note({ ...this.#state, manifestsTo: digest });
      },
      warn: (message, detail) => {
        this.#parts.events.warn(message, detail);
      },
    };
  }

  /** A pull found the file gone or cut. Without its folder nothing is known of it: a share that is gone may come back. */
  #foundByPull(digest: Digest, finding: Finding, file: FileIdentity | undefined): void {
    const { layout, clock } = this.#parts;
    if (this.#folder !== undefined && !isFolderThere(layout, this.#folder)) return;
    const damaged: SetAside | undefined = this.#damage.setBlobAside(digest, { finding, file, now: clock.now() });
    if (damaged !== undefined) this.#content.outOfService(damaged, finding);
  }
}
