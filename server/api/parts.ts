import type { Activity } from '../audit/activity.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { AuditForwarders } from '../audit/forward/forwarders.ts';
import type { IdentityKey } from '../audit/identity.ts';
import type { VerifyReport } from '../audit/verify.types.ts';
import type { BlobCache } from '../cache/blob-cache.ts';
import type { GarbageCollector } from '../cache/housekeeping.ts';
import type { HousekeepingLane } from '../cache/housekeeping-lane.ts';
import type { ManifestCache } from '../cache/manifest-cache.ts';
import type { Signatures } from '../cache/signatures.ts';
import type { PolicyGate } from '../cache/policy-gate.ts';
import type { Room } from '../cache/room.ts';
import type { Retention } from '../cache/retention.ts';
import type { Scrub } from '../cache/scrub.ts';
import type { Settings } from '../config/schema.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { PolicyStore } from '../policy/policy-store.ts';
import type { HotAnswers } from '../registry/hot-answers.ts';
import type { Namespaces } from '../registry/namespaces.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { Layout } from '../storage/layout.ts';
import type { Leases } from '../storage/leases.ts';
import type { LiveSettings } from '../storage/live-settings.ts';
import type { RepositoryStore } from '../storage/repository-store.ts';
import type { TagStore } from '../storage/tag-store.ts';
import type { QuotaHistory } from '../upstream/quota-history.ts';
import type { UpstreamSet } from '../upstream/upstream-set.ts';
import type { Status } from './contract.ts';
import type { RequestCounts } from './request-counts.ts';
import type { ZotDataImport } from './zot-data-import.ts';

/** The switches of the running mirror, as the window uses them. */
export interface MirrorControl {
  status(): Status;
  setServing(serving: boolean): Promise<void>;
  setOffline(offline: boolean): Promise<void>;
  /** Calls `listener` when the status changed, at most every 250 ms; returns the way to stop. */
  onStatus(listener: (status: Status) => void): () => void;
  /** Calls `listener` with names of repositories whose content changed, at most every 250 ms. */
  onCacheChange(listener: (repositories: readonly string[]) => void): () => void;
  /** Must be called after content of a repository was changed or deleted: forgets warm answers and tells the windows. */
  contentChanged(repository: string): void;
}

/** Everything the admin API stands on; built once by `app.ts`. */
export interface AdminParts {
  readonly settings: Settings;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly db: Database;
  readonly layout: Layout;
  /** Housekeeping's settings, which the window may change. */
  readonly live: LiveSettings;
  readonly upstreams: UpstreamSet;
  readonly namespaces: Namespaces;
  readonly repositories: RepositoryStore;
  readonly tags: TagStore;
  readonly policy: PolicyStore;
  /** The policy over the content that is here. */
  readonly gate: PolicyGate;
  readonly signatures: Signatures;
  readonly blobs: BlobStore;
  /** What clients were told is here. */
  readonly leases: Leases;
  readonly manifestCache: ManifestCache;
  readonly blobCache: BlobCache;
  readonly hot: HotAnswers;
  readonly audit: AuditLog;
  /** What proves the log, and who else gets it. */
  readonly proof: {
    readonly identity: IdentityKey;
    readonly forwarders: AuditForwarders;
    verify(signal: AbortSignal): Promise<VerifyReport>;
  };
  readonly activity: Activity;
  readonly quotaHistory: QuotaHistory;
  /** Told of each recorded request beside `activity.noteRequest`. */
  readonly requestCounts: RequestCounts;
  readonly zotData: ZotDataImport;
  readonly housekeeping: {
    readonly scrub: Scrub;
    readonly gc: GarbageCollector;
    readonly retention: Retention;
    readonly lane: HousekeepingLane;
    readonly roomKeeping: { tidy(): Promise<void> };
  };
  readonly room: Room;
  readonly control: MirrorControl;
  /** Folder of the window's built files; absent when it is not built. */
  readonly rendererDirectory: string | undefined;
}
