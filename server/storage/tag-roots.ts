import type { Database, Statement } from '../db/database.ts';

/** A manifest that leads to some content, and a tag that leads, or once led, to the manifest. */
export interface ContentRoot {
  readonly digest: string;
  /** Undefined for a manifest that no tag was ever known to lead to and that nothing lists: it is had by digest alone. */
  readonly tag: string | undefined;
}

interface Row {
  readonly digest: string;
  readonly tag: string | null;
  readonly listed: number;
}

/**
 * The ways to content of a repository: its manifest's tags, those of the indexes that list it, those of the manifests that
 * have a blob. What none of them may deliver, must not be had by digest either.
 */
export class TagRoots {
  readonly #select: Statement<[{ readonly repository: string; readonly digest: string }], Row>;
  readonly #firstSeen: Statement<[{ readonly repository: string; readonly digest: string }], { at: number | null }>;

  constructor(db: Database) {
    this.#select = db.prepare(
      `WITH RECURSIVE r(id) AS (SELECT id FROM repositories WHERE name = @repository),
       up(digest) AS (
         VALUES (@digest)
         UNION
         SELECT f.parent FROM up JOIN manifest_references f ON f.child = up.digest
         JOIN repository_manifests m ON m.digest = f.parent AND m.repository_id = (SELECT id FROM r)
       ),
       held AS (
         SELECT m.digest, EXISTS (SELECT 1 FROM manifest_references f JOIN up ON up.digest = f.parent WHERE f.child = m.digest) AS listed
         FROM repository_manifests m JOIN up ON up.digest = m.digest WHERE m.repository_id = (SELECT id FROM r)
       )
       SELECT held.digest, held.listed, t.name AS tag FROM held
       LEFT JOIN (
         SELECT digest, name FROM tags WHERE repository_id = (SELECT id FROM r)
         UNION SELECT digest, name FROM tag_history WHERE repository_id = (SELECT id FROM r)
       ) t ON t.digest = held.digest
       ORDER BY held.digest, t.name`,
    );
    this.#firstSeen = db.prepare(
      `SELECT min(at) AS at FROM (
         SELECT m.first_seen_at AS at FROM repository_manifests m JOIN repositories r ON r.id = m.repository_id
           WHERE r.name = @repository AND m.digest = @digest
         UNION ALL
         SELECT h.first_seen_at FROM tag_history h JOIN repositories r ON r.id = h.repository_id
           WHERE r.name = @repository AND h.digest = @digest)`,
    );
  }

  /** Every way to a manifest or blob; none when no manifest of the repository is it or has it. */
  of(repository: string, digest: string): ContentRoot[] {
    return this.#select
      .all({ repository, digest })
      .filter((row) => row.tag !== null || row.listed === 0)
      .map((row) => ({ digest: row.digest, tag: row.tag ?? undefined }));
  }

  /** When a manifest was first seen under a repository, milliseconds since the epoch; null: never. */
  firstSeenAt(repository: string, digest: string): number | null {
    return this.#firstSeen.get({ repository, digest })?.at ?? null;
  }
}
