import { setImmediate as turn } from 'node:timers/promises';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RetentionRule } from '../config/schema.ts';
import type { Database } from '../db/database.ts';
import { inTransaction } from '../db/database.ts';
import { MirrorError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { LiveSettings } from '../storage/live-settings.ts';
import type { PulledMarks } from '../storage/pulled-marks.ts';
import { RemovalList } from '../storage/removal-list.ts';
import type { RemovalReport } from '../storage/removal-list.ts';
import { RetentionPlanner } from '../storage/retention-plan.ts';
import type { LeavingItem, RepositoryPlan } from '../storage/retention-plan.ts';
import { RetentionRows } from '../storage/retention-rows.ts';
import { warningsOf } from '../storage/retention-words.ts';
import type { CollectionActor } from './housekeeping.ts';
import type { HousekeepingLane, TellProgress } from './housekeeping-lane.ts';

export interface RetentionParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Pick<AuditLog, 'record'>;
  readonly live: LiveSettings;
  readonly lane: HousekeepingLane;
  readonly marks: PulledMarks;
  /** Told in the turn in which tags or manifests of the repository went. */
  readonly changed: (repository: string) => void;
}

/** What the rules remove, or removed. The bytes are free when the time is over for which it can be undone. */
export interface RetentionReport extends RemovalReport {
  /** Tags of the repositories that rules name which stay. */
  readonly keptTags: number;
  /** Some of them, and why; at most 1000. */
  readonly kept: readonly { readonly name: string; readonly why: string }[];
  /** Until when it can be undone (milliseconds since the epoch); undefined when nothing goes. */
  readonly keptUntil: number | undefined;
  /** What a person should know first, one sentence each. */
  readonly warnings: readonly string[];
}

/** Removals in one turn: some 10 ms. */
const removalsAtOnce = 100;

/**
 * Applies the retention rules to everything held, cached or pushed. A tag that goes is unlinked and its history says so; its
 * content stays for history.keepFor, as after a deletion, and goes with the garbage collection after that.
 */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #rows: RetentionRows;
  readonly #stopping = new AbortController();

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#rows = new RetentionRows(parts.db);
  }

  /**
   * What these rules would remove now; nothing changes.
   * @throws MirrorError (CANCELLED)
   */
  async preview(rules: readonly RetentionRule[]): Promise<RetentionReport> {
    const run = await this.#plan(rules, () => undefined);
    const list = new RemovalList();
    for (const { items } of run.plans) for (const { name, why, bytes } of items) list.add(name, why, bytes);
    return this.#report(run, list);
  }

  /**
   * Removes what the rules that hold now say, in its turn. What was moved, pinned or pulled since it was chosen stays.
   * @throws MirrorError (CANCELLED), StorageError; what went before that is gone
   */
  async apply(actor?: CollectionActor): Promise<RetentionReport> {
    return this.#parts.lane.run('retention', async (tell) => {
      const run = await this.#plan(this.#parts.live.values.retention.rules, tell);
      const list = new RemovalList();
      for (const plan of run.plans) await this.#remove(plan, { run, list, actor });
      return this.#report(run, list);
    });
  }

  /** Ends what is under way between two batches; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#parts.lane.idle();
  }

  async #plan(rules: readonly RetentionRule[], tell: TellProgress): Promise<Run> {
    const { clock, live, marks } = this.#parts;
    // a pull a moment ago may be what keeps a tag
    marks.flush();
    const now = clock.now();
    const keepForMs = live.values.history.keepFor;
    if (rules.length === 0) return { plans: [], keptTags: 0, kept: [], warnings: [], now };
    const planner = new RetentionPlanner(this.#rows, rules, { now, keepForMs, breathe: () => this.#breathe() });
    const planned = await planner.plan((done) => {
      tell(done, undefined);
    });
    const warnings = [...warningsOf(rules), ...idleRules(rules, planned.decidedBy)];
    return { ...planned, warnings, now };
  }

  async #remove(plan: RepositoryPlan, more: Removing): Promise<void> {
    for (let start = 0; start < plan.items.length; start += removalsAtOnce) {
      this.#removeSome(plan, plan.items.slice(start, start + removalsAtOnce), more);
      await this.#breathe();
    }
  }

  #removeSome({ repository }: RepositoryPlan, items: readonly LeavingItem[], { run, list, actor }: Removing): void {
    const { db, clock, marks, changed } = this.#parts;
    marks.flush();
    const at = { decidedAt: run.now, now: clock.now() };
    const removed = inTransaction(db, () =>
      items.filter(({ leaving }) => this.#rows.remove(repository.id, leaving, at)),
    );
    if (removed.length === 0) return;
    changed(repository.name);
    for (const item of removed) {
      list.add(item.name, item.why, item.bytes);
      this.#record(actor, item);
    }
  }

  /** Lets everybody else have their turn. */
  async #breathe(): Promise<void> {
    await turn();
    if (this.#stopping.signal.aborted) throw new MirrorError('CANCELLED', 'the mirror is stopping');
  }

  #report(run: Run, list: RemovalList): RetentionReport {
    const { keptTags, kept, warnings, now } = run;
    const { report } = list;
    const keptUntil = report.itemsTotal === 0 ? undefined : now + this.#parts.live.values.history.keepFor;
    return { ...report, keptTags, kept, keptUntil, warnings };
  }

  #record(actor: CollectionActor | undefined, { name, leaving, why }: LeavingItem): void {
    const { audit, clock } = this.#parts;
    audit.record({
      event: 'artifact_delete',
      at: clock.now(),
      artifact: name,
      clientIp: actor?.clientIp ?? '',
      user: actor === undefined ? 'housekeeping' : undefined,
      digest: leaving.digest,
      cached: false,
      outcome: 'ok',
      userAgent: actor?.userAgent,
      requestId: actor?.requestId ?? '',
      detail: `retention: ${why}`,
    });
  }
}

/** What was decided, and when. */
interface Run extends Pick<RetentionReport, 'keptTags' | 'kept' | 'warnings'> {
  readonly plans: readonly RepositoryPlan[];
  readonly now: number;
}

interface Removing {
  readonly run: Run;
  readonly list: RemovalList;
  readonly actor: CollectionActor | undefined;
}

/** A rule that decides nothing is often one that was misspelt. */
function idleRules(rules: readonly RetentionRule[], decidedBy: ReadonlySet<number>): string[] {
  return rules.flatMap((_, position) =>
    decidedBy.has(position)
      ? []
      : [
          `Rule ${String(position + 1)} decides nothing now: nothing held has such a name, or earlier rules decide about it.`,
        ],
  );
}
