import { availableParallelism } from 'node:os';
import { mkdirSync } from 'node:fs';
import { openAudit } from './app-audit.ts';
import type { AuditProof } from './app-audit.ts';
import { openHousekeeping } from './app-housekeeping.ts';
import type { Housekeeping } from './app-housekeeping.ts';
import { openRoom } from './app-room.ts';
import type { MirrorConfig } from './app.types.ts';
import type { RequestCounts } from './api/request-counts.ts';
import { ZotDataImport } from './api/zot-data-import.ts';
import { Activity } from './audit/activity.ts';
import type { AuditLog } from './audit/audit-log.ts';
import { Admission } from './cache/admit.ts';
import { BlobCache } from './cache/blob-cache.ts';
import { Deletions } from './cache/deletions.ts';
import { DiscoveryCache } from './cache/discovery-cache.ts';
import { ManifestCache } from './cache/manifest-cache.ts';
import type { Room } from './cache/room.ts';
import type { CacheEvents } from './cache/targets.ts';
import { Uploads } from './cache/uploads.ts';
import { openDatabase } from './db/database.ts';
import type { Database } from './db/database.ts';
import { systemClock } from './lib/clock.ts';
import type { MirrorError } from './errors.ts';
import type { Clock } from './lib/clock.ts';
import { createLog } from './lib/log.ts';
import type { Log } from './lib/log.ts';
import type { FastPath } from './registry/fast-path.ts';
import type { HotAnswers } from './registry/hot-answers.ts';
import type { Namespaces } from './registry/namespaces.ts';
import type { Recorder } from './registry/recorder.ts';
import type { RegistryRoutes } from './registry/routes.ts';
import { AnswerStore } from './storage/answer-store.ts';
import { BlobStore } from './storage/blob-store.ts';
import { HashPool } from './storage/hash-pool.ts';
import { layoutOf } from './storage/layout.ts';
import { LiveSettings } from './storage/live-settings.ts';
import { openVolumes } from './storage/open-volumes.ts';
import type { Layout } from './storage/layout.ts';
import { Leases } from './storage/leases.ts';
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
import { openPolicy } from './app-policy.ts';
import type { PolicyParts } from './app-policy.ts';
import { openRegistry } from './app-registry.ts';

/** A broken download that nobody asked for again is given up after this. */
const partialMaxAgeMs = 7 * 24 * 3_600_000;

/** Every object of the running mirror, built once. */
export interface MirrorParts extends PolicyParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly layout: Layout;
  readonly lock: DataDirectoryLock;
  readonly db: Database;
  readonly audit: AuditLog;
  readonly proof: AuditProof;
  readonly activity: Activity;
  readonly quotaHistory: QuotaHistory;
  readonly live: LiveSettings;
  readonly room: Room;
  readonly housekeeping: Housekeeping;
  readonly upstreams: UpstreamSet;
  readonly repositories: RepositoryStore;
  readonly tags: TagStore;
  readonly blobs: BlobStore;
  readonly marks: PulledMarks;
  readonly leases: Leases;
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
  readonly zotData: ZotDataImport;
}

/** What the parts tell the mirror that hosts them. */
export interface PartsEvents {
  readonly contentChanged: (repository: string) => void;
  readonly upstreamsChanged: () => void;
  readonly policyChanged: () => void;
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
  const base = layoutOf(settings.dataDirectory, settings.storageDirectory);
  const lock = lockDataDirectory(base, settings.dataDirectory);
  let db: Database | undefined;
  try {
    mkdirSync(base.storage, { recursive: true });
    db = openDatabase(base.database);
    const layout = openVolumes(db, base, settings.storagePaths);
    for (const missing of layout.volumes.missing())
      log.warn('a directory of storagePaths is not there; what is in it is not served, and not forgotten', {
        ...missing,
      });
    const found = await cleanUpAfterCrash(db, layout, { now: clock.now(), partialMaxAgeMs });
    if (found.orphanBlobs + found.lostBlobs > 0)
      log.warn('the last stop was not a clean one; the store was put in order', { ...found });
    const audit = await openAudit(config, { clock, log, layout, db });
    return assemble(config, events, { clock, log, layout, lock, db, ...audit });
  } catch (error) {
    db?.close();
    lock.release();
    throw error;
  }
}

/** What is opened before anything is built on it. */
export type Opened = Pick<MirrorParts, 'clock' | 'log' | 'layout' | 'lock' | 'db' | 'audit' | 'proof'>;

/** Builds everything on what was opened; nothing is read or written yet. */
export function assemble(config: MirrorConfig, events: PartsEvents, opened: Opened): MirrorParts {
  const { clock, log, layout, db } = opened;
  const figures = openFigures(opened);
  const live = openLiveSettings(config, db);
  const stores = openStores(opened, live);
  const upstreams = openUpstreams(config, opened, { events, quotaHistory: figures.quotaHistory });
  const cacheEvents = cacheEventsOf(events, figures.activity, log);
  const room = openRoom({ ...opened, live, marks: stores.marks, contentChanged: events.contentChanged });
  const shared = {
    ...stores,
    room,
    upstreams,
    events: cacheEvents,
    clock,
    layout,
  };
  const hashes = new HashPool(Math.min(4, availableParallelism()));
  const changed = (repository: Repository): void => {
    cacheEvents.changed(repository);
  };
  const caches = openCaches(config, { ...shared, db, hashes, changed });
  const policy = openPolicy(config, opened, { ...stores, ...caches, upstreams }, () => {
    edges.hot.clear();
    events.policyChanged();
  });
  const edges = openRegistry(config, opened, {
    ...stores,
    ...policy,
    ...caches,
    upstreams,
    activity: figures.activity,
  });
  return {
    ...opened,
    live,
    room,
    housekeeping: openHousekeeping({
      ...opened,
      ...stores,
      ...caches,
      ...figures,
      room,
      live,
      contentChanged: events.contentChanged,
    }),
    ...figures,
    upstreams,
    ...stores,
    hashes,
    ...caches,
    ...policy,
    zotData: new ZotDataImport({ ...shared, ...caches, hashes }),
    ...edges,
  };
}

type CacheParts = ReturnType<typeof openStores> &
  Pick<MirrorParts, 'db' | 'layout' | 'clock' | 'upstreams' | 'hashes' | 'room'> & {
    readonly events: CacheEvents;
    readonly changed: (repository: Repository) => void;
  };

function openCaches(config: MirrorConfig, parts: CacheParts) {
  const admission = new Admission(parts);
  const removal = new Removal(parts.db, parts.layout, parts.leases);
  const uploads = new Uploads({
    ...parts,
    admission,
    store: new UploadStore(parts.db, parts.layout),
    expireAfterMs: config.settings.uploads.expireAfter,
  });
  return {
    admission,
    manifestCache: new ManifestCache({ ...parts, admission }),
    blobCache: new BlobCache(parts),
    discovery: new DiscoveryCache(parts),
    deletions: new Deletions({ ...parts, admission, removal, unlinking: new Unlinking(parts.db) }),
    uploads,
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

function openStores({ db, layout, clock }: Opened, live: LiveSettings) {
  return {
    repositories: new RepositoryStore(db),
    manifests: new ManifestStore(db),
    tags: new TagStore(db),
    answers: new AnswerStore(db),
    blobs: new BlobStore(db, layout),
    marks: new PulledMarks(db),
    leases: new Leases(clock, () => live.values.gc.delay),
  };
}

function openFigures({ db, clock, log }: Opened) {
  const onError = (error: MirrorError): void => {
    log.error(error.message, { error });
  };
  return { activity: new Activity({ db, clock, onError }), quotaHistory: new QuotaHistory({ db, clock, onError }) };
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
