import type { Database, Statement } from '../db/database.ts';
import { inTransaction } from '../db/database.ts';
import { isDigest } from '../oci/digest.ts';

interface Mark {
  readonly repositoryId: number;
  readonly reference: string;
  at: number;
  by: string;
}

/**
 * Who pulled what last. Kept in memory and written in one transaction a second: the hot path never waits for the disk.
 * At most a second of marks is lost in a crash.
 */
export class PulledMarks {
  readonly #db: Database;
  readonly #marks = new Map<string, Mark>();
  readonly #repository: Statement<[number, string, number]>;
  readonly #tag: Statement<[number, string, number, string]>;
  readonly #manifest: Statement<[number, string, number, string]>;

  constructor(db: Database) {
    this.#db = db;
    this.#repository = db.prepare('UPDATE repositories SET last_pulled_at = ?, last_pulled_by = ? WHERE id = ?');
    this.#tag = db.prepare(
      'UPDATE tags SET last_pulled_at = ?, last_pulled_by = ? WHERE repository_id = ? AND name = ?',
    );
    this.#manifest = db.prepare(
      'UPDATE repository_manifests SET last_pulled_at = ?, last_pulled_by = ? WHERE repository_id = ? AND digest = ?',
    );
  }

  /** Notes a pull of a tag or digest by a client. */
  note(key: string, repositoryId: number, reference: string, at: number, by: string): void {
    const mark = this.#marks.get(key);
    if (mark === undefined) this.#marks.set(key, { repositoryId, reference, at, by });
    else {
      mark.at = at;
      mark.by = by;
    }
  }

  /** Writes what has gathered. */
  flush(): void {
    if (this.#marks.size === 0) return;
    const marks = [...this.#marks.values()];
    this.#marks.clear();
    inTransaction(this.#db, () => {
      const repositories = new Map<number, Mark>();
      for (const mark of marks) {
        const statement = isDigest(mark.reference) ? this.#manifest : this.#tag;
        statement.run(mark.at, mark.by, mark.repositoryId, mark.reference);
        const latest = repositories.get(mark.repositoryId);
        if (latest === undefined || latest.at < mark.at) repositories.set(mark.repositoryId, mark);
      }
      for (const mark of repositories.values()) this.#repository.run(mark.at, mark.by, mark.repositoryId);
    });
  }
}
