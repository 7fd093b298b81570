import type { Database, Statement } from '../db/database.ts';
import { RequestError } from '../errors.ts';
import { isDigest } from '../oci/digest.ts';

/** Pins: what is pinned is not deleted, by nobody. */
export class Pins {
  readonly #repository: Statement<[number, string]>;
  readonly #tag: Statement<[number, string, string]>;
  readonly #manifest: Statement<[number, string, string]>;

  constructor(db: Database) {
    const inRepository = 'repository_id = (SELECT id FROM repositories WHERE name = ?)';
    this.#repository = db.prepare('UPDATE repositories SET pinned = ? WHERE name = ? AND content_count > 0');
    this.#tag = db.prepare(`UPDATE tags SET pinned = ? WHERE ${inRepository} AND name = ?`);
    this.#manifest = db.prepare(`UPDATE repository_manifests SET pinned = ? WHERE ${inRepository} AND digest = ?`);
  }

  /**
   * Pins or unpins a repository, or one tag or digest of it.
   * @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN) when it is not held
   */
  set(repository: string, reference: string | undefined, isPinned: boolean): void {
    const flag = isPinned ? 1 : 0;
    if (reference === undefined) {
      if (this.#repository.run(flag, repository).changes > 0) return;
      throw new RequestError('NAME_UNKNOWN', `nothing is held of ${repository}`, { value: repository });
    }
    const statement = isDigest(reference) ? this.#manifest : this.#tag;
    if (statement.run(flag, repository, reference).changes > 0) return;
    throw new RequestError('MANIFEST_UNKNOWN', `${repository} holds no ${reference.slice(0, 200)}`, {
      value: reference,
    });
  }
}
