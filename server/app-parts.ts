import { availableParallelism } from 'node:os';
import { mkdirSync } from 'node:fs';
import { openHousekeeping } from './app-housekeeping.ts';
import type { Housekeeping } from './app-housekeeping.ts';
import type { MirrorConfig } from './app.types.ts';
import { RequestCounts } from './api/request-counts.ts';
import { Activity } from './audit/activity.ts';
import { openAuditLog } from './audit/audit-log.ts';
import type { AuditLog } from './audit/audit-log.ts';
import { Admission } from './cache/admit.ts';
import { BlobCache } from './cache/blob-cache.ts';
import { Deletions } from './cache/deletions.ts';
import { DiscoveryCache } from './cache/discovery-cache.ts';
import { ManifestCache } from './cache/manifest-cache.ts';
import type { CacheEvents } from './cache/targets.ts';
import { Uploads } from './cache/uploads.ts';
import { openDatabase } from './db/database.ts';
import type { Database } from './db/database.ts';
import { systemClock } from './lib/clock.ts';
import type { RequestContext } from './http/request-context.ts';
import type { Clock } from './lib/clock.ts';
import { createLog } from './lib/log.ts';
import type { Log } from './lib/log.ts';
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
import { AnswerStore } from './storage/answer-store.ts';
import { BlobStore } from './storage/blob-store.ts';
import { HashPool } from './storage/hash-pool.ts';
import { layoutOf } from './storage/layout.ts';
import { LiveSettings } from './storage/live-settings.ts';
import type { Layout } from './storage/layout.ts';
import { cleanUpAfterCrash, lockDataDirectory } from './storage/maintenance.ts';
import type { DataDirectoryLock } from './storage/maintenance.ts';
import { ManifestStore } from './storage/manifest-store.ts';
import { PulledMarks } from './storage/pulled-marks.ts';
import type { Repository } from './storage/repository-store.ts';
import { RepositoryStore } from './storage/repository-store.ts';
import { Removal } from './storage/removal.ts';
import { SettingStore } from './storage/setting-store.ts';
import { TagStore } from './storage/tag-store.ts';
import { Unlinking } from './storage/unlinking.ts';
import { UploadStore } from './storage/upload-store.ts';
import { createUpstreamClient } from './upstream/client.ts';
import type { UpstreamWatch } from './upstream/client.types.ts';
import { keyFileBox } from './upstream/secret-box.ts';
import { QuotaHistory } from './upstream/quota-history.ts';
import { UpstreamSet } from './upstream/upstream-set.ts';
import { UpstreamStore } from './upstream/upstream-store.ts';

/** Warm answers kept in memory. */
const hotBytes = 32 * 1024 * 1024;
/** A broken download that nobody asked for again is given up after this. */
const partialMaxAgeMs = 7 * 24 * 3_600_000;

/** Every object of the running mirror, built once. */
export interface MirrorParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly layout: Layout;
  readonly lock: DataDirectoryLock;
  readonly db: Database;
  readonly audit: AuditLog;
  readonly activity: Activity;
  readonly quotaHistory: QuotaHistory;
  readonly live: LiveSettings;
  readonly housekeeping: Housekeeping;
  readonly upstreams: UpstreamSet;
  readonly repositories: RepositoryStore;
  readonly tags: TagStore;
  readonly blobs: BlobStore;
  readonly marks: PulledMarks;
  readonly hashes: HashPool;
  readonly hot: HotAnswers;
  readonly manifestCache: ManifestCache;
  readonly blobCache: BlobCache;
  readonly uploads: Uploads;
  readonly namespaces: Namespaces;
  readonly recorder: Recorder;
  readonly registry: RegistryRoutes;
  readonly fastPath: FastPath;
  /** Call after the upstreams changed: the fast path may only be taken while no host names are intercepted. */
  readonly refreshFastPath: () => void;
  readonly requestCounts: RequestCounts;
}

/** What the parts tell the mirror that hosts them. */
export interface PartsEvents {
  readonly contentChanged: (repository: string) => void;
  readonly upstreamsChanged: () => void;
  readonly warned: (message: string) => void;
}

/**
 * Opens the data directory and builds everything; nothing listens yet. What was opened is closed again when a later step fails.
 * @throws ConfigError (DATA_DIRECTORY_IN_USE, DATA_DIRECTORY_NEWER, CONFIG_INVALID), StorageError
 */
export async function buildParts(config: MirrorConfig, events: PartsEvents): Promise<MirrorParts> {
  const { settings } = config;
  const clock = config.clock ?? systemClock;
  const log = createLog({
    level: settings.log.level,
    clock,
    ...(config.log === undefined ? {} : { write: config.log }),
  });
  const layout = layoutOf(settings.dataDirectory, settings.storageDirectory);
  const lock = lockDataDirectory(layout, settings.dataDirectory);
  let db: Database | undefined;
  try {
    mkdirSync(layout.storage, { recursive: true });
    db = openDatabase(layout.database);
    const found = await cleanUpAfterCrash(db, layout, { now: clock.now(), partialMaxAgeMs });
    if (found.orphanBlobs + found.lostBlobs > 0)
      log.warn('the last stop was not a clean one; the store was put in order', { ...found });
    const audit = await openAuditLog({
      file: settings.audit.file === '' ? layout.auditFile : settings.audit.file,
      databasePath: layout.database,
      clock,
      onError: (error) => {
        log.error(error.message, { error });
      },
    });
    return assemble(config, events, { clock, log, layout, lock, db, audit });
  } catch (error) {
    db?.close();
    lock.release();
    throw error;
  }
}

type Opened = Pick<MirrorParts, 'clock' | 'log' | 'layout' | 'lock' | 'db' | 'audit'>;

function assemble(config: MirrorConfig, events: PartsEvents, opened: Opened): MirrorParts {
  const { clock, log, layout, db } = opened;
  const activity = new Activity({
    db,
    clock,
    onError: (error) => {
      log.error(error.message, { error });
    },
  });
  const live = openLiveSettings(config, db);
  const quotaHistory = openQuotaHistory(opened);
  const stores = openStores(db, layout);
  const upstreams = openUpstreams(config, opened, { events, quotaHistory });
  const cacheEvents = cacheEventsOf(events, activity, log);
  const shared = {
    ...stores,
    upstreams,
    events: cacheEvents,
    clock,
    layout,
    freeSpaceFloorBytes: config.settings.freeSpaceFloor,
  };
  const hashes = new HashPool(Math.min(4, availableParallelism()));
  const changed = (repository: Repository): void => {
    cacheEvents.changed(repository);
  };
  const admission = new Admission({ ...stores, db, changed });
  const manifestCache = new ManifestCache({ ...shared, admission });
  const blobCache = new BlobCache({ ...shared, hashes });
  const discovery = new DiscoveryCache(shared);
  const removal = new Removal(db, layout);
  const deletions = new Deletions({
    ...shared,
    admission,
    removal,
    unlinking: new Unlinking(db),
    changed,
  });
  const uploads = new Uploads({
    ...shared,
    admission,
    hashes,
    store: new UploadStore(db, layout),
    expireAfterMs: config.settings.uploads.expireAfter,
  });
  const caches = { manifestCache, blobCache, uploads };
  const edges = openRegistry(config, opened, {
    ...stores,
    ...caches,
    upstreams,
    discovery,
    activity,
    admission,
    deletions,
  });
  return {
    ...opened,
    live,
    housekeeping: openHousekeeping(opened),
    activity,
    quotaHistory,
    upstreams,
    ...stores,
    hashes,
    ...caches,
    ...edges,
  };
}

function openLiveSettings(config: MirrorConfig, db: Database): LiveSettings {
  return new LiveSettings(config.settings, config.givenSettings ?? new Set(), new SettingStore(db));
}

function cacheEventsOf(events: PartsEvents, activity: Activity, log: Log): CacheEvents {
  return {
    changed: (repository) => {
      events.contentChanged(repository.name);
    },
    fetched: (bytes) => {
      activity.noteFetched(bytes);
    },
    warn: (message, detail) => {
      log.warn(message, detail);
      events.warned(message);
    },
  };
}

function openStores(db: Database, layout: Layout) {
  return {
    repositories: new RepositoryStore(db),
    manifests: new ManifestStore(db),
    tags: new TagStore(db),
    answers: new AnswerStore(db),
    blobs: new BlobStore(db, layout),
    marks: new PulledMarks(db),
  };
}

function openQuotaHistory({ db, clock, log }: Opened): QuotaHistory {
  return new QuotaHistory({
    db,
    clock,
    onError: (error) => {
      log.error(error.message, { error });
    },
  });
}

function openUpstreams(
  config: MirrorConfig,
  opened: Opened,
  more: { readonly events: PartsEvents; readonly quotaHistory: QuotaHistory },
): UpstreamSet {
  const { settings } = config;
  const box = config.secretBox ?? keyFileBox(opened.layout.secretKey);
  return new UpstreamSet({
    settings,
    isDefaultGiven: config.isDefaultUpstreamGiven ?? false,
    store: new UpstreamStore(opened.db, box),
    onChange: more.events.upstreamsChanged,
    watch: (name) => watchUpstream(name, opened.log, more.quotaHistory),
    createClient: (upstream, accounts, watch) =>
      createUpstreamClient({
        settings: upstream,
        globalTls: settings.upstreamTls,
        accounts,
        clock: opened.clock,
        watch,
        userAgent: `zhi-mirror/${config.version}`,
        ...(config.proxyEnvironment === undefined ? {} : { proxy: config.proxyEnvironment }),
      }),
  });
}

function watchUpstream(name: string, log: Log, quotaHistory: QuotaHistory): UpstreamWatch {
  return {
    quota: (quota) => {
      quotaHistory.note(name, quota);
    },
    down: (error) => {
      log.warn(`${name} keeps failing: it is left alone for a while, and what is held of it is served`, { error });
    },
    up: () => {
      log.info(`${name} answers again`);
    },
  };
}

type Inner = ReturnType<typeof openStores> &
  Pick<MirrorParts, 'upstreams' | 'manifestCache' | 'blobCache' | 'uploads' | 'activity'> & {
    readonly discovery: DiscoveryCache;
    readonly admission: Admission;
    readonly deletions: Deletions;
  };

function openRegistry(config: MirrorConfig, opened: Opened, inner: Inner) {
  const { clock, log, audit, db } = opened;
  const { repositories, marks, upstreams } = inner;
  const hot = new HotAnswers(hotBytes);
  const requestCounts = new RequestCounts();
  const recorder = new Recorder({
    clock,
    record: (event) => {
      audit.record(event);
    },
    note: (event) => {
      inner.activity.noteRequest(event);
      requestCounts.note(event);
    },
    logBug: (message, fields) => {
      log.error(message, fields);
    },
  });
  const isTls = (): boolean => config.settings.tls.cert !== '';
  const namespaces = namespacesOf(upstreams, repositories);
  const rule: PushRule = {
    namespaces,
    patterns: config.settings.push.repositories,
    holdsContent: (name) => repositories.holdsContent(name),
    upstreamOf: (name) => repositories.find(name)?.upstream,
  };
  const names = db.prepare<[], { name: string }>(
    `SELECT name FROM repositories r WHERE EXISTS (SELECT 1 FROM repository_manifests m WHERE m.repository_id = r.id) ORDER BY name`,
  );
  const registry = new RegistryRoutes({
    namespaces,
    manifests: new ManifestEndpoint({ cache: inner.manifestCache, hot, marks, recorder, clock }),
    blobs: new BlobEndpoint({ cache: inner.blobCache, hot, repositories, recorder, clock, isTls }),
    discovery: new DiscoveryEndpoint(inner.discovery),
    writes: openWrites(config, inner, { rule, clock, recorder }),
    isWritable: (request) => isWritable(rule, request),
    recorder,
    clock,
    repositoryNames: () => names.all().map((row) => row.name),
  });
  const isPlain = (): boolean =>
    config.settings.trustedProxies.length === 0 &&
    upstreams.list().every((upstream) => upstream.settings.interceptHosts.length === 0);
  let plain = isPlain();
  const fastPath = new FastPath({ hot, marks, recorder, clock, isPlain: () => plain });
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
    recorder,
    uploads: new UploadEndpoint({ uploads, admission, clock, nameInStore }),
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
