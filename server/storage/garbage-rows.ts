import type { Database, Statement } from '../db/database.ts';

/** A manifest as a repository has it: served, deleted and kept, or both. Times are milliseconds since the epoch. */
export interface ManifestState {
  readonly isServed: boolean;
  readonly isTagged: boolean;
  readonly isPinned: boolean;
  readonly firstSeenAt: number;
  readonly lastPulledAt: number;
  /** When the last tag left it; undefined when it never had one that did. */
  readonly endedAt: number | undefined;
  readonly deletedAt: number | undefined;
}

/** A manifest of a repository whose time may be over. */
export interface GarbageCandidate {
  readonly repositoryId: number;
  readonly digest: string;
}

/** A blob that a repository may serve. */
export interface BlobLink {
  readonly repositoryId: number;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly firstSeenAt: number;
}

/** A blob's row. */
export interface BlobRow {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly createdAt: number;
  readonly isLinked: boolean;
}

interface StateRow {
  readonly first_seen_at: number | null;
  readonly last_pulled_at: number | null;
  readonly pinned: number | null;
  readonly deleted_at: number | null;
  readonly ended_at: number | null;
  readonly tagged: number;
}

interface LinkRow {
  readonly repository_id: number;
  readonly digest: string;
  readonly size: number;
  readonly first_seen_at: number;
}

interface PageRow {
  readonly digest: string;
  readonly size: number;
  readonly created_at: number;
  readonly linked: number;
}

const isHereAs = (manifest: string): string =>
  `(EXISTS (SELECT 1 FROM repository_manifests m WHERE m.repository_id = @repositoryId AND m.digest = ${manifest})
    OR EXISTS (SELECT 1 FROM deleted_manifests d WHERE d.repository_id = @repositoryId AND d.digest = ${manifest}))`;

/** The questions of a garbage collection; each enters by an index and reads a bounded number of rows. */
export class GarbageRows {
  readonly #repository: Statement<[number], { name: string; pinned: number }>;
  readonly #lastHistory: Statement<[], { id: number | null }>;
  readonly #ended: Statement<[number, number], { repository_id: number; digest: string }>;
  readonly #over: Statement<[number, number, string, number], { repository_id: number; digest: string }>;
  readonly #state: Statement<[{ readonly repositoryId: number; readonly digest: string }], StateRow>;
  readonly #leadsTo: Statement<[{ readonly digest: string }], { digest: string }>;
  readonly #ledToBy: Statement<[{ readonly digest: string }], { digest: string }>;
  readonly #dropDeleted: Statement<[number, string]>;
  readonly #unheld: Statement<[string, number], { digest: string }>;
  readonly #links: Statement<[number, string, number], LinkRow>;
  readonly #users: Statement<[{ readonly repositoryId: number; readonly digest: string }], { parent: string }>;
  readonly #linkedIn: Statement<[string], { repository_id: number }>;
  readonly #blobs: Statement<[string, number], PageRow>;
  readonly #blob: Statement<[string], { size: number }>;
  readonly #wanted: Statement<[string], { one: number }>;
  readonly #upload: Statement<[string], { one: number }>;
  readonly #usersAnywhere: Statement<[{ readonly digest: string }], { repository_id: number; parent: string }>;
  readonly #count: Statement<[], { blobs: number }>;
  readonly #volume: Statement<[string], { volume: number }>;

  constructor(db: Database) {
    this.#repository = db.prepare('SELECT name, pinned FROM repositories WHERE id = ?');
    this.#lastHistory = db.prepare('SELECT max(id) AS id FROM tag_history');
    this.#ended = db.prepare(
      `SELECT DISTINCT h.repository_id, h.digest FROM tag_history h
       JOIN repository_manifests m ON m.repository_id = h.repository_id AND m.digest = h.digest
       WHERE h.id > ? AND h.id <= ? AND h.ended_at IS NOT NULL ORDER BY h.repository_id, h.digest`,
    );
    this.#over = db.prepare(
      `SELECT repository_id, digest FROM deleted_manifests WHERE deleted_at <= ? AND (repository_id, digest) > (?, ?)
       ORDER BY repository_id, digest LIMIT ?`,
    );
    this.#state = db.prepare(
      `SELECT m.first_seen_at, m.last_pulled_at, m.pinned, d.deleted_at,
         (SELECT max(h.ended_at) FROM tag_history h WHERE h.repository_id = @repositoryId AND h.digest = @digest) AS ended_at,
         EXISTS (SELECT 1 FROM tags t WHERE t.digest = @digest AND t.repository_id = @repositoryId) AS tagged
       FROM (SELECT 1) LEFT JOIN repository_manifests m ON m.repository_id = @repositoryId AND m.digest = @digest
       LEFT JOIN deleted_manifests d ON d.repository_id = @repositoryId AND d.digest = @digest`,
    );
    this.#leadsTo = db.prepare(
      `SELECT child AS digest FROM manifest_references WHERE parent = @digest AND kind = 'manifest'
       UNION SELECT digest FROM manifests WHERE subject = @digest`,
    );
    this.#ledToBy = db.prepare(
      `SELECT parent AS digest FROM manifest_references WHERE child = @digest AND kind = 'manifest'
       UNION SELECT subject FROM manifests WHERE digest = @digest AND subject IS NOT NULL`,
    );
    this.#dropDeleted = db.prepare('DELETE FROM deleted_manifests WHERE repository_id = ? AND digest = ?');
    this.#unheld = db.prepare(
      `SELECT digest FROM manifests x WHERE digest > ?
       AND NOT EXISTS (SELECT 1 FROM repository_manifests m WHERE m.digest = x.digest)
       AND NOT EXISTS (SELECT 1 FROM deleted_manifests d WHERE d.digest = x.digest) ORDER BY digest LIMIT ?`,
    );
    this.#links = db.prepare(
      `SELECT l.repository_id, l.digest, b.size, l.first_seen_at FROM repository_blobs l JOIN blobs b ON b.digest = l.digest
       WHERE (l.repository_id, l.digest) > (?, ?) ORDER BY l.repository_id, l.digest LIMIT ?`,
    );
    this.#users = db.prepare(
      `SELECT f.parent FROM manifest_references f WHERE f.child = @digest AND f.kind <> 'manifest' AND ${isHereAs('f.parent')}`,
    );
    this.#linkedIn = db.prepare('SELECT repository_id FROM repository_blobs WHERE digest = ?');
    this.#blobs = db.prepare(
      `SELECT digest, size, created_at, EXISTS (SELECT 1 FROM repository_blobs l WHERE l.digest = b.digest) AS linked
       FROM blobs b WHERE digest > ? ORDER BY digest LIMIT ?`,
    );
    this.#blob = db.prepare('SELECT size FROM blobs WHERE digest = ?');
    this.#wanted = db.prepare(
      `SELECT 1 AS one FROM manifest_references f JOIN repository_manifests m ON m.digest = f.parent
       WHERE f.child = ? AND f.kind <> 'manifest' LIMIT 1`,
    );
    this.#upload = db.prepare('SELECT 1 AS one FROM uploads WHERE id = ?');
    this.#volume = db.prepare('SELECT volume FROM blobs WHERE digest = ?');
    this.#usersAnywhere = db.prepare(
      `SELECT m.repository_id, f.parent FROM manifest_references f JOIN repository_manifests m ON m.digest = f.parent
       WHERE f.child = @digest AND f.kind <> 'manifest'
       UNION ALL SELECT d.repository_id, f.parent FROM manifest_references f JOIN deleted_manifests d ON d.digest = f.parent
       WHERE f.child = @digest AND f.kind <> 'manifest'`,
    );
    this.#count = db.prepare('SELECT blobs FROM storage_totals');
  }

  repository(id: number): { readonly name: string; readonly isPinned: boolean } | undefined {
    const row = this.#repository.get(id);
    return row === undefined ? undefined : { name: row.name, isPinned: row.pinned !== 0 };
  }

  /** Blobs with a row. */
  blobCount(): number {
    return this.#count.get()?.blobs ?? 0;
  }

  /** The last entry of the tags' history. */
  lastHistoryId(): number {
    return this.#lastHistory.get()?.id ?? 0;
  }

  /** Served manifests that a tag has left, by entries of the history after one id up to another. */
  ended(after: number, to: number): GarbageCandidate[] {
    return this.#ended.all(after, to).map(({ repository_id, digest }) => ({ repositoryId: repository_id, digest }));
  }

  /** Deleted manifests whose time was over at a moment, after one of them. */
  over(before: number, after: GarbageCandidate, limit: number): GarbageCandidate[] {
    const rows = this.#over.all(before, after.repositoryId, after.digest, limit);
    return rows.map(({ repository_id, digest }) => ({ repositoryId: repository_id, digest }));
  }

  /** What the repository knows of a manifest; undefined when it has it in no way. */
  state(repositoryId: number, digest: string): ManifestState | undefined {
    const row = this.#state.get({ repositoryId, digest });
    if (row === undefined || (row.first_seen_at === null && row.deleted_at === null)) return undefined;
    return {
      isServed: row.first_seen_at !== null,
      isTagged: row.tagged !== 0,
      isPinned: row.pinned === 1,
      firstSeenAt: row.first_seen_at ?? 0,
      lastPulledAt: row.last_pulled_at ?? 0,
      endedAt: row.ended_at ?? undefined,
      deletedAt: row.deleted_at ?? undefined,
    };
  }

  /** Manifests that one lists, and those attached to it, whichever repository has them. */
  leadsTo(digest: string): string[] {
    return this.#leadsTo.all({ digest }).map((row) => row.digest);
  }

  /** Manifests that list one, and its subject, whichever repository has them. */
  ledToBy(digest: string): string[] {
    return this.#ledToBy.all({ digest }).map((row) => row.digest);
  }

  /** Call inside a transaction. */
  dropDeleted(repositoryId: number, digest: string): void {
    this.#dropDeleted.run(repositoryId, digest);
  }

  /** Manifests that no repository has any more. */
  unheldManifests(after: string, limit: number): string[] {
    return this.#unheld.all(after, limit).map((row) => row.digest);
  }

  /** What repositories may serve, in order. */
  links(after: { readonly repositoryId: number; readonly digest: string }, limit: number): BlobLink[] {
    return this.#links.all(after.repositoryId, after.digest, limit).map((row) => ({
      repositoryId: row.repository_id,
      digest: row.digest,
      sizeBytes: row.size,
      firstSeenAt: row.first_seen_at,
    }));
  }

  /** Whether a manifest of the repository, served or kept, references the blob; those in `gone` do not count. */
  isUsed(repositoryId: number, digest: string, isGone?: (manifest: string) => boolean): boolean {
    if (isGone === undefined) return this.#users.get({ repositoryId, digest }) !== undefined;
    return this.#users.all({ repositoryId, digest }).some(({ parent }) => !isGone(parent));
  }

  /** Whether any manifest, served or kept, references the blob; those in `gone` do not count. */
  isNeeded(digest: string, isGone: (repositoryId: number, manifest: string) => boolean): boolean {
    for (const { repository_id, parent } of this.#usersAnywhere.iterate({ digest }))
      if (!isGone(repository_id, parent)) return true;
    return false;
  }

  /** Ids of the repositories that may serve the blob. */
  linkedIn(digest: string): number[] {
    return this.#linkedIn.all(digest).map((row) => row.repository_id);
  }

  /** Blobs with a row, in order. */
  blobs(after: string, limit: number): BlobRow[] {
    return this.#blobs.all(after, limit).map((row) => ({
      digest: row.digest,
      sizeBytes: row.size,
      createdAt: row.created_at,
      isLinked: row.linked !== 0,
    }));
  }

  hasBlob(digest: string): boolean {
    return this.#blob.get(digest) !== undefined;
  }

  /** The volume a blob's row says it is in. */
  volumeOf(digest: string): number | undefined {
    return this.#volume.get(digest)?.volume;
  }

  /** Whether a served manifest references it and its download may be gone on with. */
  isWanted(digest: string): boolean {
    return this.#wanted.get(digest) !== undefined && !this.hasBlob(digest);
  }

  hasUpload(id: string): boolean {
    return this.#upload.get(id) !== undefined;
  }
}
