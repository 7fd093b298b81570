import type { RepositoryContent, InventoryManifest, InventoryTag, ManifestContent } from '../../storage/inventory.ts';
import type { HeldRepository } from '../../storage/repository-list.ts';
import { tagTtlMs } from '../../cache/freshness.ts';
import type { Admin, Handlers } from '../call.ts';
import type { ManifestDetail, ManifestRow, RepositoryRow, TagRow } from '../contract.ts';
import type { AdminParts } from '../parts.ts';
import { pullCommands } from '../pull-commands.ts';

/** What is held: repositories, tags, manifests. */
export function cacheRoutes({
  parts,
  inventory,
}: Admin): Pick<Handlers, 'listRepositories' | 'getRepository' | 'getManifest'> {
  return {
    listRepositories: ({ query: { upstream, ...query } }) => {
      const page = inventory.list.page({
        ...query,
        after: query.after,
        upstream: upstream === 'local' ? null : upstream,
      });
      return { repositories: page.repositories.map(repositoryRow), total: page.total, next: page.next };
    },

    getRepository: ({ query }) => {
      const content = inventory.repository(query.repository);
      return {
        repository: repositoryRow(content.repository),
        tags: tagRows(parts, content),
        untagged: content.untagged.map(manifestRow),
        artifacts: content.artifacts.map(manifestRow),
      };
    },

    getManifest: ({ query }) =>
      manifestDetail(parts, inventory.manifest(query.repository, query.reference), query.reference),
  };
}

function repositoryRow(repository: HeldRepository): RepositoryRow {
  const { name, upstream, tags, manifests, bytes, uniqueBytes, lastPulledAt, firstSeenAt, isPinned } = repository;
  return { name, upstream, tags, manifests, bytes, uniqueBytes, lastPulledAt, firstSeenAt, pinned: isPinned };
}

function tagRows(parts: AdminParts, { repository, tags }: RepositoryContent): TagRow[] {
  const upstream = repository.upstream === undefined ? undefined : parts.upstreams.find(repository.upstream);
  const { isOffline } = parts.upstreams;
  return tags.map((tag) => {
    const ttlMs =
      upstream === undefined
        ? Number.POSITIVE_INFINITY
        : tagTtlMs({ settings: upstream.settings, isOffline }, repository.name, tag.name);
    return tagRow(tag, ttlMs);
  });
}

/** A tag that is never asked about again has no `freshUntil`. */
function tagRow(tag: InventoryTag, ttlMs: number): TagRow {
  const { digest, mediaType, kind, bytes, uniqueBytes, platforms, firstSeenAt, checkedAt, lastPulledAt, lastPulledBy } =
    tag;
  const isAsked = tag.heldSince === undefined && ttlMs !== Number.POSITIVE_INFINITY;
  const freshUntil = checkedAt === undefined || !isAsked ? undefined : checkedAt + ttlMs;
  return {
    tag: tag.name,
    digest,
    mediaType,
    kind,
    bytes,
    uniqueBytes,
    platforms: [...platforms],
    firstSeenAt,
    checkedAt,
    freshUntil,
    stale: tag.isStale,
    lastPulledAt,
    lastPulledBy,
    pinned: tag.isPinned,
    heldSince: tag.heldSince,
  };
}

function manifestRow(manifest: InventoryManifest): ManifestRow {
  const { digest, mediaType, kind, artifactType, subject, bytes, firstSeenAt, lastPulledAt, isPinned } = manifest;
  return { digest, mediaType, kind, artifactType, subject, bytes, firstSeenAt, lastPulledAt, pinned: isPinned };
}

function manifestDetail(parts: AdminParts, found: ManifestContent, reference: string): ManifestDetail {
  const { repository, digest, kind, manifest, content, tags } = found;
  const tag = tags.includes(reference) ? reference : tags[0];
  return {
    repository: repository.name,
    digest,
    mediaType: manifest.mediaType,
    artifactType: manifest.artifactType,
    sizeBytes: content.length,
    content: content.toString('utf8'),
    tags: [...tags],
    subject: manifest.subject?.digest,
    annotations: { ...manifest.annotations },
    config: found.config,
    layers: [...found.layers],
    manifests: [...found.manifests],
    referrers: [...found.referrers],
    pullCommands: pullCommands({ repository: repository.name, digest, tag, kind }, parts.control.status()),
    pinned: found.isPinned,
    firstSeenAt: found.firstSeenAt,
    lastPulledAt: found.lastPulledAt,
  };
}
