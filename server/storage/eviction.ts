import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database, Statement } from '../db/database.ts';
import { inTransaction, storageError } from '../db/database.ts';
import type { Clock } from '../lib/clock.ts';
import { EvictionOrder } from './eviction-order.ts';
import type { EvictionCandidate } from './eviction-order.ts';
import { EvictionPlanner } from './eviction-plan.ts';
import type { EvictionPlan } from './eviction-plan.ts';
import { FreedInPreview } from './eviction-preview.ts';
import type { Layout } from './layout.ts';
import { LeavingFiles } from './leaving-files.ts';
import { RemovalRows } from './removal-rows.ts';

/** Something that went, or would go, with its tags and all that only it led to. */
export interface Evicted {
  readonly repository: string;
  /** Tags; for a manifest without one, its digest. */
  readonly references: readonly string[];
  readonly digest: string;
  /** Milliseconds since the epoch. */
  readonly firstSeenAt: number;
  readonly lastPulledAt: number | undefined;
  /** Bytes of the blob files that nothing needs any more. */
  readonly bytes: number;
}

/** What one step took out. */
export interface EvictionStep {
  readonly evicted: readonly Evicted[];
  /** Bytes that are free once `files` has settled. */
  readonly freedBytes: number;
  /** Settles when the files are gone; rejects when one could not be removed (it goes at the next start). */
  readonly files: Promise<void>;
  /** True when there is nothing left that may go. */
  readonly isOver: boolean;
}

export interface EvictionNeed {
  /** Bytes that have to become free. */
  readonly bytes: number;
  /** Digests of blobs somebody is downloading: what needs one of them stays. */
  readonly inFlight: ReadonlySet<string>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface EvictionPreview {
  readonly evicted: readonly Evicted[];
  readonly bytes: number;
  /** True when there is nothing left that may go. */
  readonly isOver: boolean;
  /** False when counting stopped before the bytes were reached. */
  readonly isComplete: boolean;
}

/** A step keeps the event loop no longer than this. */
const stepMs = 12;
/** What a preview may cost in all; after that it says that there is more. */
const previewMs = 1500;

/**
 * Evicts cached content, what was used longest ago first, whole images at a time; a blob goes with the last image that needs
 * it. What is pinned, pushed, or held where a person put it is never touched.
 *
 * A step plans and removes in one turn, so that it needs nobody's leave: what others planned meanwhile can only find less.
 */
export class Eviction {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #order: EvictionOrder;
  readonly #planner: EvictionPlanner;
  readonly #rows: RemovalRows;
  readonly #files: LeavingFiles;
  readonly #names: Statement<[number], { name: string }>;
  readonly #forgetDeleted: Statement<[number, string]>;

  constructor(db: Database, layout: Layout, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#order = new EvictionOrder(db);
    this.#planner = new EvictionPlanner(db);
    this.#rows = new RemovalRows(db);
    this.#files = new LeavingFiles(layout);
    this.#names = db.prepare('SELECT name FROM repositories WHERE id = ?');
    this.#forgetDeleted = db.prepare('DELETE FROM deleted_manifests WHERE repository_id = ? AND digest = ?');
  }

  /**
   * Takes out as much as is needed, and as one turn allows; call again for more.
   * @throws StorageError when the rows could not be removed; then nothing was
   */
  step(need: EvictionNeed): EvictionStep {
    try {
      const { freed, ...step } = inTransaction(this.#db, () => this.#takeOutAll(need));
      if (step.isOver) this.#order.restart();
      // in the turn of the transaction: a new download of the same blob must not meet the old file
      return { ...step, files: this.#files.remove(this.#files.setAside(freed)) };
    } catch (error) {
      this.#order.restart();
      throw storageError(error, 'making room');
    }
  }

  /** What goes, in order, until so many bytes are free or so many have gone; nothing is changed. */
  async preview(until: { readonly bytes: number; readonly images: number }): Promise<EvictionPreview> {
    const order = new EvictionOrder(this.#db);
    const counted = new FreedInPreview(this.#db);
    const evicted: Evicted[] = [];
    const startedAt = this.#clock.monotonic();
    let turnAt = startedAt;
    let bytes = 0;
    for (;;) {
      if (bytes >= until.bytes || evicted.length >= until.images)
        return { evicted, bytes, isOver: false, isComplete: true };
      const next = order.next();
      if (next === 'none') return { evicted, bytes, isOver: true, isComplete: true };
      if (this.#clock.monotonic() - startedAt > previewMs) return { evicted, bytes, isOver: false, isComplete: false };
      if (next === 'wait' || this.#clock.monotonic() - turnAt > stepMs) {
        await nextTurn();
        turnAt = this.#clock.monotonic();
      }
      if (next === 'wait') continue;
      const plan = this.#settle(order, next.value, (repositoryId, digest) => counted.isGone(repositoryId, digest));
      if (plan === undefined || !counted.isNew(plan)) continue;
      const freed = counted.takeOut(plan);
      bytes += freed;
      evicted.push(describe(plan, this.#nameOf(plan.candidate), freed));
    }
  }

  /** Begins again with what was used longest ago: something was unpinned. */
  restart(): void {
    this.#order.restart();
  }

  #takeOutAll(need: EvictionNeed): Omit<EvictionStep, 'files'> & { readonly freed: readonly string[] } {
    const evicted: Evicted[] = [];
    const freed: string[] = [];
    let freedBytes = 0;
    const deadline = this.#clock.monotonic() + stepMs;
    while (freedBytes < need.bytes && this.#clock.monotonic() <= deadline) {
      const next = this.#next(need);
      if (next === 'none') return { evicted, freed, freedBytes, isOver: true };
      if (next === 'wait') break;
      const blobs = this.#takeOut(next, need.now);
      const bytes = blobs.reduce((sum, blob) => sum + blob.size, 0);
      freedBytes += bytes;
      freed.push(...blobs.map((blob) => blob.digest));
      evicted.push(describe(next, this.#nameOf(next.candidate), bytes));
    }
    return { evicted, freed, freedBytes, isOver: false };
  }

  #next({ inFlight }: EvictionNeed): EvictionPlan | 'none' | 'wait' {
    const busy: EvictionCandidate[] = [];
    try {
      for (;;) {
        const next = this.#order.next();
        if (next === 'none' || next === 'wait') return next;
        const plan = this.#settle(this.#order, next.value);
        if (plan === undefined) continue;
        if (![...plan.references].some((digest) => inFlight.has(digest))) return plan;
        busy.push(next.value);
      }
    } finally {
      for (const candidate of busy) this.#order.putBack(candidate);
    }
  }

  /** The plan of a candidate whose turn it is; one that was used later than its row says is put back. */
  #settle(
    order: EvictionOrder,
    candidate: EvictionCandidate,
    isGone?: (repositoryId: number, digest: string) => boolean,
  ): EvictionPlan | undefined {
    const plan = this.#planner.plan(candidate, isGone);
    if (plan === undefined || plan.usedAt <= candidate.usedAt) return plan;
    order.putBack({ ...candidate, usedAt: plan.usedAt });
    return undefined;
  }

  #takeOut({ candidate, tags, manifests, blobs }: EvictionPlan, at: number): { digest: string; size: number }[] {
    const { repositoryId, digest, kind } = candidate;
    if (kind === 'deleted') this.#forgetDeleted.run(repositoryId, digest);
    return this.#rows.takeOut(repositoryId, { tags, manifests }, blobs, { at, as: 'evicted', isKept: false });
  }

  #nameOf({ repositoryId }: EvictionCandidate): string {
    return this.#names.get(repositoryId)?.name ?? '';
  }
}

function describe(plan: EvictionPlan, repository: string, bytes: number): Evicted {
  const { candidate, tags, firstSeenAt, lastPulledAt } = plan;
  const references = tags.length === 0 ? [candidate.digest] : tags;
  return { repository, references, digest: candidate.digest, firstSeenAt, lastPulledAt, bytes };
}
