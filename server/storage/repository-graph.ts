import type { Database, Statement } from '../db/database.ts';
import { kindOf } from './manifest-kind.ts';
import type { ManifestKind } from './manifest-kind.ts';

/** What a manifest references: a config, a layer, or a manifest of an index. */
export interface GraphReference {
  readonly digest: string;
  readonly kind: 'config' | 'layer' | 'manifest';
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** `os/architecture[/variant]`, where an index says so. */
  readonly platform: string | undefined;
}

/** A manifest the repository holds. Times are milliseconds since the epoch. */
export interface GraphManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly kind: ManifestKind;
  readonly artifactType: string | undefined;
  readonly subject: string | undefined;
  readonly sizeBytes: number;
  readonly firstSeenAt: number;
  readonly lastPulledAt: number | undefined;
  readonly isPinned: boolean;
  readonly references: readonly GraphReference[];
}

export interface GraphTag {
  readonly name: string;
  readonly digest: string;
  readonly firstSeenAt: number;
  readonly checkedAt: number | undefined;
  readonly lastPulledAt: number | undefined;
  readonly lastPulledBy: string | undefined;
  readonly isStale: boolean;
  readonly isPinned: boolean;
  /** A person put it there then: it does not follow its upstream. */
  readonly heldSince: number | undefined;
}

/** A blob linked to the repository, and whether another repository has it too. */
export interface GraphBlob {
  readonly sizeBytes: number;
  readonly isShared: boolean;
}

/** Everything one repository holds, in memory: what leads where is then a matter of walking, not of queries. */
export interface RepositoryGraph {
  readonly tags: readonly GraphTag[];
  readonly manifests: ReadonlyMap<string, GraphManifest>;
  readonly blobs: ReadonlyMap<string, GraphBlob>;
  /** Digests of held manifests by the digest that is their subject. */
  readonly referrers: ReadonlyMap<string, readonly string[]>;
}

/** A row of `repository_manifests` beside its manifest. */
export interface ManifestDbRow {
  readonly digest: string;
  readonly media_type: string;
  readonly artifact_type: string | null;
  readonly subject: string | null;
  readonly size: number;
  readonly first_seen_at: number;
  readonly last_pulled_at: number | null;
  readonly pinned: number;
}

/** A row of `manifest_references`. */
export interface ReferenceDbRow {
  readonly parent: string;
  readonly child: string;
  readonly kind: GraphReference['kind'];
  readonly media_type: string;
  readonly size: number;
  readonly platform: string | null;
}

/** A row of `tags`. */
export interface TagDbRow {
  readonly name: string;
  readonly digest: string;
  readonly first_seen_at: number;
  readonly checked_at: number | null;
  readonly last_pulled_at: number | null;
  readonly last_pulled_by: string | null;
  readonly stale_since: number | null;
  readonly pinned: number;
  readonly held_since: number | null;
}

/** Reads graphs; four queries each, by primary key. */
export class GraphReader {
  readonly #manifests: Statement<[number], ManifestDbRow>;
  readonly #references: Statement<[number], ReferenceDbRow>;
  readonly #blobs: Statement<[number], { digest: string; size: number; links: number }>;
  readonly #tags: Statement<[number], TagDbRow>;

  constructor(db: Database) {
    this.#manifests = db.prepare(
      `SELECT m.digest, m.media_type, m.artifact_type, m.subject, m.size, l.first_seen_at, l.last_pulled_at, l.pinned
       FROM repository_manifests l JOIN manifests m ON m.digest = l.digest WHERE l.repository_id = ? ORDER BY l.digest`,
    );
    this.#references = db.prepare(
      `SELECT f.parent, f.child, f.kind, f.media_type, f.size, f.platform FROM repository_manifests l
       JOIN manifest_references f ON f.parent = l.digest WHERE l.repository_id = ? ORDER BY l.digest, f.position`,
    );
    this.#blobs = db.prepare(
      `SELECT l.digest, b.size, (SELECT count(*) FROM (SELECT 1 FROM repository_blobs o WHERE o.digest = l.digest LIMIT 2)) AS links
       FROM repository_blobs l JOIN blobs b ON b.digest = l.digest WHERE l.repository_id = ?`,
    );
    this.#tags = db.prepare(
      `SELECT name, digest, first_seen_at, checked_at, last_pulled_at, last_pulled_by, stale_since, pinned, held_since FROM tags
       WHERE repository_id = ? ORDER BY name`,
    );
  }

  read(repositoryId: number): RepositoryGraph {
    const references = new Map<string, GraphReference[]>();
    for (const row of this.#references.iterate(repositoryId)) {
      const list = references.get(row.parent) ?? [];
      references.set(row.parent, list);
      list.push(toReference(row));
    }
    const manifests = new Map<string, GraphManifest>();
    for (const row of this.#manifests.iterate(repositoryId))
      manifests.set(row.digest, toManifest(row, references.get(row.digest) ?? []));
    const blobs = new Map<string, GraphBlob>();
    for (const row of this.#blobs.iterate(repositoryId))
      blobs.set(row.digest, { sizeBytes: row.size, isShared: row.links > 1 });
    return { tags: this.#tags.all(repositoryId).map(toTag), manifests, blobs, referrers: referrersOf(manifests) };
  }
}

/**
 * The held manifests that `roots` lead to: themselves, what indexes list, and what is attached to any of these (its subject
 * is one of them). `without` is not entered. PURE.
 */
export function reachFrom(graph: RepositoryGraph, roots: Iterable<string>, without?: string): Set<string> {
  const reached = new Set<string>();
  const waiting = [...roots];
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    const manifest = graph.manifests.get(digest);
    if (manifest === undefined || digest === without || reached.has(digest)) continue;
    reached.add(digest);
    for (const reference of manifest.references) if (reference.kind === 'manifest') waiting.push(reference.digest);
    for (const referrer of graph.referrers.get(digest) ?? []) waiting.push(referrer);
  }
  return reached;
}

/** Digests of the configs and layers that manifests reference, held or not. PURE. */
export function blobsOf(graph: RepositoryGraph, manifests: Iterable<string>): Set<string> {
  const digests = new Set<string>();
  for (const digest of manifests) {
    for (const reference of graph.manifests.get(digest)?.references ?? []) {
      if (reference.kind !== 'manifest') digests.add(reference.digest);
    }
  }
  return digests;
}

/** A row as the graph has it. */
export function toReference({ child, kind, media_type, size, platform }: ReferenceDbRow): GraphReference {
  return { digest: child, kind, mediaType: media_type, sizeBytes: size, platform: platform ?? undefined };
}

/** A row, with what it references, as the graph has it. */
export function toManifest(row: ManifestDbRow, references: readonly GraphReference[]): GraphManifest {
  const artifactType = row.artifact_type ?? undefined;
  const layerTypes = references.filter((reference) => reference.kind === 'layer').map((layer) => layer.mediaType);
  return {
    digest: row.digest,
    mediaType: row.media_type,
    kind: kindOf({ mediaType: row.media_type, artifactType, layerTypes }),
    artifactType,
    subject: row.subject ?? undefined,
    sizeBytes: row.size,
    firstSeenAt: row.first_seen_at,
    lastPulledAt: row.last_pulled_at ?? undefined,
    isPinned: row.pinned !== 0,
    references,
  };
}

/** A row as the graph has it. */
export function toTag(row: TagDbRow): GraphTag {
  return {
    name: row.name,
    digest: row.digest,
    firstSeenAt: row.first_seen_at,
    checkedAt: row.checked_at ?? undefined,
    lastPulledAt: row.last_pulled_at ?? undefined,
    lastPulledBy: row.last_pulled_by ?? undefined,
    isStale: row.stale_since !== null,
    isPinned: row.pinned !== 0,
    heldSince: row.held_since ?? undefined,
  };
}

/** The manifests by the digest that is their subject. */
export function referrersOf(manifests: ReadonlyMap<string, GraphManifest>): Map<string, string[]> {
  const referrers = new Map<string, string[]>();
  for (const { digest, subject } of manifests.values()) {
    if (subject === undefined) continue;
    const list = referrers.get(subject) ?? [];
    referrers.set(subject, list);
    list.push(digest);
  }
  return referrers;
}
