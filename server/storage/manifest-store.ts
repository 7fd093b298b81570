import type { Database, Statement } from '../db/database.ts';
import type { Digest } from '../oci/digest.ts';
import type { Manifest, Descriptor } from '../oci/manifest.ts';

/** A held manifest: its exact bytes and media type. */
export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly content: Buffer;
}

export interface Referrer {
  readonly digest: string;
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly sizeBytes: number;
  readonly content: Buffer;
}

interface Row {
  readonly digest: string;
  readonly media_type: string;
  readonly content: Buffer;
}

const insertReference =
  'INSERT INTO manifest_references (parent, position, child, kind, media_type, size, platform) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING';

/** Manifests, byte for byte, with what they reference; one found damaged has no content and is not held until it comes again. They are small, so they live in the database: one transaction writes manifest, links and tag. */
export class ManifestStore {
  readonly #select: Statement<[string], Row>;
  readonly #selectLinked: Statement<[number, string], Row>;
  readonly #isLinked: Statement<[number, string], { one: number }>;
  readonly #isDeleted: Statement<[number, string], { one: number }>;
  readonly #insert: Statement<[string, string, string | null, string | null, number, Buffer, number]>;
  readonly #insertReference: Statement<[string, number, string, string, string, number, string | null]>;
  readonly #link: Statement<[number, string, number]>;
  readonly #renew: Statement<[number, number, string]>;
  readonly #referencedIn: Statement<[number, string], { size: number }>;
  readonly #referrers: Statement<
    [number, string],
    { digest: string; media_type: string; artifact_type: string | null; size: number; content: Buffer }
  >;

  constructor(db: Database) {
    this.#select = db.prepare(
      'SELECT digest, media_type, content FROM manifests WHERE digest = ? AND length(content) > 0',
    );
    this.#selectLinked = db.prepare(
      'SELECT m.digest, m.media_type, m.content FROM repository_manifests r JOIN manifests m ON m.digest = r.digest WHERE r.repository_id = ? AND r.digest = ? AND length(m.content) > 0',
    );
    this.#isLinked = db.prepare('SELECT 1 AS one FROM repository_manifests WHERE repository_id = ? AND digest = ?');
    this.#isDeleted = db.prepare('SELECT 1 AS one FROM deleted_manifests WHERE repository_id = ? AND digest = ?');
    this.#insert = db.prepare(
      'INSERT INTO manifests (digest, media_type, artifact_type, subject, size, content, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET content = excluded.content WHERE length(content) = 0',
    );
    this.#insertReference = db.prepare(insertReference);
    this.#link = db.prepare(
      'INSERT INTO repository_manifests (repository_id, digest, first_seen_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    );
    this.#renew = db.prepare(
      `UPDATE repository_manifests SET first_seen_at = ? WHERE repository_id = ? AND digest = ? AND first_seen_at <=
         (SELECT max(h.ended_at) FROM tag_history h
          WHERE h.repository_id = repository_manifests.repository_id AND h.digest = repository_manifests.digest)`,
    );
    this.#referencedIn = db.prepare(
      `SELECT f.size FROM manifest_references f JOIN repository_manifests r ON r.digest = f.parent
       WHERE r.repository_id = ? AND f.child = ? LIMIT 1`,
    );
    this.#referrers = db.prepare(
      `SELECT m.digest, m.media_type, m.artifact_type, m.size, m.content FROM manifests m
       JOIN repository_manifests r ON r.digest = m.digest AND r.repository_id = ? WHERE m.subject = ? AND length(m.content) > 0 ORDER BY m.digest`,
    );
  }

  /** A held manifest, whichever repository holds it. Serve it only where {@link findIn} finds it. */
  find(digest: Digest): StoredManifest | undefined {
    const row = this.#select.get(digest);
    return row === undefined ? undefined : { digest, mediaType: row.media_type, content: row.content };
  }

  /** A manifest the repository holds. */
  findIn(repositoryId: number, digest: Digest): StoredManifest | undefined {
    const row = this.#selectLinked.get(repositoryId, digest);
    return row === undefined ? undefined : { digest, mediaType: row.media_type, content: row.content };
  }

  isLinked(repositoryId: number, digest: Digest): boolean {
    return this.#isLinked.get(repositoryId, digest) !== undefined;
  }

  /** Whether it was deleted from the repository and is only kept to be restored. */
  isDeleted(repositoryId: number, digest: Digest): boolean {
    return this.#isDeleted.get(repositoryId, digest) !== undefined;
  }

  /** Size the repository's own manifests give for a blob or manifest, when one of them references it. */
  referencedSize(repositoryId: number, digest: Digest): number | undefined {
    return this.#referencedIn.get(repositoryId, digest)?.size;
  }

  /** Manifests held in the repository whose subject is `digest`. */
  referrersOf(repositoryId: number, digest: Digest): Referrer[] {
    return this.#referrers.all(repositoryId, digest).map((row) => ({
      digest: row.digest,
      mediaType: row.media_type,
      artifactType: row.artifact_type ?? undefined,
      sizeBytes: row.size,
      content: row.content,
    }));
  }

  /** Writes a verified manifest and lets the repository serve it. Call inside a transaction. */
  put(repositoryId: number, digest: Digest, content: Buffer, manifest: Manifest, now: number): void {
    const added = this.#insert.run(
      digest,
      manifest.mediaType,
      manifest.artifactType ?? null,
      manifest.subject?.digest ?? null,
      content.length,
      content,
      now,
    );
    if (added.changes > 0) this.#putReferences(digest, manifest);
    this.link(repositoryId, digest, now);
  }

  /** Lets the repository serve a held manifest. */
  link(repositoryId: number, digest: Digest, now: number): void {
    this.#link.run(repositoryId, digest, now);
  }

  /** Lets a manifest that a tag has left stand by itself, as one that was pushed by digest. Call inside a transaction. */
  renew(repositoryId: number, digest: Digest, now: number): void {
    this.#renew.run(now, repositoryId, digest);
  }

  #putReferences(parent: Digest, manifest: Manifest): void {
    let position = 0;
    const add = (kind: 'config' | 'layer' | 'manifest', to: Descriptor): void => {
      const platform = to.platform;
      const words =
        platform === undefined
          ? null
          : [platform.os, platform.architecture, platform.variant].filter((word) => word !== undefined).join('/');
      this.#insertReference.run(parent, position++, to.digest, kind, to.mediaType, to.size, words);
    };
    if (manifest.config !== undefined) add('config', manifest.config);
    for (const layer of manifest.layers) add('layer', layer);
    for (const child of manifest.manifests) add('manifest', child);
  }
}
