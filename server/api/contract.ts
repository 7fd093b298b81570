import { z } from 'zod';
import { upstream, upstreamMode, upstreamName } from '../config/schema.ts';
import { auditProofRoutes } from './contract-audit.ts';
import { historyRoutes, repositoryRoutes } from './contract-history.ts';
import { gcRoutes, retentionRoutes, scrubRoutes, storageRoutes } from './contract-storage.ts';
import { policyRoutes } from './contract-policy.ts';
import { trustRoutes } from './contract-trust.ts';
import { zotRoutes } from './contract-zot.ts';

/**
 * The admin API: every route with its schemas, the one source for the server, the renderer's client and forms, and the
 * OpenAPI document. Times are milliseconds since the epoch, sizes bytes. Errors are RFC 9457 problem JSON (`problem`).
 */

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string().describe('A code of server/errors.ts.'),
  detail: z.string().describe('One sentence for a person.'),
  problems: z.array(z.string()).optional().describe('Every problem found, when there are several.'),
  requestId: z.string().optional(),
});

const outcome = z.enum(['hit', 'miss', 'stale', 'failed', 'denied', 'ok']);

export const requestRow = z.object({
  id: z.string().describe('Request id, as in the audit.'),
  at: z.number(),
  method: z.string(),
  event: z.string().describe('Audit event name: artifact_pull or blob_pull.'),
  artifact: z.string().describe('repository:tag or repository@digest.'),
  digest: z.string().optional(),
  clientIp: z.string(),
  user: z.string().optional(),
  userAgent: z.string().optional(),
  outcome,
  status: z.number(),
  code: z.string().optional(),
  bytes: z.number(),
  durationMs: z.number(),
  upstream: z.string().optional(),
  detail: z.string().optional().describe('Why: stale because …, failed because …'),
});

export const attention = z.object({
  id: z.string().describe('Stable per cause.'),
  severity: z.enum(['info', 'warning', 'error']),
  title: z.string(),
  detail: z.string().describe('What happened, why, what to do.'),
  link: z.string().optional().describe('Renderer path of the page that helps.'),
});

export const status = z.object({
  version: z.string(),
  startedAt: z.number(),
  state: z
    .enum(['running', 'working', 'attention', 'stopped'])
    .describe('working: transfers are under way. attention: running, and something needs a person.'),
  listening: z.boolean(),
  listenError: z.string().optional(),
  addresses: z.array(z.string()).describe('host:port under which clients on the network reach the mirror, best first.'),
  tls: z.boolean(),
  mutualTls: z.boolean(),
  pullExample: z.string().describe('A pull command that works as printed.'),
  offline: z.boolean(),
  defaultUpstream: z.string(),
  dataDirectory: z.string(),
  disk: z.object({ contentBytes: z.number(), freeBytes: z.number(), totalBytes: z.number(), floorBytes: z.number() }),
  activeTransfers: z.number(),
  clientsLast10Min: z.number(),
  attention: z.array(attention),
});

export const quota = z.object({
  limit: z.number(),
  remaining: z.number(),
  windowSeconds: z.number(),
  source: z.string().optional(),
  seenAt: z.number(),
});

export const upstreamHealth = z.object({
  state: z.enum(['unknown', 'ok', 'failing', 'open']),
  lastSuccessAt: z.number().optional(),
  lastFailureAt: z.number().optional(),
  lastError: z.string().optional(),
  retryAt: z.number().optional(),
  quota: quota.optional(),
  requests: z.number(),
  failures: z.number(),
  bytesReceived: z.number(),
});

export const seriesPoint = z.object({
  at: z.number().describe('Start of the interval.'),
  requests: z.number(),
  hits: z.number(),
  misses: z.number(),
  stale: z.number(),
  failed: z.number(),
  bytesServed: z.number(),
  bytesFetched: z.number(),
});

export const dashboard = z.object({
  intervalMs: z.number(),
  series: z.array(seriesPoint),
  today: z.object({
    requests: z.number(),
    hitRatio: z.number().nullable(),
    bytesServed: z.number(),
    bytesFetched: z.number(),
    bytesSaved: z.number(),
    clients: z.number(),
    failed: z.number(),
  }),
  clients: z
    .array(
      z.object({
        clientIp: z.string(),
        lastSeenAt: z.number(),
        requests: z.number(),
        hits: z.number(),
        userAgent: z.string().optional(),
      }),
    )
    .describe('Clients of the last 24 h, most recent first, at most 50.'),
  upstreams: z.array(z.object({ name: z.string(), mode: upstreamMode, health: upstreamHealth })),
  quotas: z
    .array(
      z.object({
        upstream: z.string(),
        points: z.array(z.object({ at: z.number(), remaining: z.number(), limit: z.number() })),
      }),
    )
    .describe('Pull quotas that upstreams told, in those intervals of the series in which they told one.'),
});

/** An upstream as the window shows it: passwords never leave the server. */
export const upstreamView = z.object({
  name: z.string(),
  isDefault: z.boolean(),
  locked: z.boolean().describe('True when the settings file or a flag defines it; then it cannot be changed here.'),
  position: z.number(),
  settings: upstream.omit({ accounts: true }).describe('As a person writes it: durations are text.').or(z.unknown()),
  accounts: z.array(z.object({ path: z.string(), username: z.string(), kind: z.enum(['password', 'token']) })),
  health: upstreamHealth,
  repositories: z.number(),
  contentBytes: z.number(),
});

export const testStep = z.object({
  step: z.enum(['dns', 'tcp', 'tls', 'token', 'pull', 'quota']),
  state: z.enum(['passed', 'failed', 'skipped']),
  durationMs: z.number(),
  detail: z.string(),
});

export const matchResult = z.object({
  reference: z.string(),
  rule: z.enum(['ns', 'host', 'prefix', 'content', 'local', 'catch-all', 'default', 'none']),
  explanation: z.string().describe('Which rule matched and why, for a person.'),
  repository: z.string().optional().describe('Name in the store.'),
  upstream: z.string().optional(),
  upstreamRepository: z.string().optional(),
  held: z.boolean(),
});

export const repositoryRow = z.object({
  name: z.string(),
  upstream: z.string().optional(),
  tags: z.number(),
  manifests: z.number(),
  bytes: z.number().describe('Bytes of everything held under it.'),
  uniqueBytes: z.number().describe('Bytes no other repository shares.'),
  lastPulledAt: z.number().optional(),
  firstSeenAt: z.number(),
  pinned: z.boolean(),
});

export const tagRow = z.object({
  tag: z.string(),
  digest: z.string(),
  mediaType: z.string(),
  kind: z.enum(['index', 'image', 'artifact', 'chart', 'signature']),
  bytes: z.number().describe('Bytes held of its graph.'),
  uniqueBytes: z.number().describe('Bytes freed when only this went.'),
  platforms: z.array(z.object({ platform: z.string(), held: z.boolean() })),
  firstSeenAt: z.number(),
  checkedAt: z.number().optional(),
  freshUntil: z.number().optional(),
  stale: z.boolean(),
  lastPulledAt: z.number().optional(),
  lastPulledBy: z.string().optional(),
  pinned: z.boolean(),
  heldSince: z.number().optional().describe('A person rolled it back then: it does not follow its upstream.'),
});

export const manifestRow = z.object({
  digest: z.string(),
  mediaType: z.string(),
  kind: z.enum(['index', 'image', 'artifact', 'chart', 'signature']),
  artifactType: z.string().optional(),
  subject: z.string().optional(),
  bytes: z.number(),
  firstSeenAt: z.number(),
  lastPulledAt: z.number().optional(),
  pinned: z.boolean(),
});

export const manifestDetail = z.object({
  repository: z.string(),
  digest: z.string(),
  mediaType: z.string(),
  artifactType: z.string().optional(),
  sizeBytes: z.number(),
  content: z.string().describe('The manifest itself, byte for byte as text.'),
  tags: z.array(z.string()),
  subject: z.string().optional(),
  annotations: z.record(z.string(), z.string()),
  config: z.object({ digest: z.string(), mediaType: z.string(), size: z.number(), held: z.boolean() }).optional(),
  layers: z.array(
    z.object({
      digest: z.string(),
      mediaType: z.string(),
      size: z.number(),
      held: z.boolean(),
      sharedBy: z.number().describe('Manifests that use it.'),
    }),
  ),
  manifests: z.array(
    z.object({
      digest: z.string(),
      mediaType: z.string(),
      size: z.number(),
      platform: z.string().optional(),
      held: z.boolean(),
    }),
  ),
  referrers: z.array(
    z.object({
      digest: z.string(),
      mediaType: z.string(),
      artifactType: z.string().optional(),
      size: z.number(),
      held: z.boolean(),
    }),
  ),
  pullCommands: z.array(z.object({ tool: z.string(), command: z.string() })),
  pinned: z.boolean(),
  firstSeenAt: z.number(),
  lastPulledAt: z.number().optional(),
});

export const deletePreview = z.object({
  items: z.array(z.string()).describe('Names of what goes, at most 1000.'),
  itemsTotal: z.number(),
  freedBytes: z.number().describe('Bytes on disk that nothing else uses, free at once.'),
  keptBytes: z.number().describe('Bytes that nothing else uses and that are kept as long as it can be undone.'),
  keptUntil: z.number().optional().describe('Until when it can be undone; absent: not at all.'),
});

const upstreamInput = upstream;
const repositoryQuery = z.object({ repository: z.string().min(1) });
const cacheTarget = z.object({
  repository: z.string().min(1),
  reference: z.string().optional().describe('Tag or digest; absent means the whole repository.'),
});
const done = z.object({ ok: z.literal(true) });

/** Route table: `api/client.ts` of the renderer and `api/serve.ts` both read it. Path parameters are part of `query`/`body`. */
export const routes = {
  getStatus: { method: 'GET', path: '/api/v1/status', query: z.object({}), body: z.undefined(), response: status },
  setOffline: {
    method: 'POST',
    path: '/api/v1/offline',
    query: z.object({}),
    body: z.object({ offline: z.boolean() }),
    response: done,
  },
  setServing: {
    method: 'POST',
    path: '/api/v1/serving',
    query: z.object({}),
    body: z.object({ serving: z.boolean() }),
    response: done,
  },
  getDashboard: {
    method: 'GET',
    path: '/api/v1/dashboard',
    query: z.object({ range: z.enum(['1h', '24h', '7d']).default('1h') }),
    body: z.undefined(),
    response: dashboard,
  },
  listRequests: {
    method: 'GET',
    path: '/api/v1/requests',
    query: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(200) }),
    body: z.undefined(),
    response: z.object({ requests: z.array(requestRow) }),
  },
  searchAudit: {
    method: 'GET',
    path: '/api/v1/audit',
    query: z.object({
      text: z.string().default(''),
      outcome: outcome.optional(),
      event: z.string().optional(),
      digest: z.string().optional(),
      before: z.coerce.number().optional().describe('Row cursor: only rows before it.'),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
    }),
    body: z.undefined(),
    response: z.object({ rows: z.array(requestRow.extend({ row: z.number() })), next: z.number().optional() }),
  },
  listUpstreams: {
    method: 'GET',
    path: '/api/v1/upstreams',
    query: z.object({}),
    body: z.undefined(),
    response: z.object({
      upstreams: z.array(upstreamView),
      locked: z.boolean().describe('True when the settings file lists the upstreams.'),
    }),
  },
  addUpstream: {
    method: 'POST',
    path: '/api/v1/upstreams',
    query: z.object({}),
    body: upstreamInput,
    response: upstreamView,
  },
  updateUpstream: {
    method: 'PUT',
    path: '/api/v1/upstreams',
    query: z.object({ name: upstreamName }),
    body: upstreamInput.omit({ accounts: true }),
    response: upstreamView,
  },
  removeUpstream: {
    method: 'DELETE',
    path: '/api/v1/upstreams',
    query: z.object({ name: upstreamName }),
    body: z.undefined(),
    response: done,
  },
  orderUpstreams: {
    method: 'PUT',
    path: '/api/v1/upstreams/order',
    query: z.object({}),
    body: z.object({ names: z.array(upstreamName).describe('All upstreams, first comes first.') }),
    response: done,
  },
  setDefaultUpstream: {
    method: 'POST',
    path: '/api/v1/upstreams/default',
    query: z.object({}),
    body: z.object({ name: upstreamName }),
    response: done,
  },
  addAccount: {
    method: 'POST',
    path: '/api/v1/upstreams/accounts',
    query: z.object({ name: upstreamName }),
    body: z.object({
      path: z.string().default(''),
      username: z.string().default(''),
      password: z.string().default(''),
      registryToken: z.string().default(''),
    }),
    response: upstreamView,
  },
  removeAccount: {
    method: 'DELETE',
    path: '/api/v1/upstreams/accounts',
    query: z.object({ name: upstreamName, path: z.string().default(''), username: z.string().default('') }),
    body: z.undefined(),
    response: upstreamView,
  },
  importDockerConfig: {
    method: 'POST',
    path: '/api/v1/upstreams/import-docker',
    query: z.object({}),
    body: z.object({ content: z.string().describe("Text of Docker's config.json.") }),
    response: z.object({
      imported: z.array(z.string()),
      skipped: z.array(z.object({ host: z.string(), reason: z.string() })),
    }),
  },
  testUpstream: {
    method: 'POST',
    path: '/api/v1/upstreams/test',
    query: z.object({}),
    body: z.object({
      upstream: upstreamInput,
      repository: z.string().optional(),
      reference: z.string().optional(),
      testId: z.string().optional().describe('Steps are also sent as upstream-test events with this id.'),
    }),
    response: z.object({ steps: z.array(testStep) }),
  },
  retryUpstream: {
    method: 'POST',
    path: '/api/v1/upstreams/retry',
    query: z.object({}),
    body: z.object({ name: upstreamName }),
    response: done,
  },
  matchReference: {
    method: 'GET',
    path: '/api/v1/match',
    query: z.object({
      reference: z.string().min(1).describe("As a client writes it, perhaps with this mirror's host in front."),
      ns: z.string().optional(),
      host: z.string().optional(),
    }),
    body: z.undefined(),
    response: matchResult,
  },
  listRepositories: {
    method: 'GET',
    path: '/api/v1/cache/repositories',
    query: z.object({
      text: z.string().default('').describe('Part of a name, or a digest.'),
      upstream: z.string().optional().describe('Upstream name; "local" for pushed content.'),
      sort: z.enum(['name', 'bytes', 'lastPulled']).default('name'),
      after: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(500).default(200),
    }),
    body: z.undefined(),
    response: z.object({ repositories: z.array(repositoryRow), total: z.number(), next: z.string().optional() }),
  },
  getRepository: {
    method: 'GET',
    path: '/api/v1/cache/repository',
    query: repositoryQuery,
    body: z.undefined(),
    response: z.object({
      repository: repositoryRow,
      tags: z.array(tagRow),
      untagged: z.array(manifestRow),
      artifacts: z.array(manifestRow),
    }),
  },
  getManifest: {
    method: 'GET',
    path: '/api/v1/cache/manifest',
    query: repositoryQuery.extend({ reference: z.string().min(1) }),
    body: z.undefined(),
    response: manifestDetail,
  },
  pin: {
    method: 'POST',
    path: '/api/v1/cache/pin',
    query: z.object({}),
    body: cacheTarget.extend({ pinned: z.boolean() }),
    response: done,
  },
  refreshTag: {
    method: 'POST',
    path: '/api/v1/cache/refresh',
    query: z.object({}),
    body: z.object({ repository: z.string().min(1), reference: z.string().min(1) }),
    response: z.object({ digest: z.string(), changed: z.boolean() }),
  },
  previewDelete: {
    method: 'GET',
    path: '/api/v1/cache/delete-preview',
    query: cacheTarget.extend({ freeNow: z.stringbool().default(false).describe('As for the deletion.') }),
    body: z.undefined(),
    response: deletePreview,
  },
  deleteContent: {
    method: 'POST',
    path: '/api/v1/cache/delete',
    query: z.object({}),
    body: cacheTarget.extend({
      freeNow: z.boolean().default(false).describe('True: the bytes are free at once, and it cannot be undone.'),
    }),
    response: deletePreview,
  },
  ...auditProofRoutes,
  ...gcRoutes,
  ...historyRoutes,
  ...policyRoutes,
  ...repositoryRoutes,
  ...retentionRoutes,
  ...scrubRoutes,
  ...storageRoutes,
  ...trustRoutes,
  ...zotRoutes,
} as const;

export type RouteName = keyof typeof routes;
export type RouteQuery<N extends RouteName> = z.input<(typeof routes)[N]['query']>;
export type RouteBody<N extends RouteName> = z.input<(typeof routes)[N]['body']>;
export type RouteResponse<N extends RouteName> = z.output<(typeof routes)[N]['response']>;

/**
 * `GET /api/v1/events` is a server-sent event stream; each message's `event` is a name below and its `data` the JSON.
 * `requests` comes at most every 250 ms with the rows since the last one (the oldest left out when there are more than 200).
 */
export const streamEvents = {
  status,
  requests: z.object({ rows: z.array(requestRow), dropped: z.number() }),
  upstreams: z.object({ upstreams: z.array(z.object({ name: z.string(), health: upstreamHealth })) }),
  cache: z.object({ repositories: z.array(z.string()).describe('Repositories whose content changed.') }),
  'upstream-test': z.object({ testId: z.string(), step: testStep }),
} as const;

export type StreamEventName = keyof typeof streamEvents;
export type StreamEvent<N extends StreamEventName> = z.output<(typeof streamEvents)[N]>;

export type Problem = z.output<typeof problem>;
export type Status = z.output<typeof status>;
export type Dashboard = z.output<typeof dashboard>;
export type RequestRow = z.output<typeof requestRow>;
export type UpstreamView = z.output<typeof upstreamView>;
export type RepositoryRow = z.output<typeof repositoryRow>;
export type TagRow = z.output<typeof tagRow>;
export type ManifestRow = z.output<typeof manifestRow>;
export type ManifestDetail = z.output<typeof manifestDetail>;
