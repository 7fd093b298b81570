import type { Database, Statement } from '../db/database.ts';

export type AnswerKind = 'tags' | 'referrers';

interface Row {
  readonly body: string;
  readonly checked_at: number;
}

/** Lists that upstreams gave, with the time they were asked (milliseconds since the epoch). */
export class AnswerStore {
  readonly #select: Statement<[number, string, string], Row>;
  readonly #upsert: Statement<[number, string, string, string, number]>;

  constructor(db: Database) {
    this.#select = db.prepare(
      'SELECT body, checked_at FROM upstream_answers WHERE repository_id = ? AND kind = ? AND key = ?',
    );
    this.#upsert = db.prepare(
      `INSERT INTO upstream_answers (repository_id, kind, key, body, checked_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (repository_id, kind, key) DO UPDATE SET body = excluded.body, checked_at = excluded.checked_at`,
    );
  }

  find(
    repositoryId: number,
    kind: AnswerKind,
    key: string,
  ): { readonly body: string; readonly checkedAt: number } | undefined {
    const row = this.#select.get(repositoryId, kind, key);
    return row === undefined ? undefined : { body: row.body, checkedAt: row.checked_at };
  }

  put(repositoryId: number, kind: AnswerKind, key: string, body: string, now: number): void {
    this.#upsert.run(repositoryId, kind, key, body, now);
  }
}
