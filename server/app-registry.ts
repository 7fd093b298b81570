import type { Activity } from './audit/activity.ts';
import type { PolicyParts } from './app-policy.ts';
import type { MirrorConfig } from './app.types.ts';
import type { PolicyGate } from './cache/policy-gate.ts';
import { RequestCounts } from './api/request-counts.ts';
import type { Admission } from './cache/admit.ts';
import type { Target } from './cache/targets.ts';
import type { Deletions } from './cache/deletions.ts';
import type { DiscoveryCache } from './cache/discovery-cache.ts';
import type { RequestContext } from './http/request-context.ts';
import type { Clock } from './lib/clock.ts';
import { BlobEndpoint } from './registry/blobs.ts';
import { DeleteEndpoint } from './registry/deletes.ts';
import { DiscoveryEndpoint } from './registry/discovery.ts';
import { FastPath } from './registry/fast-path.ts';
import { HotAnswers } from './registry/hot-answers.ts';
import { ManifestPushEndpoint } from './registry/manifest-push.ts';
import { ManifestEndpoint } from './registry/manifests.ts';
import { matchNamespace } from './registry/namespaces.ts';
import type { Namespaces } from './registry/namespaces.ts';
import { isWritable } from './registry/push-rule.ts';
import type { PushRule } from './registry/push-rule.ts';
import { Recorder } from './registry/recorder.ts';
import { RegistryRoutes } from './registry/routes.ts';
import { UploadEndpoint } from './registry/uploads.ts';
import { RegistryWrites } from './registry/writes.ts';
import type { RepositoryStore } from './storage/repository-store.ts';
import type { UpstreamSet } from './upstream/upstream-set.ts';
import type { MirrorParts, Opened } from './app-parts.ts';

/** Warm answers kept in memory. */
const hotBytes = 32 * 1024 * 1024;

type Inner = Pick<
  MirrorParts,
  'upstreams' | 'manifestCache' | 'blobCache' | 'uploads' | 'activity' | 'repositories' | 'marks' | 'leases'
> & {
  readonly discovery: DiscoveryCache;
  readonly admission: Admission;
  readonly deletions: Deletions;
} & PolicyParts;

interface NamedRow {
  readonly name: string;
  readonly upstream: string | null;
}

/** Where a repository of the store leads now; rules are about the upstream's own name. */
function leadsTo(namespaces: Namespaces, name: string, upstream: string | undefined): Target {
  const { target } = matchNamespace(namespaces, { repository: name });
  return target?.name === name && target.upstream === upstream
    ? target
    : { name, upstream, upstreamRepository: undefined };
}

/** What the policy never delivers is not listed. */
function visibleNames(
  gate: PolicyGate,
  namespaces: Namespaces,
  rows: readonly NamedRow[],
  user: string | undefined,
): string[] {
  return rows
    .filter(({ name, upstream }) => {
      const target = leadsTo(namespaces, name, upstream ?? undefined);
      return !gate.isHidden({ action: 'pull', target, user });
    })
    .map((row) => row.name);
}

/** Builds the registry's edge: namespaces, endpoints, recorder and the warm answers. */
export function openRegistry(config: MirrorConfig, opened: Opened, inner: Inner) {
  const { clock, db } = opened;
  const { repositories, marks, leases, upstreams } = inner;
  const hot = new HotAnswers(hotBytes);
  const requestCounts = new RequestCounts();
  const recorder = openRecorder(opened, inner.activity, requestCounts);
  const isTls = (): boolean => config.settings.tls.cert !== '';
  const namespaces = namespacesOf(upstreams, repositories);
  const rule: PushRule = {
    namespaces,
    patterns: config.settings.push.repositories,
    holdsContent: (name) => repositories.holdsContent(name),
    upstreamOf: (name) => repositories.find(name)?.upstream,
  };
  const names = db.prepare<[], NamedRow>(
    `SELECT name, upstream FROM repositories r WHERE EXISTS (SELECT 1 FROM repository_manifests m WHERE m.repository_id = r.id) ORDER BY name`,
  );
  const registry = new RegistryRoutes({
    namespaces,
    manifests: new ManifestEndpoint({
      cache: inner.manifestCache,
      gate: inner.gate,
      hot,
      marks,
      leases,
      recorder,
      clock,
    }),
    blobs: new BlobEndpoint({ cache: inner.blobCache, gate: inner.gate, hot, repositories, recorder, clock, isTls }),
    discovery: new DiscoveryEndpoint(inner.discovery, inner.gate),
    writes: openWrites(config, inner, { rule, clock, recorder }),
    isWritable: (request) => isWritable(rule, request),
    recorder,
    clock,
    repositoryNames: (user) => visibleNames(inner.gate, namespaces, names.all(), user),
  });
  const isPlain = (): boolean =>
    config.settings.trustedProxies.length === 0 &&
    upstreams.list().every((upstream) => upstream.settings.interceptHosts.length === 0);
  let plain = isPlain();
  const fastPath = new FastPath({ hot, marks, leases, recorder, clock, isPlain: () => plain });
  return {
    hot,
    recorder,
    namespaces,
    registry,
    fastPath,
    requestCounts,
    refreshFastPath: () => {
      plain = isPlain();
    },
  };
}

function openRecorder({ clock, log, audit }: Opened, activity: Activity, requestCounts: RequestCounts): Recorder {
  return new Recorder({
    clock,
    record: (event) => {
      audit.record(event);
    },
    note: (event) => {
      activity.noteRequest(event);
      requestCounts.note(event);
    },
    logBug: (message, fields) => {
      log.error(message, fields);
    },
  });
}

function openWrites(
  config: MirrorConfig,
  inner: Inner,
  more: { readonly rule: PushRule; readonly clock: Clock; readonly recorder: Recorder },
): RegistryWrites {
  const { rule, clock, recorder } = more;
  const { admission, uploads, deletions } = inner;
  const nameInStore = (context: RequestContext, repository: string): string | undefined =>
    matchNamespace(rule.namespaces, { repository, host: context.request.headers.host }).target?.name;
  return new RegistryWrites({
    rule,
    gate: inner.gate,
    recorder,
    uploads: new UploadEndpoint({
      uploads,
      admission,
      clock,
      nameInStore,
      mayMount: (context, name, digest) =>
        inner.gate.mayMount(
          name === undefined
            ? undefined
            : {
                action: 'pull',
                target: leadsTo(rule.namespaces, name, inner.repositories.find(name)?.upstream),
                user: context.user,
              },
          digest,
        ),
    }),
    manifests: new ManifestPushEndpoint({ admission, clock, sparse: config.settings.push.sparse }),
    deletes: new DeleteEndpoint(deletions, clock),
  });
}

function namespacesOf(upstreams: UpstreamSet, repositories: RepositoryStore): Namespaces {
  return {
    hasUpstream: (name) => upstreams.find(name) !== undefined,
    upstreamOfHost: (host) =>
      upstreams.list().find((upstream) => upstream.settings.interceptHosts.includes(host))?.settings.name,
    matchContent: (name) => upstreams.matchContent(name),
    isLocal: (name) => {
      const repository = repositories.find(name);
      return repository !== undefined && repository.upstream === undefined;
    },
    get defaultUpstream() {
      return upstreams.defaultName === '' ? undefined : upstreams.defaultName;
    },
  };
}
