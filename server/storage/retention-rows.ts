import type { Database, Statement } from '../db/database.ts';
import { RemovalRows } from './removal-rows.ts';
import type { RetentionTag } from './retention-rules.ts';

/** A repository that holds anything. */
export interface RetentionRepository {
  readonly id: number;
  readonly name: string;
  readonly isPinned: boolean;
}

/** A held manifest with what it leads to. Times are milliseconds since the epoch. */
export interface RetentionNode {
  readonly digest: string;
  readonly subject: string | undefined;
  readonly firstSeenAt: number;
  readonly lastPulledAt: number | undefined;
  readonly isPinned: boolean;
  /** Digests of the manifests it lists. */
  readonly children: readonly string[];
  /** Digests of its config and layers. */
  readonly blobs: readonly string[];
}

/** What is removed, if it is still as it was when it was chosen. */
export type Leaving =
  | { readonly kind: 'tag'; readonly name: string; readonly digest: string; readonly since: number }
  | { readonly kind: 'manifest'; readonly digest: string };

interface TagRow {
  readonly name: string;
  readonly digest: string;
  readonly first_seen_at: number;
  readonly checked_at: number | null;
  readonly held_since: number | null;
  readonly pinned: number;
  readonly last_pulled_at: number | null;
  readonly manifest_pinned: number | null;
  readonly manifest_pulled_at: number | null;
  readonly last_seen_at: number | null;
}

interface NodeRow {
  readonly digest: string;
  readonly subject: string | null;
  readonly first_seen_at: number;
  readonly last_pulled_at: number | null;
  readonly pinned: number;
}

/** Digest, repository and the moment before which the decision was made, for the last look before a removal. */
interface Look {
  readonly id: number;
  readonly digest: string;
  readonly decidedAt: number;
}

/** What retention reads, page by page, and how it removes. */
export class RetentionRows {
  readonly #rows: RemovalRows;
  readonly #repositories: Statement<[number, number], { id: number; name: string; pinned: number }>;
  readonly #tags: Statement<[number], TagRow>;
  readonly #nodes: Statement<[number, string, number], NodeRow>;
  readonly #references: Statement<[string], { child: string; kind: string }>;
  readonly #holds: Statement<[number, string], { one: number }>;
  readonly #tagged: Statement<[number], { digest: string; until: number | null }>;
  readonly #users: Statement<[string], { repository_id: number; parent: string }>;
  readonly #size: Statement<[string], { size: number }>;
  readonly #tagAsDecided: Statement<[Look & { readonly name: string; readonly since: number }], { one: number }>;
  readonly #loose: Statement<[Look], { one: number }>;

  constructor(db: Database) {
    this.#rows = new RemovalRows(db);
    this.#repositories = db.prepare(
      'SELECT id, name, pinned FROM repositories WHERE id > ? AND content_count > 0 ORDER BY id LIMIT ?',
    );
    // the open row of a pushed tag's history was last seen when it was last pushed
    this.#tags = db.prepare(
      `SELECT t.name, t.digest, t.first_seen_at, t.checked_at, t.held_since, t.pinned, t.last_pulled_at,
         l.pinned AS manifest_pinned, l.last_pulled_at AS manifest_pulled_at,
         (SELECT max(h.last_seen_at) FROM tag_history h
           WHERE h.repository_id = t.repository_id AND h.name = t.name AND h.ended_at IS NULL) AS last_seen_at
       FROM tags t LEFT JOIN repository_manifests l ON l.repository_id = t.repository_id AND l.digest = t.digest
       WHERE t.repository_id = ? ORDER BY t.name`,
    );
    this.#nodes = db.prepare(
      `SELECT l.digest, m.subject, l.first_seen_at, l.last_pulled_at, l.pinned FROM repository_manifests l
       JOIN manifests m ON m.digest = l.digest WHERE l.repository_id = ? AND l.digest > ? ORDER BY l.digest LIMIT ?`,
    );
    this.#references = db.prepare('SELECT child, kind FROM manifest_references WHERE parent = ? ORDER BY position');
    this.#holds = db.prepare('SELECT 1 AS one FROM repository_manifests WHERE repository_id = ? AND digest = ?');
    this.#tagged = db.prepare(
      `SELECT digest, CASE WHEN count(*) > count(ended_at) THEN NULL ELSE max(ended_at) END AS until
       FROM tag_history WHERE repository_id = ? GROUP BY digest`,
    );
    this.#users = db.prepare(
      `SELECT m.repository_id, f.parent FROM manifest_references f JOIN repository_manifests m ON m.digest = f.parent
       WHERE f.child = ? AND f.kind <> 'manifest'`,
    );
    this.#size = db.prepare('SELECT size FROM blobs WHERE digest = ?');
    this.#tagAsDecided = db.prepare(
      `SELECT 1 AS one FROM tags t JOIN repositories r ON r.id = t.repository_id
       LEFT JOIN repository_manifests l ON l.repository_id = t.repository_id AND l.digest = t.digest
       WHERE t.repository_id = @id AND t.name = @name AND t.digest = @digest AND t.first_seen_at = @since
         AND t.pinned = 0 AND r.pinned = 0 AND coalesce(l.pinned, 0) = 0 AND t.held_since IS NULL
         AND max(coalesce(t.last_pulled_at, 0), coalesce(l.last_pulled_at, 0)) <= @decidedAt
         AND (t.checked_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM tag_history h
           WHERE h.repository_id = t.repository_id AND h.name = t.name AND h.ended_at IS NULL AND h.last_seen_at > @decidedAt))`,
    );
    this.#loose = db.prepare(
      `SELECT 1 AS one FROM repository_manifests l JOIN repositories r ON r.id = l.repository_id
       JOIN manifests m ON m.digest = l.digest
       WHERE l.repository_id = @id AND l.digest = @digest AND l.pinned = 0 AND r.pinned = 0
         AND max(l.first_seen_at, coalesce(l.last_pulled_at, 0)) <= @decidedAt
         AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = @id AND t.digest = @digest)
         AND NOT EXISTS (SELECT 1 FROM repository_manifests s WHERE s.repository_id = @id AND s.digest = m.subject)
         AND NOT EXISTS (SELECT 1 FROM manifest_references f JOIN repository_manifests p ON p.digest = f.parent
           WHERE f.child = @digest AND f.kind = 'manifest' AND p.repository_id = @id)`,
    );
  }

  /** Repositories that hold anything, after one, in the order of their ids. */
  repositories(after: number, count: number): RetentionRepository[] {
    return this.#repositories.all(after, count).map(({ id, name, pinned }) => ({ id, name, isPinned: pinned !== 0 }));
  }

  /** All tags of a repository. */
  tags({ id, isPinned }: RetentionRepository): RetentionTag[] {
    return this.#tags.all(id).map((row) => ({
      name: row.name,
      digest: row.digest,
      since: row.first_seen_at,
      pushedAt: row.checked_at === null ? Math.max(row.first_seen_at, row.last_seen_at ?? 0) : row.first_seen_at,
      lastPulledAt: latest(row.last_pulled_at, row.manifest_pulled_at),
      isPinned: isPinned || row.pinned !== 0 || row.manifest_pinned === 1,
      isHeld: row.held_since !== null,
    }));
  }

  /** Manifests of a repository, after a digest, in the order of their digests. */
  nodes(repositoryId: number, after: string, count: number): RetentionNode[] {
    return this.#nodes.all(repositoryId, after, count).map((row) => {
      const children: string[] = [];
      const blobs: string[] = [];
      for (const { child, kind } of this.#references.all(row.digest))
        (kind === 'manifest' ? children : blobs).push(child);
      return {
        digest: row.digest,
        subject: row.subject ?? undefined,
        firstSeenAt: row.first_seen_at,
        lastPulledAt: row.last_pulled_at ?? undefined,
        isPinned: row.pinned !== 0,
        children,
        blobs,
      };
    });
  }

  holds(repositoryId: number, digest: string): boolean {
    return this.#holds.get(repositoryId, digest) !== undefined;
  }

  /** Digests that ever had a tag in a repository, and when the last one left; undefined while there is one. */
  tagged(repositoryId: number): ReadonlyMap<string, number | undefined> {
    return new Map(this.#tagged.all(repositoryId).map(({ digest, until }) => [digest, until ?? undefined]));
  }

  /** Bytes of a blob if it is held, and every manifest that needs it, in any repository, `leaves`; else 0. */
  bytesFreedBy(blob: string, leaves: (repositoryId: number, manifest: string) => boolean): number {
    const size = this.#size.get(blob)?.size;
    if (size === undefined) return 0;
    for (const { repository_id, parent } of this.#users.iterate(blob)) if (!leaves(repository_id, parent)) return 0;
    return size;
  }

  /**
   * Removes a tag, or a manifest that nothing leads to, which is then kept to be restored; false when it was moved, pinned,
   * pulled or pushed again after `decidedAt`, and stays. Call inside a transaction.
   */
  remove(repositoryId: number, item: Leaving, at: { readonly decidedAt: number; readonly now: number }): boolean {
    const { digest } = item;
    const look = { id: repositoryId, digest, decidedAt: at.decidedAt };
    const found =
      item.kind === 'tag'
        ? this.#tagAsDecided.get({ ...look, name: item.name, since: item.since })
        : this.#loose.get(look);
    if (found === undefined) return false;
    const plan = item.kind === 'tag' ? { tags: [item.name], manifests: [] } : { tags: [], manifests: [digest] };
    this.#rows.takeOut(repositoryId, plan, [], { at: at.now, as: 'retention', isKept: true });
    return true;
  }
}

function latest(one: number | null, other: number | null): number | undefined {
  return one === null && other === null ? undefined : Math.max(one ?? 0, other ?? 0);
}
