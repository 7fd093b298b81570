import type { Database, Statement } from '../db/database.ts';
import type { EvictionPlan } from './eviction-plan.ts';

/** A blob that more repositories share than this is counted as staying. */
const linkLimit = 256;

/** Counts what a preview takes out, without taking it: a blob is free when the last repository that has it gave it up. */
export class FreedInPreview {
  readonly #gone = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #unlinked = new Map<string, Set<number>>();
  readonly #freed = new Set<string>();
  readonly #links: Statement<[string, number], { repository_id: number }>;
  readonly #kept: Statement<[string, number], { repository_id: number; digest: string }>;
  readonly #size: Statement<[string], { size: number }>;

  constructor(db: Database) {
    this.#links = db.prepare('SELECT repository_id FROM repository_blobs WHERE digest = ? LIMIT ?');
    this.#kept = db.prepare(
      `SELECT d.repository_id, d.digest FROM manifest_references f JOIN deleted_manifests d ON d.digest = f.parent
       WHERE f.child = ? AND f.kind <> 'manifest' LIMIT ?`,
    );
    this.#size = db.prepare('SELECT size FROM blobs WHERE digest = ?');
  }

  isGone(repositoryId: number, digest: string): boolean {
    return this.#gone.has(`${String(repositoryId)} ${digest}`);
  }

  /** Whether it was not counted before: two tags of one manifest go together. */
  isNew({ candidate }: EvictionPlan): boolean {
    return !this.#seen.has(`${String(candidate.repositoryId)} ${candidate.digest}`);
  }

  /** Counts it as gone; gives the bytes that become free. */
  takeOut({ candidate, manifests, blobs }: EvictionPlan): number {
    const { repositoryId } = candidate;
    this.#seen.add(`${String(repositoryId)} ${candidate.digest}`);
    for (const digest of manifests) this.#gone.add(`${String(repositoryId)} ${digest}`);
    return blobs.reduce((sum, digest) => sum + this.#freedBy(repositoryId, digest), 0);
  }

  #freedBy(repositoryId: number, digest: string): number {
    const without = this.#unlinked.get(digest) ?? new Set<number>();
    this.#unlinked.set(digest, without.add(repositoryId));
    if (this.#freed.has(digest)) return 0;
    const links = this.#links.all(digest, linkLimit);
    const kept = this.#kept.all(digest, linkLimit);
    const isNeeded =
      links.length === linkLimit ||
      links.some((link) => !without.has(link.repository_id)) ||
      kept.some((one) => !this.isGone(one.repository_id, one.digest));
    if (isNeeded) return 0;
    this.#freed.add(digest);
    return this.#size.get(digest)?.size ?? 0;
  }
}
