import type { Database, Statement } from '../db/database.ts';
import type { TagEnd } from './tag-store.ts';

/** A time in which a tag pointed at a digest. Times are milliseconds since the epoch. */
export interface HistoryEntry {
  readonly digest: string;
  readonly firstSeenAt: number;
  /** When that was last confirmed. */
  readonly lastSeenAt: number;
  /** When the tag was moved away or deleted; undefined: it points there now. */
  readonly endedAt: number | undefined;
  readonly endedAs: TagEnd | undefined;
}

interface Row {
  readonly digest: string;
  readonly first_seen_at: number;
  readonly last_seen_at: number;
  readonly ended_at: number | null;
  readonly ended_as: TagEnd | null;
}

/** A nightly tag has one a day. */
const entryLimit = 500;

/** Reads what tags pointed at. */
export class TagHistory {
  readonly #entries: Statement<[number, string], Row>;

  constructor(db: Database) {
    this.#entries = db.prepare(
      `SELECT digest, first_seen_at, last_seen_at, ended_at, ended_as FROM tag_history
       WHERE repository_id = ? AND name = ? ORDER BY id DESC LIMIT ${String(entryLimit)}`,
    );
  }

  /** Newest first, at most 500; none for a tag that never was here. */
  read(repositoryId: number, tag: string): HistoryEntry[] {
    return this.#entries.all(repositoryId, tag).map((row) => ({
      digest: row.digest,
      firstSeenAt: row.first_seen_at,
      lastSeenAt: row.last_seen_at,
      endedAt: row.ended_at ?? undefined,
      endedAs: row.ended_as ?? undefined,
    }));
  }
}
