import type { Database, Statement } from '../db/database.ts';
import type { RemovalPlan } from './removal-plan.ts';
import { TagStore } from './tag-store.ts';
import type { TagEnd } from './tag-store.ts';

/** A blob whose row is gone; its file may go. */
export interface FreedBlob {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** How content is taken out. */
export interface Leaving {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** What the tags' history says of it. */
  readonly as: TagEnd;
  /** Whether the manifests, with all they reference, are kept to be restored. */
  readonly isKept: boolean;
}

/** The statements of a removal. Call all of them inside one transaction. */
export class RemovalRows {
  readonly #find: Statement<[string], { id: number; pinned: number }>;
  readonly #tags: TagStore;
  readonly #keep: Statement<[number, number, string]>;
  readonly #manifestLink: Statement<[number, string]>;
  readonly #keptFor: Statement<[string], { one: number }>;
  readonly #unmake: Statement<[number]>;
  readonly #manifest: Statement<[{ readonly digest: string }]>;
  readonly #used: Statement<[number, string], { one: number }>;
  readonly #blobLink: Statement<[number, string]>;
  readonly #blob: Statement<[{ readonly digest: string }], FreedBlob>;
  readonly #answers: Statement<[number]>;

  constructor(db: Database) {
    this.#find = db.prepare('SELECT id, pinned FROM repositories WHERE name = ? AND content_count > 0');
    this.#tags = new TagStore(db);
    this.#keep = db.prepare(
      `INSERT INTO deleted_manifests (repository_id, digest, deleted_at, first_seen_at, last_pulled_at, last_pulled_by)
       SELECT repository_id, digest, ?, first_seen_at, last_pulled_at, last_pulled_by FROM repository_manifests
       WHERE repository_id = ? AND digest = ? ON CONFLICT (repository_id, digest) DO UPDATE SET deleted_at = excluded.deleted_at`,
    );
    this.#keptFor = db.prepare(
      `SELECT 1 AS one FROM manifest_references f JOIN deleted_manifests d ON d.digest = f.parent
       WHERE f.child = ? AND f.kind <> 'manifest' LIMIT 1`,
    );
    this.#unmake = db.prepare('UPDATE repositories SET made_at = NULL WHERE id = ?');
    this.#manifestLink = db.prepare('DELETE FROM repository_manifests WHERE repository_id = ? AND digest = ?');
    this.#manifest = db.prepare(
      `DELETE FROM manifests WHERE digest = @digest
       AND NOT EXISTS (SELECT 1 FROM repository_manifests WHERE digest = @digest)
       AND NOT EXISTS (SELECT 1 FROM deleted_manifests WHERE digest = @digest)`,
    );
    this.#used = db.prepare(
      `SELECT 1 AS one FROM manifest_references f JOIN repository_manifests m ON m.digest = f.parent
       WHERE m.repository_id = ? AND f.child = ? AND f.kind <> 'manifest' LIMIT 1`,
    );
    this.#blobLink = db.prepare('DELETE FROM repository_blobs WHERE repository_id = ? AND digest = ?');
    // a link is enough to keep it; the references are asked as well, so that no manifest that anybody holds,
    // or that is kept to be restored, can lose a layer
    this.#blob = db.prepare(
      `DELETE FROM blobs WHERE digest = @digest AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE digest = @digest)
       AND NOT EXISTS (SELECT 1 FROM manifest_references f JOIN repository_manifests m ON m.digest = f.parent
         WHERE f.child = @digest AND f.kind <> 'manifest')
       AND NOT EXISTS (SELECT 1 FROM manifest_references f JOIN deleted_manifests d ON d.digest = f.parent
         WHERE f.child = @digest AND f.kind <> 'manifest') RETURNING digest, size`,
    );
    this.#answers = db.prepare('DELETE FROM upstream_answers WHERE repository_id = ?');
  }

  /** A repository that holds anything. */
  find(name: string): { readonly id: number; readonly isPinned: boolean } | undefined {
    const row = this.#find.get(name);
    return row === undefined ? undefined : { id: row.id, isPinned: row.pinned !== 0 };
  }

  /**
   * Takes tags, manifests and links to `blobs` out of the repository; gives the blobs that nobody has any more, and that
   * nothing kept needs.
   */
  takeOut(repositoryId: number, plan: RemovalPlan, blobs: readonly string[], leaving: Leaving): FreedBlob[] {
    this.hide(repositoryId, plan, leaving);
    this.dropManifests(plan.manifests);
    return this.takeOutBlobs(repositoryId, blobs);
  }

  /** Takes tags and manifests out of the repository: it does not show or serve them any more. */
  hide(repositoryId: number, plan: RemovalPlan, leaving: Leaving): void {
    for (const tag of plan.tags) this.#tags.remove(repositoryId, tag, leaving);
    for (const digest of plan.manifests) this.#unlink(repositoryId, digest, leaving);
  }

  /** Removes the rows of those manifests that no repository has or keeps. */
  dropManifests(digests: readonly string[]): void {
    for (const digest of digests) this.#manifest.run({ digest });
  }

  /** Whether a manifest that the repository holds references the blob. */
  isUsed(repositoryId: number, digest: string): boolean {
    return this.#used.get(repositoryId, digest) !== undefined;
  }

  /** Takes links to blobs out of the repository; gives the blobs that nobody has any more, and that nothing kept needs. */
  takeOutBlobs(repositoryId: number, blobs: readonly string[]): FreedBlob[] {
    for (const digest of blobs) this.#blobLink.run(repositoryId, digest);
    return blobs.flatMap((digest) => this.#blob.get({ digest }) ?? []);
  }

  /** Takes a manifest out of the repository; it and what it references may be kept. */
  #unlink(repositoryId: number, digest: string, leaving: Leaving): void {
    if (leaving.isKept) this.#keep.run(leaving.at, repositoryId, digest);
    this.#manifestLink.run(repositoryId, digest);
  }

  /** Whether a manifest that was deleted somewhere and is kept needs the blob. */
  isKept(blob: string): boolean {
    return this.#keptFor.get(blob) !== undefined;
  }

  /** Forgets what the upstream once said about a repository that is empty now, and that a person made it. */
  forgetRepository(repositoryId: number): void {
    this.#answers.run(repositoryId);
    this.#unmake.run(repositoryId);
  }
}
