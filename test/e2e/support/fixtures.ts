import { createHash } from 'node:crypto';
import type {
  Dashboard,
  ManifestDetail,
  ManifestRow,
  RepositoryRow,
  RequestRow,
  Status,
  TagRow,
  UpstreamView,
} from '../../../server/api/contract.ts';

/** Answers of the admin API as a busy mirror gives them, typed by the contract. Times are relative to `now`. */

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;
const mib = 2 ** 20;

/** A digest that is the same for the same seed. */
export function digestOf(seed: string): string {
  return `sha256:${createHash('sha256').update(seed).digest('hex')}`;
}

/** The mirror's status: running, three clients, two things that need a person. */
export function statusFixture(now: number): Status {
  return {
    version: '0.1.0',
    startedAt: now - 3 * day,
    state: 'attention',
    listening: true,
    addresses: ['mirror.office.test:5050', '192.168.1.20:5050', '127.0.0.1:5050'],
    tls: false,
    mutualTls: false,
    pullExample: 'docker pull mirror.office.test:5050/docker.io/library/alpine:3.20',
    offline: false,
    defaultUpstream: 'ghcr.io',
    dataDirectory: '/var/lib/zhi-mirror',
    disk: { contentBytes: 41_200 * mib, freeBytes: 61_440 * mib, totalBytes: 238_000 * mib, floorBytes: 512 * mib },
    activeTransfers: 2,
    clientsLast10Min: 3,
    attention: [
      {
        id: 'upstream-open-quay.io',
        severity: 'error',
        title: 'quay.io does not answer',
        detail:
          'The last 4 requests failed: connection refused. What is held is served, marked stale. Look at the upstream, or wait: it is tried again by itself.',
        link: '/upstreams',
      },
      {
        id: 'quota-docker.io',
        severity: 'warning',
        title: 'Docker Hub’s pull limit is nearly used up',
        detail: '14 of 100 pulls are left. An account raises the limit; tags with a longer time cost fewer pulls.',
        link: '/upstreams/edit?name=docker.io',
      },
    ],
  };
}

const outcomes = ['hit', 'hit', 'hit', 'miss', 'hit', 'hit', 'stale', 'hit', 'miss', 'hit', 'failed', 'hit'] as const;
const artifacts = [
  ['ghcr.io/acme/web:2.14.1', 'ghcr.io'],
  ['docker.io/library/postgres:16', 'docker.io'],
  ['docker.io/library/alpine:3.20', 'docker.io'],
  ['quay.io/prometheus/node-exporter:v1.8.2', 'quay.io'],
  ['registry.k8s.io/pause:3.10', 'registry.k8s.io'],
  ['ghcr.io/acme/charts/platform:1.9.0', 'ghcr.io'],
] as const;
const agents = ['docker/27.3.1', 'containerd/2.0.1', 'Buildah/1.38', 'skopeo/1.17', 'Helm/3.16'];

/** The `index`-th request, older with a growing index. */
export function requestFixture(index: number, at: number): RequestRow {
  const outcome = outcomes[index % outcomes.length] ?? 'hit';
  const [artifact, upstream] = artifacts[index % artifacts.length] ?? artifacts[0];
  const isBlob = index % 5 === 2;
  const digest = digestOf(`${artifact} ${String(index % 7)}`);
  return {
    id: `req-${String(100_000 - index)}`,
    at,
    method: index % 4 === 3 ? 'HEAD' : 'GET',
    event: isBlob ? 'blob_pull' : 'artifact_pull',
    artifact: isBlob ? `${artifact.replace(/:[^:]*$/, '')}@${digest}` : artifact,
    digest,
    clientIp: `192.168.1.${String(40 + (index % 5))}`,
    ...(index % 5 === 1 ? { user: 'build-agent' } : {}),
    userAgent: agents[index % agents.length] ?? 'docker/27.3.1',
    outcome,
    status: outcome === 'failed' ? 503 : 200,
    ...(outcome === 'failed' ? { code: 'UPSTREAM_UNREACHABLE' } : {}),
    bytes: outcome === 'failed' ? 312 : isBlob ? 3_400_000 + index * 91_000 : 2048 + index,
    durationMs: outcome === 'miss' ? 480 + index * 3 : outcome === 'failed' ? 3004 : 2 + (index % 9),
    upstream,
    ...(outcome === 'stale' ? { detail: 'quay.io: connection refused; kept since 2 days' } : {}),
    ...(outcome === 'failed' ? { detail: 'connect ECONNREFUSED within 3 s, 3 attempts' } : {}),
  };
}

/** `count` requests, newest first. */
export function requestsFixture(now: number, count: number): RequestRow[] {
  return Array.from({ length: count }, (_, index) => {
    const row = requestFixture(index, now - index * 4200);
    return index === 5 ? deniedFixture(row) : row;
  });
}

/** A pull that a rule of the policy refused. */
function deniedFixture(row: RequestRow): RequestRow {
  const { digest: _, ...rest } = row;
  return {
    ...rest,
    event: 'artifact_pull',
    artifact: 'ghcr.io/acme/zhi-config-deprecated:v1',
    upstream: 'ghcr.io',
    outcome: 'denied',
    status: 403,
    code: 'DENIED',
    bytes: 0,
    durationMs: 1,
    detail: '"*/zhi-*-deprecated:*" is blocked by policy (policy rule artifacts.blocked)',
  };
}

const healthy: UpstreamView['health'] = { state: 'ok', requests: 0, failures: 0, bytesReceived: 0 };

function health(now: number, name: string): UpstreamView['health'] {
  if (name === 'docker.io') {
    const quota = {
      limit: 100,
      remaining: 14,
      windowSeconds: 21_600,
      source: '203.0.113.7',
      seenAt: now - 40 * minute,
    };
    return { ...healthy, lastSuccessAt: now - 20_000, quota, requests: 812, failures: 2, bytesReceived: 9200 * mib };
  }
  if (name === 'quay.io') {
    return {
      state: 'open',
      lastSuccessAt: now - 3 * hour,
      lastFailureAt: now - 12_000,
      lastError: 'connect ECONNREFUSED 198.51.100.9:443',
      retryAt: now + 25_000,
      requests: 90,
      failures: 4,
      bytesReceived: 410 * mib,
    };
  }
  if (name === 'registry.k8s.io') return { state: 'unknown', requests: 0, failures: 0, bytesReceived: 0 };
  return { ...healthy, lastSuccessAt: now - 3000, requests: 2400, failures: 1, bytesReceived: 21_000 * mib };
}

/** Four upstreams: the default, one with quota and account, one that is left alone, one that is locked. */
export function upstreamsFixture(now: number): UpstreamView[] {
  const view = (name: string, position: number, settings: Record<string, unknown>): UpstreamView => ({
    name,
    isDefault: name === 'ghcr.io',
    locked: name === 'registry.k8s.io',
    position,
    settings: { name, ...settings },
    accounts:
      name === 'docker.io'
        ? [
            { path: '', username: 'acme-ci', kind: 'password' },
            { path: 'acme/private', username: '', kind: 'token' },
          ]
        : [],
    health: health(now, name),
    repositories: [18, 9, 4, 0][position] ?? 0,
    contentBytes:
      [24_000, 11_000, 1_900, 0][position] !== undefined ? ([24_000, 11_000, 1_900, 0][position] ?? 0) * mib : 0,
  });
  return [
    view('ghcr.io', 0, { mode: 'check', ttl: '5m', tags: [{ pattern: 'v*', ttl: 'immutable' }] }),
    view('docker.io', 1, {
      mode: 'prefer-cache',
      ttl: '1h',
      urls: ['https://registry-1.docker.io', 'https://hub.mirror.test/v2'],
    }),
    view('quay.io', 2, { mode: 'check', ttl: '10m' }),
    view('registry.k8s.io', 3, { mode: 'offline' }),
  ];
}

/** The dashboard over `points` intervals. */
export function dashboardFixture(now: number, points: number, intervalMs: number): Dashboard {
  const start = Math.floor(now / intervalMs) * intervalMs - (points - 1) * intervalMs;
  const series = Array.from({ length: points }, (_, index) => {
    const wave = 0.5 + 0.5 * Math.sin(index / 5) + 0.35 * Math.sin(index / 2.1);
    const hits = Math.max(0, Math.round(34 * wave + 6));
    const misses = Math.max(0, Math.round(6 * (1.2 - wave)));
    const stale = index % 17 > 13 ? 4 : 0;
    const failed = index % 17 === 15 ? 2 : 0;
    const bytesFetched = misses * 9 * mib;
    const requests = hits + misses + stale + failed;
    return {
      at: start + index * intervalMs,
      requests,
      hits,
      misses,
      stale,
      failed,
      bytesServed: bytesFetched + hits * 11 * mib,
      bytesFetched,
    };
  });
  const client = (index: number) => ({
    clientIp: `192.168.1.${String(40 + index)}`,
    lastSeenAt: now - index * 95_000,
    requests: 620 - index * 90,
    hits: 580 - index * 88,
    userAgent: agents[index % agents.length] ?? '',
  });
  return {
    intervalMs,
    series,
    today: {
      requests: 2113,
      hitRatio: 0.938,
      bytesServed: 88_000 * mib,
      bytesFetched: 9600 * mib,
      bytesSaved: 78_400 * mib,
      clients: 7,
      failed: 12,
    },
    clients: [0, 1, 2, 3, 4].map(client),
    upstreams: upstreamsFixture(now).map(({ name, settings, health: state }) => ({
      name,
      mode: (settings as { mode: 'check' }).mode,
      health: state,
    })),
    // told in some intervals only, as traffic has it
    quotas: [
      {
        upstream: 'docker.io',
        points: series.flatMap(({ at }, index) =>
          index % 3 === 0 ? [{ at, remaining: Math.max(14, 100 - index * 2), limit: 100 }] : [],
        ),
      },
    ],
  };
}

const repositories: readonly (readonly [string, string | undefined, number])[] = [
  ['docker.io/library/alpine', 'docker.io', 3],
  ['docker.io/library/postgres', 'docker.io', 4],
  ['ghcr.io/acme/charts/platform', 'ghcr.io', 2],
  ['ghcr.io/acme/web', 'ghcr.io', 6],
  ['quay.io/prometheus/node-exporter', 'quay.io', 2],
  ['team/builder', undefined, 1],
];

/** Six repositories under three registries and one that was pushed; `extra` more for long lists. */
export function repositoriesFixture(now: number, extra = 0): RepositoryRow[] {
  const all = [
    ...repositories,
    ...Array.from(
      { length: extra },
      (_, index) => [`ghcr.io/many/app-${String(index).padStart(4, '0')}`, 'ghcr.io', 1] as const,
    ),
  ];
  return all.map(([name, upstream, tags], index) => ({
    name,
    ...(upstream === undefined ? {} : { upstream }),
    tags,
    manifests: tags * 3,
    bytes: (tags * 140 + index) * mib,
    uniqueBytes: (tags * 90 + index) * mib,
    lastPulledAt: now - index * 17 * minute,
    firstSeenAt: now - (index + 2) * 9 * day,
    pinned: name === 'ghcr.io/acme/web',
  }));
}

const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/s390x', 'windows/amd64'];

/** Tags of a repository. */
export function tagsFixture(now: number, repository: RepositoryRow): TagRow[] {
  return Array.from({ length: repository.tags }, (_, index) => ({
    tag: index === 0 ? 'latest' : `2.${String(14 - index)}.1`,
    digest: digestOf(`${repository.name} ${String(index)}`),
    mediaType: 'application/vnd.oci.image.index.v1+json',
    kind: repository.name.includes('charts') ? ('chart' as const) : ('index' as const),
    bytes: (180 - index * 11) * mib,
    uniqueBytes: (70 - index * 9) * mib,
    platforms: repository.name.includes('charts')
      ? []
      : platforms.map((platform, position) => ({ platform, held: position < 2 - (index % 2) })),
    firstSeenAt: now - (index + 1) * 6 * day,
    checkedAt: now - index * 4 * minute,
    freshUntil: now + 3 * minute,
    stale: repository.name.startsWith('quay.io'),
    lastPulledAt: now - index * 31 * minute,
    lastPulledBy: index % 2 === 0 ? '192.168.1.41' : 'build-agent',
    pinned: index === 1,
  }));
}

/** Untagged manifests and artifacts of a repository. */
export function manifestsFixture(
  now: number,
  repository: RepositoryRow,
  kind: 'image' | 'signature',
  count: number,
): ManifestRow[] {
  return Array.from({ length: count }, (_, index) => ({
    digest: digestOf(`${repository.name} ${kind} ${String(index)}`),
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    kind,
    ...(kind === 'signature'
      ? { artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json', subject: digestOf(`${repository.name} 0`) }
      : {}),
    bytes: kind === 'image' ? (33 + index) * mib : 4200,
    firstSeenAt: now - (index + 4) * day,
    lastPulledAt: now - (index + 1) * day,
    pinned: false,
  }));
}

/** An index (by tag or its digest) or, for any other digest, one of its images. */
export function manifestFixture(now: number, repository: RepositoryRow, reference: string): ManifestDetail {
  const tags = tagsFixture(now, repository);
  const tag = tags.find((one) => one.tag === reference || one.digest === reference);
  const content = JSON.stringify({
    schemaVersion: 2,
    mediaType: tag?.mediaType ?? 'application/vnd.oci.image.manifest.v1+json',
    annotations: { 'org.opencontainers.image.version': '2.14.1' },
  });
  const base = {
    repository: repository.name,
    sizeBytes: content.length,
    content,
    annotations: {
      'org.opencontainers.image.source': 'https://git.example.com/acme/web',
      'org.opencontainers.image.version': '2.14.1',
    },
    pullCommands: [
      { tool: 'Docker', command: `docker pull mirror.office.test:5050/${repository.name}:${tag?.tag ?? '2.14.1'}` },
      {
        tool: 'Podman',
        command: `podman pull --tls-verify=false mirror.office.test:5050/${repository.name}:${tag?.tag ?? '2.14.1'}`,
      },
      {
        tool: 'By digest',
        command: `docker pull mirror.office.test:5050/${repository.name}@${tag?.digest ?? reference}`,
      },
    ],
    pinned: tag?.pinned ?? false,
    firstSeenAt: now - 6 * day,
    lastPulledAt: now - 4 * minute,
  };
  if (tag !== undefined) {
    return {
      ...base,
      digest: tag.digest,
      mediaType: tag.mediaType,
      tags: [tag.tag],
      layers: [],
      manifests: platforms.map((platform, index) => ({
        digest: digestOf(`${tag.digest} ${platform}`),
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        size: 1612,
        platform,
        held: index < 2,
      })),
      referrers: [
        {
          digest: digestOf(`${repository.name} signature 0`),
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
          size: 4200,
          held: true,
        },
      ],
    };
  }
  return {
    ...base,
    digest: reference,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    tags: [],
    config: {
      digest: digestOf(`${reference} config`),
      mediaType: 'application/vnd.oci.image.config.v1+json',
      size: 7023,
      held: true,
    },
    layers: [0, 1, 2, 3].map((index) => ({
      digest: digestOf(`${reference} layer ${String(index)}`),
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      size: (29 - index * 7) * mib,
      held: index < 3,
      sharedBy: index === 0 ? 14 : 1,
    })),
    manifests: [],
    referrers: [],
  };
}
