import type { Database, Statement } from '../db/database.ts';
import type { RemovalPlan } from './removal-plan.ts';

/** A blob whose row is gone; its file may go. */
export interface FreedBlob {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** The statements of a removal. Call all of them inside one transaction. */
export class RemovalRows {
  readonly #find: Statement<[string], { id: number; pinned: number }>;
  readonly #tag: Statement<[number, string]>;
  readonly #manifestLink: Statement<[number, string]>;
  readonly #manifest: Statement<[{ readonly digest: string }]>;
  readonly #blobLink: Statement<[number, string]>;
  readonly #blob: Statement<[{ readonly digest: string }], FreedBlob>;
  readonly #answers: Statement<[number]>;

  constructor(db: Database) {
    this.#find = db.prepare('SELECT id, pinned FROM repositories WHERE name = ? AND content_count > 0');
    this.#tag = db.prepare('DELETE FROM tags WHERE repository_id = ? AND name = ?');
    this.#manifestLink = db.prepare('DELETE FROM repository_manifests WHERE repository_id = ? AND digest = ?');
    this.#manifest = db.prepare(
      `DELETE FROM manifests WHERE digest = @digest
       AND NOT EXISTS (SELECT 1 FROM repository_manifests WHERE digest = @digest)
       AND NOT EXISTS (SELECT 1 FROM deleted_manifests WHERE digest = @digest)`,
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

  /** Takes tags, manifests and links to `blobs` out of the repository; gives the blobs that nobody has any more. */
  takeOut(repositoryId: number, plan: RemovalPlan, blobs: readonly string[]): FreedBlob[] {
    for (const tag of plan.tags) this.#tag.run(repositoryId, tag);
    for (const digest of plan.manifests) this.#manifestLink.run(repositoryId, digest);
    for (const digest of plan.manifests) this.#manifest.run({ digest });
    for (const digest of blobs) this.#blobLink.run(repositoryId, digest);
    return blobs.flatMap((digest) => this.#blob.get({ digest }) ?? []);
  }

  /** What the upstream once said about a repository that is empty now. */
  forgetAnswers(repositoryId: number): void {
    this.#answers.run(repositoryId);
  }
}
