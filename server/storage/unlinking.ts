import type { Database, Statement } from '../db/database.ts';
import { inTransaction } from '../db/database.ts';
import { RequestError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import type { RemovalPlan } from './removal-plan.ts';
import { RemovalRows } from './removal-rows.ts';
import type { Repository } from './repository-store.ts';

/**
 * Takes tags and manifests out of a repository as a client's DELETE asks for (distribution-spec end-9). Only what is named
 * goes: history stays, and content stays until it is cleaned up, so that a deletion can be undone.
 */
export class Unlinking {
  readonly #db: Database;
  readonly #tags: Statement<[number, string], { name: string; pinned: number }>;
  readonly #tag: Statement<[number, string], { pinned: number; digest: string }>;
  readonly #manifest: Statement<[number, string], { pinned: number }>;
  readonly #isPinned: Statement<[number], { pinned: number }>;
  readonly #rows: RemovalRows;

  constructor(db: Database) {
    this.#db = db;
    this.#tags = db.prepare('SELECT name, pinned FROM tags WHERE repository_id = ? AND digest = ?');
    this.#tag = db.prepare('SELECT pinned, digest FROM tags WHERE repository_id = ? AND name = ?');
    this.#manifest = db.prepare('SELECT pinned FROM repository_manifests WHERE repository_id = ? AND digest = ?');
    this.#isPinned = db.prepare('SELECT pinned FROM repositories WHERE id = ?');
    this.#rows = new RemovalRows(db);
  }

  /**
   * Deletes a tag; gives the digest it pointed at.
   * @throws RequestError (MANIFEST_UNKNOWN, DENIED when it is pinned)
   */
  tag(repository: Repository, name: string, now: number): string {
    return inTransaction(this.#db, () => {
      const tag = this.#tag.get(repository.id, name);
      if (tag === undefined) throw unknown(repository, `tag ${name}`);
      this.#refusePinned(repository, tag.pinned, `tag ${name}`);
      this.#takeOut(repository, { tags: [name], manifests: [] }, now);
      return tag.digest;
    });
  }

  /**
   * Deletes a manifest and the tags that point at it.
   * @throws RequestError (MANIFEST_UNKNOWN, DENIED when it, or a tag of it, is pinned)
   */
  manifest(repository: Repository, digest: Digest, now: number): void {
    inTransaction(this.#db, () => {
      const manifest = this.#manifest.get(repository.id, digest);
      if (manifest === undefined) throw unknown(repository, `manifest ${digest}`);
      this.#refusePinned(repository, manifest.pinned, `manifest ${digest}`);
      const tags = this.#tags.all(repository.id, digest);
      for (const tag of tags) this.#refusePinned(repository, tag.pinned, `tag ${tag.name}`);
      this.#takeOut(repository, { tags: tags.map((tag) => tag.name), manifests: [digest] }, now);
    });
  }

  #takeOut(repository: Repository, plan: RemovalPlan, now: number): void {
    this.#rows.takeOut(repository.id, plan, [], { at: now, as: 'deleted', isKept: true });
  }

  #refusePinned(repository: Repository, pinned: number, what: string): void {
    const isWhole = (this.#isPinned.get(repository.id)?.pinned ?? 0) !== 0;
    if (pinned === 0 && !isWhole) return;
    throw new RequestError(
      'DENIED',
      `${isWhole ? `repository ${repository.name}` : what} is pinned and can't be deleted; unpin it first`,
      { value: repository.name },
    );
  }
}

function unknown(repository: Repository, what: string): RequestError {
  return new RequestError('MANIFEST_UNKNOWN', `${repository.name} has no ${what}`, { value: what });
}
