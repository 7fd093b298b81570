import type { Activity } from './audit/activity.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { AuditEventName, Outcome } from './audit/events.ts';
import type { BlobCache } from './cache/blob-cache.ts';
import type { ManifestCache } from './cache/manifest-cache.ts';
import { Repair } from './cache/repair.ts';
import { Scrub } from './cache/scrub.ts';
import type { Database } from './db/database.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import type { BlobStore } from './storage/blob-store.ts';
import type { Layout } from './storage/layout.ts';
import type { LiveSettings } from './storage/live-settings.ts';
import type { RepositoryStore } from './storage/repository-store.ts';
import { blocksRead } from './storage/shared-reader.ts';

/** What the scrub stands on. */
export interface ScrubHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly db: Database;
  readonly layout: Layout;
  readonly audit: AuditLog;
  readonly activity: Activity;
  readonly live: LiveSettings;
  readonly blobs: BlobStore;
  readonly repositories: RepositoryStore;
  readonly blobCache: BlobCache;
  readonly manifestCache: ManifestCache;
  /** Content of a repository changed: warm answers go, windows are told. */
  readonly contentChanged: (repository: string) => void;
}

/** Builds the scrub; it does nothing by itself before it is scheduled. */
export function openScrub(host: ScrubHost): Scrub {
  const { log } = host;
  return new Scrub({
    ...host,
    repair: new Repair(host),
    isBusy: trafficWatch(host),
    events: {
      damaged: ({ digest, repositories }, finding) => {
        log.error('stored content is damaged; it is not served any more', { digest, finding, repositories });
        const where = repositories.slice(0, 3).join(', ');
        record(host, { event: 'blob_damaged', digest, outcome: 'failed', detail: `${finding}; held by ${where}` });
        for (const name of repositories) host.contentChanged(name);
      },
      repaired: (digest) => {
        log.info('damaged content is whole again', { digest });
        record(host, { event: 'blob_repaired', digest, outcome: 'ok', detail: 'whole again, and proved' });
      },
      warn: (message, detail) => {
        log.warn(message, detail);
      },
    },
  });
}

/** Whether bytes went to clients or came from upstreams since it was last asked: a client that dawdles holds nothing up. */
function trafficWatch({ activity }: ScrubHost): () => boolean {
  let before = 0;
  return () => {
    const now = blocksRead() + activity.totals().bytesFetched;
    const isMoving = now !== before;
    before = now;
    return isMoving;
  };
}

interface Happened {
  readonly event: AuditEventName;
  readonly digest: string;
  readonly outcome: Outcome;
  readonly detail: string;
}

function record({ audit, clock }: ScrubHost, happened: Happened): void {
  audit.record({
    ...happened,
    at: clock.now(),
    artifact: happened.digest,
    clientIp: '',
    user: 'housekeeping',
    cached: true,
    requestId: '',
  });
}
