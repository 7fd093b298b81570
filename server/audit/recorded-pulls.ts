import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from '../db/database.ts';

/** Rows one statement looks at: a few milliseconds of work, then others have a turn. */
const windowRows = 5000;
/** Rows are in the order in which they were written; a clock that was set back puts some out of place. */
const playMs = 3_600_000;

/** Pulls of the same content under the same name by the same user. */
export interface RecordedPull {
  /** `repository:tag` or `repository@digest`. */
  readonly artifact: string;
  /** Undefined for what never was delivered. */
  readonly digest: string | undefined;
  readonly user: string | undefined;
  readonly upstream: string | undefined;
  readonly pulls: number;
  /** How many of them were denied. */
  readonly denied: number;
  /** Of the newest, milliseconds since the epoch. */
  readonly lastAt: number;
}

interface GroupRow {
  readonly artifact: number;
  readonly digest: number | null;
  readonly user: number | null;
  readonly upstream: number | null;
  readonly pulls: number;
  readonly denied: number;
  readonly at: number;
}

/**
 * The manifest pulls of the index since a time (milliseconds since the epoch), each kind once, newest first. Works in
 * slices, so that a long record does not keep anybody waiting; what failed for another reason than a denial is left out.
 */
export async function recordedPulls(db: Database, since: number, signal: AbortSignal): Promise<RecordedPull[]> {
  const totals = new Map<string, { -readonly [K in keyof GroupRow]: GroupRow[K] }>();
  const read = db.prepare<[number, number, number], GroupRow>(groupSql);
  const timeOf = db.prepare<[number], number>('SELECT at FROM audit WHERE row >= ? ORDER BY row LIMIT 1').pluck();
  let high = (db.prepare<[], number | null>('SELECT max(row) FROM audit').pluck().get() ?? 0) + 1;
  const first = db.prepare<[], number | null>('SELECT min(row) FROM audit').pluck().get() ?? high;
  while (high > first) {
    signal.throwIfAborted();
    const low = Math.max(first, high - windowRows);
    for (const row of read.all(low, high, since)) {
      const key = `${String(row.artifact)} ${String(row.digest)} ${String(row.user)} ${String(row.upstream)}`;
      const total = totals.get(key);
      if (total === undefined) totals.set(key, { ...row });
      else {
        total.pulls += row.pulls;
        total.denied += row.denied;
        total.at = Math.max(total.at, row.at);
      }
    }
    if ((timeOf.get(low) ?? 0) < since - playMs) break;
    high = low;
    await nextTurn();
  }
  return named(
    db,
    [...totals.values()].sort((one, other) => other.at - one.at),
    signal,
  );
}

async function named(db: Database, rows: readonly GroupRow[], signal: AbortSignal): Promise<RecordedPull[]> {
  const select = db.prepare<[number], string>('SELECT text FROM audit_texts WHERE id = ?').pluck();
  const texts = new Map<number, string>();
  const textOf = (id: number | null): string | undefined => {
    if (id === null) return undefined;
    const text = texts.get(id) ?? select.get(id);
    if (text !== undefined) texts.set(id, text);
    return text;
  };
  const pulls: RecordedPull[] = [];
  for (const [index, row] of rows.entries()) {
    const artifact = textOf(row.artifact);
    if (artifact !== undefined)
      pulls.push({
        artifact,
        digest: textOf(row.digest),
        user: textOf(row.user),
        upstream: textOf(row.upstream),
        pulls: row.pulls,
        denied: row.denied,
        lastAt: row.at,
      });
    if (index % 1000 === 999) {
      await nextTurn();
      signal.throwIfAborted();
    }
  }
  return pulls;
}

const groupSql = `SELECT artifact, digest, user, upstream, count(*) AS pulls, sum(outcome = 'denied') AS denied, max(at) AS at
  FROM audit WHERE row >= ? AND row < ? AND at >= ? AND event = 'artifact_pull' AND outcome <> 'failed'
  GROUP BY artifact, digest, user, upstream`;
