import type { Database, Statement } from '../db/database.ts';
import { RequestError } from '../errors.ts';
import { isDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import type { Descriptor, Manifest } from '../oci/manifest.ts';
import { kindOf } from './manifest-kind.ts';
import type { ManifestKind } from './manifest-kind.ts';
import { GraphReader } from './repository-graph.ts';
import type { GraphManifest, GraphTag, RepositoryGraph } from './repository-graph.ts';
import type { HeldRepository } from './repository-list.ts';
import { RepositoryList } from './repository-list.ts';
import { heldBytes, tagSizes } from './repository-sizes.ts';
import type { TagSizes } from './repository-sizes.ts';

/** A platform an index lists, and whether all of its image is held. */
export interface PlatformState {
  readonly platform: string;
  readonly held: boolean;
}

export interface InventoryTag extends GraphTag, TagSizes {
  readonly mediaType: string;
  readonly kind: ManifestKind;
  readonly platforms: readonly PlatformState[];
}

/** A manifest without a tag that nothing else leads to. */
export interface InventoryManifest extends GraphManifest {
  /** Held of its graph, with what is attached to it. */
  readonly bytes: number;
}

/** Everything a repository holds, for a person. */
export interface RepositoryContent {
  readonly repository: HeldRepository;
  readonly tags: readonly InventoryTag[];
  /** Images and indexes without a tag, that no index lists. */
  readonly untagged: readonly InventoryManifest[];
  /** The rest without a tag: charts, signatures, SBOMs, whatever is attached to something. */
  readonly artifacts: readonly InventoryManifest[];
}

export interface HeldDescriptor {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly held: boolean;
}

/** One manifest in full. */
export interface ManifestContent {
  readonly repository: HeldRepository;
  readonly digest: Digest;
  readonly kind: ManifestKind;
  readonly manifest: Manifest;
  readonly content: Buffer;
  readonly tags: readonly string[];
  readonly config: HeldDescriptor | undefined;
  readonly layers: readonly (HeldDescriptor & { readonly sharedBy: number })[];
  readonly manifests: readonly (HeldDescriptor & { readonly platform: string | undefined })[];
  /** Those held, and those the upstream once named. */
  readonly referrers: readonly (HeldDescriptor & { readonly artifactType: string | undefined })[];
  /** Of the tag when asked by tag, else of the manifest. */
  readonly isPinned: boolean;
  readonly firstSeenAt: number;
  readonly lastPulledAt: number | undefined;
}

interface LinkRow {
  readonly media_type: string;
  readonly artifact_type: string | null;
  readonly content: Buffer;
  readonly first_seen_at: number;
  readonly last_pulled_at: number | null;
  readonly pinned: number;
}

interface ReferrerRow {
  readonly digest: string;
  readonly media_type: string;
  readonly artifact_type: string | null;
  readonly size: number;
}

/** Reads what is held, for people. Never asked on behalf of a pull. */
export class Inventory {
  readonly list: RepositoryList;
  readonly #graphs: GraphReader;
  readonly #tag: Statement<[number, string], { digest: string; pinned: number; last_pulled_at: number | null }>;
  readonly #link: Statement<[number, string], LinkRow>;
  readonly #tagsOf: Statement<[number, string], { name: string }>;
  readonly #isBlobHeld: Statement<[string], { one: number }>;
  readonly #isManifestLinked: Statement<[number, string], { one: number }>;
  readonly #users: Statement<[string], { users: number }>;
  readonly #referrers: Statement<[number, string], ReferrerRow>;
  readonly #knownReferrers: Statement<[number, string], { body: string }>;

  constructor(db: Database) {
    this.list = new RepositoryList(db);
    this.#graphs = new GraphReader(db);
    this.#tag = db.prepare('SELECT digest, pinned, last_pulled_at FROM tags WHERE repository_id = ? AND name = ?');
    this.#link = db.prepare(
      `SELECT m.media_type, m.artifact_type, m.content, l.first_seen_at, l.last_pulled_at, l.pinned FROM repository_manifests l
       JOIN manifests m ON m.digest = l.digest WHERE l.repository_id = ? AND l.digest = ? AND length(m.content) > 0`,
    );
    this.#tagsOf = db.prepare('SELECT name FROM tags WHERE repository_id = ? AND digest = ? ORDER BY name');
    this.#isBlobHeld = db.prepare('SELECT 1 AS one FROM blobs WHERE digest = ?');
    this.#isManifestLinked = db.prepare(
      'SELECT 1 AS one FROM repository_manifests WHERE repository_id = ? AND digest = ?',
    );
    this.#users = db.prepare('SELECT count(DISTINCT parent) AS users FROM manifest_references WHERE child = ?');
    this.#referrers = db.prepare(
      `SELECT m.digest, m.media_type, m.artifact_type, m.size FROM manifests m
       JOIN repository_manifests l ON l.digest = m.digest AND l.repository_id = ? WHERE m.subject = ? ORDER BY m.digest`,
    );
    this.#knownReferrers = db.prepare(
      `SELECT body FROM upstream_answers WHERE repository_id = ? AND kind = 'referrers' AND key = ?`,
    );
  }

  /** @throws RequestError (NAME_UNKNOWN) when nothing is held of it */
  repository(name: string): RepositoryContent {
    const repository = this.#held(name);
    const graph = this.#graphs.read(repository.id);
    const sizes = tagSizes(graph);
    const { untagged, artifacts } = looseManifests(graph);
    const measured = (manifest: GraphManifest): InventoryManifest => ({
      ...manifest,
      bytes: heldBytes(graph, manifest.digest),
    });
    return {
      repository,
      tags: graph.tags.map((tag) => describeTag(graph, tag, sizes.get(tag.name))),
      untagged: untagged.map(measured),
      artifacts: artifacts.map(measured),
    };
  }

  /**
   * A held manifest by tag or digest.
   * @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN)
   */
  manifest(name: string, reference: string): ManifestContent {
    const repository = this.#held(name);
    const tag = isDigest(reference) ? undefined : this.#tag.get(repository.id, reference);
    const digest = tag?.digest ?? reference;
    const row = this.#link.get(repository.id, digest);
    if (row === undefined || !isDigest(digest))
      throw new RequestError('MANIFEST_UNKNOWN', `${name} holds no manifest ${reference.slice(0, 200)}`, {
        value: reference,
      });
    const manifest = parseManifest(row.content, row.media_type);
    const layerTypes = manifest.layers.map((layer) => layer.mediaType);
    return {
      repository,
      digest,
      kind: kindOf({ mediaType: row.media_type, artifactType: row.artifact_type ?? undefined, layerTypes }),
      manifest,
      content: row.content,
      tags: this.#tagsOf.all(repository.id, digest).map((one) => one.name),
      config: manifest.config === undefined ? undefined : this.#blob(manifest.config),
      layers: manifest.layers.map((layer) => ({
        ...this.#blob(layer),
        sharedBy: this.#users.get(layer.digest)?.users ?? 0,
      })),
      manifests: manifest.manifests.map((child) => ({
        ...this.#child(repository.id, child),
        platform: platformOf(child),
      })),
      referrers: this.#referrersOf(repository.id, digest),
      isPinned: (tag?.pinned ?? row.pinned) !== 0,
      firstSeenAt: row.first_seen_at,
      lastPulledAt: latest(row.last_pulled_at, tag?.last_pulled_at ?? null),
    };
  }

  #held(name: string): HeldRepository {
    const repository = this.list.find(name);
    if (repository === undefined) throw new RequestError('NAME_UNKNOWN', `nothing is held of ${name}`, { value: name });
    return repository;
  }

  #blob({ digest, mediaType, size }: Descriptor): HeldDescriptor {
    return { digest, mediaType, size, held: this.#isBlobHeld.get(digest) !== undefined };
  }

  #child(repositoryId: number, { digest, mediaType, size }: Descriptor): HeldDescriptor {
    return { digest, mediaType, size, held: this.#isManifestLinked.get(repositoryId, digest) !== undefined };
  }

  #referrersOf(repositoryId: number, digest: Digest): ManifestContent['referrers'] {
    const known = readDescriptors(this.#knownReferrers.get(repositoryId, digest)?.body);
    const held = this.#referrers.all(repositoryId, digest);
    const all = new Map(known.map((one) => [one.digest, { ...one, held: false }]));
    for (const { digest: referrer, media_type: mediaType, artifact_type, size } of held) {
      all.set(referrer, { digest: referrer, mediaType, size, artifactType: artifact_type ?? undefined, held: true });
    }
    return [...all.values()];
  }
}

function describeTag(graph: RepositoryGraph, tag: GraphTag, sizes: TagSizes | undefined): InventoryTag {
  const manifest = graph.manifests.get(tag.digest);
  return {
    ...tag,
    bytes: sizes?.bytes ?? 0,
    uniqueBytes: sizes?.uniqueBytes ?? 0,
    mediaType: manifest?.mediaType ?? '',
    kind: manifest?.kind ?? 'artifact',
    platforms: platformsOf(graph, manifest),
  };
}

function platformsOf(graph: RepositoryGraph, manifest: GraphManifest | undefined): PlatformState[] {
  return (manifest?.references ?? []).flatMap(({ kind, platform, digest }) => {
    // BuildKit lists its attestations under this platform; nobody runs them
    if (kind !== 'manifest' || platform === undefined || platform.startsWith('unknown/')) return [];
    return [{ platform, held: isWhole(graph, digest) }];
  });
}

/** Whether a client could pull all of it with the upstream down. */
function isWhole(graph: RepositoryGraph, digest: string): boolean {
  const references = graph.manifests.get(digest)?.references;
  return references?.every((one) => one.kind === 'manifest' || graph.blobs.has(one.digest)) === true;
}

function looseManifests(graph: RepositoryGraph): {
  readonly untagged: GraphManifest[];
  readonly artifacts: GraphManifest[];
} {
  const tagged = new Set(graph.tags.map((tag) => tag.digest));
  const listed = new Set<string>();
  for (const { references } of graph.manifests.values()) {
    for (const reference of references) if (reference.kind === 'manifest') listed.add(reference.digest);
  }
  const loose = [...graph.manifests.values()].filter(({ digest }) => !tagged.has(digest) && !listed.has(digest));
  const isImage = ({ kind, subject }: GraphManifest): boolean =>
    subject === undefined && (kind === 'image' || kind === 'index');
  return { untagged: loose.filter(isImage), artifacts: loose.filter((one) => !isImage(one)) };
}

function platformOf({ platform }: Descriptor): string | undefined {
  if (platform === undefined) return undefined;
  return [platform.os, platform.architecture, platform.variant].filter((word) => word !== undefined).join('/');
}

function latest(one: number | null, other: number | null): number | undefined {
  const at = Math.max(one ?? 0, other ?? 0);
  return at === 0 ? undefined : at;
}

interface KnownReferrer {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly artifactType: string | undefined;
}

/** A list as `DiscoveryCache` keeps it: descriptors that were checked when they came. */
function readDescriptors(body: string | undefined): KnownReferrer[] {
  if (body === undefined) return [];
  const list = JSON.parse(body) as readonly (Omit<KnownReferrer, 'artifactType'> & {
    readonly artifactType?: string;
  })[];
  return list.map(({ digest, mediaType, size, artifactType }) => ({ digest, mediaType, size, artifactType }));
}
