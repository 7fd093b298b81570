import type { Database, Statement } from '../db/database.ts';
import { RequestError } from '../errors.ts';

/** Something that was deleted and can be restored. Times are milliseconds since the epoch. */
export interface DeletedEntry {
  readonly repositoryId: number;
  readonly repository: string;
  /** Tag, or digest of a manifest that went without one. */
  readonly reference: string;
  readonly digest: string;
  readonly deletedAt: number;
  readonly how: 'deleted' | 'retention';
}

/** What to list; the client controls every part but `since`. */
export interface DeletedQuery {
  /** Part of a repository's name. */
  readonly text: string;
  /** What was deleted up to then is not kept any more. */
  readonly since: number;
  /** `next` of the page before. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** A tag that was deleted: where it pointed, and when that was last confirmed. */
export interface DeletedTag {
  readonly name: string;
  readonly digest: string;
  readonly deletedAt: number;
  readonly lastSeenAt: number;
}

interface Position {
  readonly at: number;
  readonly repository: string;
  readonly reference: string;
}

/** The tag's last word is that it was deleted, it has not come back, and its content is here. */
const isDeletedTag = `h.ended_as IN ('deleted', 'retention')
  AND h.id = (SELECT max(l.id) FROM tag_history l WHERE l.repository_id = h.repository_id AND l.name = h.name)
  AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = h.repository_id AND t.name = h.name)
  AND (EXISTS (SELECT 1 FROM repository_manifests m WHERE m.repository_id = h.repository_id AND m.digest = h.digest)
    OR EXISTS (SELECT 1 FROM deleted_manifests m WHERE m.repository_id = h.repository_id AND m.digest = h.digest))`;

/** It went by itself: without a tag, not as part of an index or attached to something that went as well. */
const isDeletedAlone = `NOT EXISTS (SELECT 1 FROM tag_history h WHERE h.repository_id = d.repository_id AND h.digest = d.digest
    AND h.ended_at = d.deleted_at AND h.ended_as IN ('deleted', 'retention'))
  AND NOT EXISTS (SELECT 1 FROM manifest_references f JOIN deleted_manifests p ON p.digest = f.parent
    WHERE f.child = d.digest AND p.repository_id = d.repository_id AND p.deleted_at = d.deleted_at)
  AND NOT EXISTS (SELECT 1 FROM deleted_manifests s
    WHERE s.repository_id = d.repository_id AND s.digest = m.subject AND s.deleted_at = d.deleted_at)`;

/** By the index of the time, the latest first; each stops at its limit. */
const latestTags = `
  SELECT h.repository_id AS repositoryId, r.name AS repository, h.name AS reference, h.digest, h.ended_at AS deletedAt, h.ended_as AS how
  FROM tag_history h JOIN repositories r ON r.id = h.repository_id
  WHERE ${isDeletedTag} AND h.ended_at > @since AND h.ended_at <= @at AND instr(r.name, @text) > 0
    AND (h.ended_at < @at OR (r.name, h.name) > (@repository, @reference))
  ORDER BY h.ended_at DESC, r.name, h.name LIMIT @limit`;
const latestAlone = `
  SELECT d.repository_id AS repositoryId, r.name AS repository, d.digest AS reference, d.digest, d.deleted_at AS deletedAt, 'deleted' AS how
  FROM deleted_manifests d JOIN repositories r ON r.id = d.repository_id JOIN manifests m ON m.digest = d.digest
  WHERE ${isDeletedAlone} AND d.deleted_at > @since AND d.deleted_at <= @at AND instr(r.name, @text) > 0
    AND (d.deleted_at < @at OR (r.name, d.digest) > (@repository, @reference))
  ORDER BY d.deleted_at DESC, r.name, d.digest LIMIT @limit`;

/** What was deleted and is kept: lists it, and puts manifests back. */
export class DeletedContent {
  readonly #latestTags: Statement<[Record<string, string | number>], DeletedEntry>;
  readonly #latestAlone: Statement<[Record<string, string | number>], DeletedEntry>;
  readonly #tag: Statement<[number, string], DeletedTag>;
  readonly #tagsOf: Statement<[number, string, number], DeletedTag>;
  readonly #manifest: Statement<[number, string], { deletedAt: number }>;
  readonly #last: Statement<[{ readonly id: number }], { at: number | null }>;
  readonly #tagsAt: Statement<[number, number], DeletedTag>;
  readonly #manifestsAt: Statement<[number, number], { digest: string }>;
  readonly #restore: Statement<[number, string]>;

  constructor(db: Database) {
    this.#latestTags = db.prepare(latestTags);
    this.#latestAlone = db.prepare(latestAlone);
    const tag = `SELECT h.name, h.digest, h.ended_at AS deletedAt, h.last_seen_at AS lastSeenAt FROM tag_history h
      WHERE ${isDeletedTag} AND h.repository_id = ?`;
    this.#tag = db.prepare(`${tag} AND h.name = ?`);
    this.#tagsOf = db.prepare(`${tag} AND h.digest = ? AND h.ended_at = ? ORDER BY h.name`);
    this.#tagsAt = db.prepare(`${tag} AND h.ended_at = ? ORDER BY h.name`);
    this.#manifest = db.prepare(
      'SELECT deleted_at AS deletedAt FROM deleted_manifests WHERE repository_id = ? AND digest = ?',
    );
    this.#last = db.prepare(
      `SELECT max(at) AS at FROM (
         SELECT max(h.ended_at) AS at FROM tag_history h WHERE ${isDeletedTag} AND h.repository_id = @id
         UNION ALL SELECT max(deleted_at) FROM deleted_manifests WHERE repository_id = @id)`,
    );
    this.#manifestsAt = db.prepare('SELECT digest FROM deleted_manifests WHERE repository_id = ? AND deleted_at = ?');
    // the trigger of the link takes the kept row away
    this.#restore = db.prepare(
      `INSERT INTO repository_manifests (repository_id, digest, first_seen_at, last_pulled_at, last_pulled_by)
       SELECT repository_id, digest, coalesce(first_seen_at, deleted_at), last_pulled_at, last_pulled_by
       FROM deleted_manifests WHERE repository_id = ? AND digest = ? ON CONFLICT DO NOTHING`,
    );
  }

  /** The latest deletions first. @throws RequestError (REQUEST_INVALID) for an `after` that is none */
  list(query: DeletedQuery): { readonly entries: DeletedEntry[]; readonly next: string | undefined } {
    const { text, since, limit } = query;
    const wanted = { text: text.trim().toLowerCase(), limit: limit + 1, ...readPosition(query.after) };
    const tags = this.#latestTags.all({ ...wanted, since });
    // what went before the last tag that is shown needs no looking for
    const until = tags.length > limit ? (tags.at(-1)?.deletedAt ?? since) - 1 : since;
    const alone = this.#latestAlone.all({ ...wanted, since: Math.max(since, until) });
    const rows = [...tags, ...alone].sort(byTime);
    const entries = rows.slice(0, limit);
    const last = rows.length > limit ? entries.at(-1) : undefined;
    return { entries, next: last === undefined ? undefined : formatPosition(last) };
  }

  /** A tag that was deleted and can come back. */
  tag(repositoryId: number, name: string): DeletedTag | undefined {
    return this.#tag.get(repositoryId, name);
  }

  /** A manifest that was deleted, and the tags that went with it. */
  manifest(
    repositoryId: number,
    digest: string,
  ): { readonly deletedAt: number; readonly tags: readonly DeletedTag[] } | undefined {
    const row = this.#manifest.get(repositoryId, digest);
    return row && { ...row, tags: this.#tagsOf.all(repositoryId, digest, row.deletedAt) };
  }

  /** All that went with the repository's last deletion. */
  lastOf(
    repositoryId: number,
  ):
    | { readonly deletedAt: number; readonly manifests: readonly string[]; readonly tags: readonly DeletedTag[] }
    | undefined {
    const at = this.#last.get({ id: repositoryId })?.at ?? undefined;
    if (at === undefined) return undefined;
    const manifests = this.#manifestsAt.all(repositoryId, at).map(({ digest }) => digest);
    return { deletedAt: at, manifests, tags: this.#tagsAt.all(repositoryId, at) };
  }

  /** Lets the repository hold a kept manifest again, with the blobs it references. Call inside a transaction. */
  restore(repositoryId: number, digests: readonly string[]): number {
    return digests.reduce((sum, digest) => sum + this.#restore.run(repositoryId, digest).changes, 0);
  }
}

/** The latest first, then as the database orders text: by its bytes. */
function byTime(one: DeletedEntry, other: DeletedEntry): number {
  const text = (entry: DeletedEntry): Buffer => Buffer.from(`${entry.repository}\0${entry.reference}`);
  return other.deletedAt - one.deletedAt || Buffer.compare(text(one), text(other));
}

function formatPosition({ deletedAt, repository, reference }: DeletedEntry): string {
  return `${String(deletedAt)} ${repository} ${reference}`;
}

/** Names and references hold no spaces. */
function readPosition(after: string | undefined): Position {
  if (after === undefined) return { at: Number.MAX_SAFE_INTEGER, repository: '', reference: '' };
  const match = /^(\d{1,15}) (\S{1,300}) (\S{1,200})$/.exec(after);
  if (match === null)
    throw new RequestError('REQUEST_INVALID', 'after is not the next of an earlier page', {
      value: after.slice(0, 300),
    });
  const [, at = '', repository = '', reference = ''] = match;
  return { at: Number(at), repository, reference };
}
