import type { Database, Statement } from '../db/database.ts';
import { BlobUsers } from './blob-users.ts';
import type { EvictionCandidate } from './eviction-order.ts';

/** What goes with a candidate. */
export interface EvictionPlan {
  readonly candidate: EvictionCandidate;
  /** When it, or a part of it, was really used last; milliseconds since the epoch. */
  readonly usedAt: number;
  readonly firstSeenAt: number;
  readonly lastPulledAt: number | undefined;
  readonly tags: readonly string[];
  /** Digests: the candidate and what only it leads to; none when something else leads to it. */
  readonly manifests: readonly string[];
  /** Digests of the blobs that no manifest left in the repository references. */
  readonly blobs: readonly string[];
  /** Every blob its manifests reference, held or not. */
  readonly references: ReadonlySet<string>;
}

/** What a preview counts as gone already. */
export type IsGone = (repositoryId: number, digest: string) => boolean;

interface ManifestRow {
  readonly first_seen_at: number;
  readonly last_pulled_at: number | null;
  readonly pinned: number;
  readonly subject: string | null;
}

interface TagRow {
  readonly name: string;
  readonly first_seen_at: number;
  readonly last_pulled_at: number | null;
  readonly pinned: number;
}

interface InRepository {
  readonly repository: number;
  readonly digest: string;
}

// CROSS JOIN keeps the order of the tables: the way over all manifests of a repository must not be taken
const here = (manifest: string): string =>
  `JOIN repository_manifests l ON l.repository_id = @repository AND l.digest = ${manifest}`;

/**
 * Finds what goes with one candidate by walking from it: the cost is that of the image, however much the repository holds.
 */
export class EvictionPlanner {
  readonly #repository: Statement<[number], { pinned: number; upstream: string | null }>;
  readonly #manifest: Statement<[InRepository], ManifestRow>;
  readonly #deleted: Statement<[InRepository], { first_seen_at: number; last_pulled_at: number | null }>;
  readonly #tags: Statement<[InRepository], TagRow>;
  readonly #children: Statement<[InRepository], { digest: string }>;
  readonly #referrers: Statement<[InRepository], { digest: string }>;
  readonly #parents: Statement<[InRepository], { digest: string }>;
  readonly #blobs: Statement<[string], { digest: string }>;
  readonly #users: BlobUsers;

  constructor(db: Database) {
    this.#repository = db.prepare('SELECT pinned, upstream FROM repositories WHERE id = ?');
    this.#manifest = db.prepare(
      `SELECT l.first_seen_at, l.last_pulled_at, l.pinned, m.subject FROM manifests m ${here('m.digest')} WHERE m.digest = @digest`,
    );
    this.#deleted = db.prepare(
      `SELECT coalesce(first_seen_at, deleted_at) AS first_seen_at, last_pulled_at FROM deleted_manifests
       WHERE repository_id = @repository AND digest = @digest`,
    );
    this.#tags = db.prepare(
      // a tag that was rolled back would come back from its upstream as what a person wanted to be rid of
      `SELECT name, first_seen_at, last_pulled_at, pinned <> 0 OR held_since IS NOT NULL AS pinned
       FROM tags WHERE digest = @digest AND repository_id = @repository ORDER BY name`,
    );
    this.#children = db.prepare(
      `SELECT DISTINCT f.child AS digest FROM manifest_references f CROSS ${here('f.child')} WHERE f.parent = @digest AND f.kind = 'manifest'`,
    );
    this.#referrers = db.prepare(
      `SELECT m.digest FROM manifests m CROSS ${here('m.digest')} WHERE m.subject = @digest`,
    );
    this.#parents = db.prepare(
      `SELECT f.parent AS digest FROM manifest_references f CROSS ${here('f.parent')} WHERE f.child = @digest AND f.kind = 'manifest'`,
    );
    this.#blobs = db.prepare(
      `SELECT DISTINCT child AS digest FROM manifest_references WHERE parent = ? AND kind <> 'manifest'`,
    );
    this.#users = new BlobUsers(db);
  }

  /** What goes with it; undefined when it may not go, or is gone. */
  plan(candidate: EvictionCandidate, isGone: IsGone = () => false): EvictionPlan | undefined {
    const { kind, repositoryId, digest } = candidate;
    const repository = this.#repository.get(repositoryId);
    if (repository?.pinned !== 0 || repository.upstream === null) return undefined;
    if (isGone(repositoryId, digest)) return undefined;
    return kind === 'deleted' ? this.#planDeleted(candidate, isGone) : this.#planHeld(candidate, isGone);
  }

  #planDeleted(candidate: EvictionCandidate, isGone: IsGone): EvictionPlan | undefined {
    const { repositoryId: repository, digest, usedAt } = candidate;
    const row = this.#deleted.get({ repository, digest });
    if (row === undefined) return undefined;
    const times = { firstSeenAt: row.first_seen_at, lastPulledAt: row.last_pulled_at ?? undefined };
    return {
      candidate,
      usedAt,
      ...times,
      tags: [],
      manifests: [digest],
      ...this.#leaving(repository, [digest], isGone),
    };
  }

  #planHeld(candidate: EvictionCandidate, isGone: IsGone): EvictionPlan | undefined {
    const { repositoryId: repository, digest } = candidate;
    const root = this.#manifest.get({ repository, digest });
    if (root?.pinned !== 0) return undefined;
    const tags = this.#tags.all({ repository, digest });
    if (tags.some((tag) => tag.pinned !== 0)) return undefined;
    const reach = this.#reach(repository, digest, isGone);
    const isLedTo = this.#isHeldFrom(repository, digest, (other) => reach.has(other) || isGone(repository, other));
    // a part of another image, or attached to one: it goes with that; only its tag may go alone
    if (isLedTo && tags.length === 0) return undefined;
    const manifests = isLedTo ? [] : this.#only(repository, { root: digest, reach, isGone });
    const uses = [root, ...tags, ...(tags.length === 0 ? [] : this.#parts(repository, digest, reach))];
    return {
      candidate,
      usedAt: Math.max(...uses.map((row) => Math.max(row.first_seen_at, row.last_pulled_at ?? 0))),
      firstSeenAt: Math.min(root.first_seen_at, ...tags.map((tag) => tag.first_seen_at)),
      lastPulledAt: latest(uses),
      tags: tags.map((tag) => tag.name),
      manifests,
      ...this.#leaving(repository, manifests, isGone),
    };
  }

  /** Rows of the manifests an index lists: who pulls by tag asks for one of these by digest. */
  #parts(repository: number, digest: string, reach: ReadonlySet<string>): ManifestRow[] {
    return this.#children
      .all({ repository, digest })
      .filter((child) => reach.has(child.digest))
      .flatMap((child) => this.#manifest.get({ repository, digest: child.digest }) ?? []);
  }

  /** The manifests it leads to, itself included: those an index lists, and what is attached to any of them. */
  #reach(repository: number, root: string, isGone: IsGone): Set<string> {
    const reached = new Set<string>();
    const waiting = [root];
    for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
      if (reached.has(digest) || isGone(repository, digest)) continue;
      reached.add(digest);
      for (const next of this.#children.iterate({ repository, digest })) waiting.push(next.digest);
      for (const next of this.#referrers.iterate({ repository, digest })) waiting.push(next.digest);
    }
    return reached;
  }

  /** Whether an index, or a subject, that `isLeft` does not name leads to the manifest. */
  #isHeldFrom(repository: number, digest: string, isLeft: (digest: string) => boolean): boolean {
    for (const parent of this.#parents.iterate({ repository, digest })) if (!isLeft(parent.digest)) return true;
    const subject = this.#manifest.get({ repository, digest })?.subject ?? undefined;
    return (
      subject !== undefined && !isLeft(subject) && this.#manifest.get({ repository, digest: subject }) !== undefined
    );
  }

  /** Members of the reach that nothing else leads to: no tag, no pin, no other manifest. */
  #only(
    repository: number,
    { root, reach, isGone }: { readonly root: string; readonly reach: ReadonlySet<string>; readonly isGone: IsGone },
  ): string[] {
    const stays = new Set<string>();
    const isLeft = (other: string): boolean => reach.has(other) || isGone(repository, other);
    for (const digest of reach) {
      if (digest === root || stays.has(digest) || !this.#isKept(repository, digest, isLeft)) continue;
      for (const held of this.#reach(repository, digest, isGone)) if (held !== root) stays.add(held);
    }
    return [...reach].filter((digest) => !stays.has(digest));
  }

  #isKept(repository: number, digest: string, isLeft: (digest: string) => boolean): boolean {
    if (this.#manifest.get({ repository, digest })?.pinned !== 0) return true;
    if (this.#tags.get({ repository, digest }) !== undefined) return true;
    return this.#isHeldFrom(repository, digest, isLeft);
  }

  #leaving(
    repository: number,
    manifests: readonly string[],
    isGone: IsGone,
  ): Pick<EvictionPlan, 'blobs' | 'references'> {
    const references = new Set(manifests.flatMap((manifest) => this.#blobs.all(manifest).map((blob) => blob.digest)));
    const leaving = new Set(manifests);
    const isUsed = (digest: string): boolean =>
      this.#users.isUsed(repository, digest, (user) => leaving.has(user) || isGone(repository, user));
    return { references, blobs: [...references].filter((digest) => !isUsed(digest)) };
  }
}

function latest(rows: readonly { readonly last_pulled_at: number | null }[]): number | undefined {
  const at = Math.max(...rows.map((row) => row.last_pulled_at ?? 0));
  return at === 0 ? undefined : at;
}
