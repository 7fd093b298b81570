import type { Database, Statement } from '../db/database.ts';
import type { Digest } from '../oci/digest.ts';
import { isDigest } from '../oci/digest.ts';

/** Where a tag points, and when its upstream last said so (milliseconds since the epoch; undefined: pushed, not cached). */
export interface Tag {
  readonly name: string;
  readonly digest: Digest;
  readonly checkedAt: number | undefined;
}

interface Row {
  readonly name: string;
  readonly digest: string;
  readonly checked_at: number | null;
}

/** Tags and their history: every digest a tag ever had here, with first and last time seen. */
export class TagStore {
  readonly #select: Statement<[number, string], Row>;
  readonly #names: Statement<[number], { name: string }>;
  readonly #any: Statement<[string], { repository: string; tag: string }>;
  readonly #upsert: Statement<[number, string, string, number, number | null]>;
  readonly #touch: Statement<[number, number, string]>;
  readonly #stale: Statement<[number, number, string]>;
  readonly #lastSeen: Statement<[number, number, string, string]>;
  readonly #history: Statement<[number, string, string, number, number]>;

  constructor(db: Database) {
    this.#select = db.prepare('SELECT name, digest, checked_at FROM tags WHERE repository_id = ? AND name = ?');
    this.#names = db.prepare('SELECT name FROM tags WHERE repository_id = ? ORDER BY name');
    // enters by the index of held repositories, however many there are
    this.#any = db.prepare(
      `SELECT r.upstream_repository AS repository, (SELECT min(t.name) FROM tags t WHERE t.repository_id = r.id) AS tag
       FROM repositories r WHERE r.upstream = ? AND r.content_count > 0 AND r.tag_count > 0 ORDER BY r.name LIMIT 1`,
    );
    this.#upsert = db.prepare(
      `INSERT INTO tags (repository_id, name, digest, first_seen_at, checked_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, first_seen_at = excluded.first_seen_at,
         checked_at = excluded.checked_at, stale_since = NULL`,
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
  }

  find(repositoryId: number, name: string): Tag | undefined {
    const row = this.#select.get(repositoryId, name);
    if (row === undefined || !isDigest(row.digest)) return undefined;
    return { name, digest: row.digest, checkedAt: row.checked_at ?? undefined };
  }

  /** Names of the repository's tags, in the specification's order. */
  list(repositoryId: number): string[] {
    return this.#names.all(repositoryId).map((row) => row.name);
  }

  /** Some tag that is held from an upstream, e.g. to try a pull with; the repository's name is the upstream's. */
  anyOf(upstream: string): { readonly repository: string; readonly tag: string } | undefined {
    return this.#any.get(upstream);
  }

  /** Points a tag at a held manifest and writes its history. Call inside a transaction. */
  put(
    repositoryId: number,
    name: string,
    digest: Digest,
    at: { readonly now: number; readonly checkedAt: number | undefined },
  ): void {
    const before = this.#select.get(repositoryId, name);
    if (at.checkedAt === undefined && before !== undefined) {
      // pushed content is where we say it is: until now the tag pointed where it did
      this.#lastSeen.run(at.now, repositoryId, name, before.digest);
      if (before.digest === digest) return;
    }
    if (before?.digest === digest) {
      this.touch(repositoryId, name, digest, at.now);
      return;
    }
    this.#upsert.run(repositoryId, name, digest, at.now, at.checkedAt ?? null);
    this.#history.run(repositoryId, name, digest, at.now, at.now);
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
}
