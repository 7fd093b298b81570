import type { Database, Statement } from '../db/database.ts';
import type { Digest } from '../oci/digest.ts';
import { isDigest } from '../oci/digest.ts';

/** Where a tag points, and when its upstream last said so (milliseconds since the epoch; undefined: pushed, not cached). */
export interface Tag {
  readonly name: string;
  readonly digest: Digest;
  readonly checkedAt: number | undefined;
  /** A person put it there then: no upstream moves it until it is let go. */
  readonly heldSince: number | undefined;
}

/** How a tag stopped pointing at a digest. */
export type TagEnd = 'moved' | 'deleted' | 'retention' | 'evicted' | 'rolled back';

/** Where a person puts a tag. Times are milliseconds since the epoch. */
interface Placement {
  readonly now: number;
  /** When its upstream last said that it points there; undefined for pushed content. */
  readonly checkedAt: number | undefined;
  /** Whether it stays there, whatever its upstream says. */
  readonly isHeld: boolean;
}

interface Row {
  readonly name: string;
  readonly digest: string;
  readonly checked_at: number | null;
  readonly held_since: number | null;
}

/**
 * Tags and their history: every digest a tag ever had here, with first and last time seen, and how it ended. The row without
 * an end is where the tag points.
 */
export class TagStore {
  readonly #select: Statement<[number, string], Row>;
  readonly #names: Statement<[number], { name: string }>;
  readonly #any: Statement<[string], { repository: string; tag: string }>;
  readonly #upsert: Statement<[number, string, string, number, number | null]>;
  readonly #touch: Statement<[number, number, string]>;
  readonly #stale: Statement<[number, number, string]>;
  readonly #lastSeen: Statement<[number, number, string, string]>;
  readonly #history: Statement<[number, string, string, number, number]>;
  readonly #end: Statement<[number, TagEnd, number, string]>;
  readonly #delete: Statement<[number, string]>;
  readonly #hold: Statement<[number | null, number, string]>;

  constructor(db: Database) {
    this.#select = db.prepare(
      'SELECT name, digest, checked_at, held_since FROM tags WHERE repository_id = ? AND name = ?',
    );
    this.#names = db.prepare('SELECT name FROM tags WHERE repository_id = ? ORDER BY name');
    // enters by the index of held repositories, however many there are
    this.#any = db.prepare(
      `SELECT r.upstream_repository AS repository, (SELECT min(t.name) FROM tags t WHERE t.repository_id = r.id) AS tag
       FROM repositories r WHERE r.upstream = ? AND r.content_count > 0 AND r.tag_count > 0 ORDER BY r.name LIMIT 1`,
    );
    this.#upsert = db.prepare(
      `INSERT INTO tags (repository_id, name, digest, first_seen_at, checked_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, first_seen_at = excluded.first_seen_at,
         checked_at = excluded.checked_at, stale_since = NULL, held_since = NULL`,
    );
    this.#touch = db.prepare('UPDATE tags SET checked_at = ?, stale_since = NULL WHERE repository_id = ? AND name = ?');
    this.#stale = db.prepare(
      'UPDATE tags SET stale_since = coalesce(stale_since, ?) WHERE repository_id = ? AND name = ?',
    );
    this.#lastSeen = db.prepare(
      `UPDATE tag_history SET last_seen_at = ? WHERE id =
         (SELECT max(id) FROM tag_history WHERE repository_id = ? AND name = ?) AND digest = ?`,
    );
    this.#history = db.prepare(
      'INSERT INTO tag_history (repository_id, name, digest, first_seen_at, last_seen_at) VALUES (?, ?, ?, ?, ?)',
    );
    this.#end = db.prepare(
      'UPDATE tag_history SET ended_at = ?, ended_as = ? WHERE repository_id = ? AND name = ? AND ended_at IS NULL',
    );
    this.#delete = db.prepare('DELETE FROM tags WHERE repository_id = ? AND name = ?');
    this.#hold = db.prepare('UPDATE tags SET held_since = ? WHERE repository_id = ? AND name = ?');
  }

  find(repositoryId: number, name: string): Tag | undefined {
    const row = this.#select.get(repositoryId, name);
    if (row === undefined || !isDigest(row.digest)) return undefined;
    return {
      name,
      digest: row.digest,
      checkedAt: row.checked_at ?? undefined,
      heldSince: row.held_since ?? undefined,
    };
  }

  /** Names of the repository's tags, in the specification's order. */
  list(repositoryId: number): string[] {
    return this.#names.all(repositoryId).map((row) => row.name);
  }

  /** Some tag that is held from an upstream, e.g. to try a pull with; the repository's name is the upstream's. */
  anyOf(upstream: string): { readonly repository: string; readonly tag: string } | undefined {
    return this.#any.get(upstream);
  }

  /**
   * Points a tag at a held manifest and writes its history. A tag that a person holds where it is stays there, whatever its
   * upstream says. Call inside a transaction.
   */
  put(
    repositoryId: number,
    name: string,
    digest: Digest,
    at: { readonly now: number; readonly checkedAt: number | undefined },
  ): void {
    const before = this.#select.get(repositoryId, name);
    if (at.checkedAt !== undefined && before !== undefined && before.held_since !== null) return;
    if (at.checkedAt === undefined && before !== undefined) {
      // pushed content is where we say it is: until now the tag pointed where it did
      this.#lastSeen.run(at.now, repositoryId, name, before.digest);
      if (before.digest === digest) return;
    }
    if (before?.digest === digest) {
      this.touch(repositoryId, name, digest, at.now);
      return;
    }
    this.#move(repositoryId, name, digest, { ...at, end: 'moved' });
  }

  /** Points a tag where a person wants it, be it there or not. Call inside a transaction. */
  place(repositoryId: number, name: string, digest: Digest, at: Placement): void {
    const before = this.#select.get(repositoryId, name);
    if (before?.checked_at === null) this.#lastSeen.run(at.now, repositoryId, name, before.digest);
    this.#move(repositoryId, name, digest, { ...at, end: 'rolled back' });
    this.#hold.run(at.isHeld ? at.now : null, repositoryId, name);
  }

  /** Lets a held tag follow its upstream again. False when there is no such tag. */
  release(repositoryId: number, name: string): boolean {
    return this.#hold.run(null, repositoryId, name).changes > 0;
  }

  /** Takes a tag away; its history stays and says how it ended. False when there is none. Call inside a transaction. */
  remove(repositoryId: number, name: string, ended: { readonly at: number; readonly as: TagEnd }): boolean {
    const before = this.#select.get(repositoryId, name);
    if (before === undefined) return false;
    // pushed content was where we said it was until now
    if (before.checked_at === null) this.#lastSeen.run(ended.at, repositoryId, name, before.digest);
    this.#end.run(ended.at, ended.as, repositoryId, name);
    this.#delete.run(repositoryId, name);
    return true;
  }

  /** The upstream confirmed that the tag still points where it did. */
  touch(repositoryId: number, name: string, digest: Digest, now: number): void {
    this.#touch.run(now, repositoryId, name);
    this.#lastSeen.run(now, repositoryId, name, digest);
  }

  /** The upstream could not confirm the tag; shown as stale until it does. */
  markStale(repositoryId: number, name: string, now: number): void {
    this.#stale.run(now, repositoryId, name);
  }

  #move(
    repositoryId: number,
    name: string,
    digest: Digest,
    at: { readonly now: number; readonly checkedAt: number | undefined; readonly end: TagEnd },
  ): void {
    this.#end.run(at.now, at.end, repositoryId, name);
    this.#upsert.run(repositoryId, name, digest, at.now, at.checkedAt ?? null);
    this.#history.run(repositoryId, name, digest, at.now, at.now);
  }
}
