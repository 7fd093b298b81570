import type { Database, Statement } from '../db/database.ts';

/** A row of `damaged_blobs`: blobs and manifests alike. */
export interface DamageRow {
  readonly digest: string;
  readonly size: number;
  readonly found_at: number;
  readonly reason: string;
  readonly repaired_at: number | null;
}

interface Name {
  readonly name: string;
}
interface DigestRow {
  readonly digest: string;
}

const breaksLimit = 100;
const sourcesLimit = 20;
/** What was repaired is shown for this long. */
const rememberedMs = 90 * 86_400_000;

/** A damaged thing is here again when its blob has a row or its manifest has content. */
const isHere = `(EXISTS (SELECT 1 FROM blobs b WHERE b.digest = damaged_blobs.digest)
  OR EXISTS (SELECT 1 FROM manifests m WHERE m.digest = damaged_blobs.digest AND length(m.content) > 0))`;

/** The digest itself and every manifest that leads to it. */
const above = `WITH RECURSIVE above (digest) AS (
  VALUES (@digest) UNION SELECT f.parent FROM above a JOIN manifest_references f ON f.child = a.digest)`;

/** The statements about damaged content. */
export class DamageRows {
  readonly #note: Statement<[string, number, number, string]>;
  readonly #openCount: Statement<[], { count: number }>;
  readonly #open: Statement<[], DigestRow>;
  readonly #list: Statement<[number], DamageRow>;
  readonly #repaired: Statement<[number], DigestRow>;
  readonly #unneeded: Statement<[], DigestRow>;
  readonly #old: Statement<[number]>;
  readonly #isManifest: Statement<[string], { one: number }>;
  readonly #repositories: Statement<[{ readonly digest: string }], Name>;
  readonly #sources: Statement<[{ readonly digest: string }], Name>;
  readonly #tags: Statement<[{ readonly digest: string }], Name>;
  readonly #untagged: Statement<[{ readonly digest: string }], Name>;

  constructor(db: Database) {
    this.#note = db.prepare(
      `INSERT INTO damaged_blobs (digest, size, found_at, reason) VALUES (?, ?, ?, ?)
       ON CONFLICT (digest) DO UPDATE SET found_at = excluded.found_at, reason = excluded.reason, repaired_at = NULL`,
    );
    this.#openCount = db.prepare(
      `SELECT count(*) AS count FROM damaged_blobs WHERE repaired_at IS NULL AND NOT ${isHere}`,
    );
    this.#open = db.prepare(
      `SELECT digest FROM damaged_blobs WHERE repaired_at IS NULL AND NOT ${isHere} ORDER BY found_at, digest`,
    );
    this.#list = db.prepare(
      `SELECT * FROM damaged_blobs ORDER BY repaired_at IS NOT NULL, found_at DESC, digest LIMIT ?`,
    );
    this.#repaired = db.prepare(
      `UPDATE damaged_blobs SET repaired_at = ? WHERE repaired_at IS NULL AND ${isHere} RETURNING digest`,
    );
    this.#unneeded = db.prepare(
      `DELETE FROM damaged_blobs WHERE repaired_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.digest = damaged_blobs.digest)
       AND NOT EXISTS (SELECT 1 FROM manifest_references f JOIN manifests m ON m.digest = f.parent
         WHERE f.child = damaged_blobs.digest AND f.kind <> 'manifest') RETURNING digest`,
    );
    this.#old = db.prepare('DELETE FROM damaged_blobs WHERE repaired_at < ?');
    this.#isManifest = db.prepare('SELECT 1 AS one FROM manifests WHERE digest = ?');
    this.#repositories = db.prepare(
      `SELECT name FROM repositories WHERE id IN (
         SELECT repository_id FROM repository_blobs WHERE digest = @digest
         UNION SELECT repository_id FROM repository_manifests WHERE digest = @digest)`,
    );
    this.#sources = db.prepare(
      `SELECT name FROM repositories WHERE upstream IS NOT NULL AND id IN (
         SELECT repository_id FROM repository_manifests WHERE digest = @digest
           OR digest IN (SELECT parent FROM manifest_references WHERE child = @digest)
         UNION SELECT repository_id FROM deleted_manifests WHERE digest = @digest
           OR digest IN (SELECT parent FROM manifest_references WHERE child = @digest))
       ORDER BY last_pulled_at DESC, name LIMIT ${String(sourcesLimit)}`,
    );
    this.#tags = db.prepare(
      `${above} SELECT r.name || ':' || t.name AS name FROM above a JOIN tags t ON t.digest = a.digest
       JOIN repositories r ON r.id = t.repository_id ORDER BY 1 LIMIT ${String(breaksLimit)}`,
    );
    this.#untagged = db.prepare(
      `${above} SELECT r.name || '@' || l.digest AS name FROM above a JOIN repository_manifests l ON l.digest = a.digest
       JOIN repositories r ON r.id = l.repository_id
       WHERE NOT EXISTS (SELECT 1 FROM above o JOIN tags t ON t.digest = o.digest WHERE t.repository_id = l.repository_id)
       ORDER BY 1 LIMIT ${String(breaksLimit)}`,
    );
  }

  note(digest: string, sizeBytes: number, reason: string, now: number): void {
    this.#note.run(digest, sizeBytes, now, reason);
  }

  openCount(): number {
    return this.#openCount.get()?.count ?? 0;
  }

  open(): string[] {
    return this.#open.all().map(({ digest }) => digest);
  }

  /** What is not repaired comes first, then the most recent. */
  list(limit: number): DamageRow[] {
    return this.#list.all(limit);
  }

  /** Marks what is here again, forgets what was repaired long ago; gives the digests just marked. */
  markRepaired(now: number): string[] {
    this.#old.run(now - rememberedMs);
    return this.#repaired.all(now).map(({ digest }) => digest);
  }

  /** Forgets what no manifest needs any more, held or kept to be restored; gives the digests. */
  forgetUnneeded(): string[] {
    return this.#unneeded.all().map(({ digest }) => digest);
  }

  isManifest(digest: string): boolean {
    return this.#isManifest.get(digest) !== undefined;
  }

  /** Names of the repositories that may serve it. */
  repositoriesOf(digest: string): string[] {
    return this.#repositories.all({ digest }).map(({ name }) => name);
  }

  /** Names of repositories of upstreams whose manifests reference it, or that hold it. */
  sourcesOf(digest: string): string[] {
    return this.#sources.all({ digest }).map(({ name }) => name);
  }

  /** What cannot be pulled without it. */
  breaks(digest: string): string[] {
    const names = [...this.#tags.all({ digest }), ...this.#untagged.all({ digest })].map(({ name }) => name);
    return names.slice(0, breaksLimit);
  }
}
