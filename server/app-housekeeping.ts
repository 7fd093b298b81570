import { RoomKeeping } from './app-room.ts';
import { openScrub } from './app-scrub.ts';
import type { ScrubHost } from './app-scrub.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { BlobCache } from './cache/blob-cache.ts';
import { GarbageCollector } from './cache/housekeeping.ts';
import { HousekeepingLane } from './cache/housekeeping-lane.ts';
import { Retention } from './cache/retention.ts';
import type { Room } from './cache/room.ts';
import type { Scrub } from './cache/scrub.ts';
import type { Uploads } from './cache/uploads.ts';
import type { Log } from './lib/log.ts';
import type { Leases } from './storage/leases.ts';
import type { PulledMarks } from './storage/pulled-marks.ts';

/** What keeps the store in order, and what the admin API asks of it. */
export interface Housekeeping {
  readonly lane: HousekeepingLane;
  readonly scrub: Scrub;
  readonly gc: GarbageCollector;
  readonly retention: Retention;
  readonly roomKeeping: RoomKeeping;
}

/** What all of it stands on. */
export interface HousekeepingHost extends ScrubHost {
  readonly audit: AuditLog;
  readonly log: Log;
  readonly leases: Leases;
  readonly marks: PulledMarks;
  readonly blobCache: BlobCache;
  readonly uploads: Uploads;
  readonly room: Room;
}

/** Builds what keeps the store in order; nothing runs by itself before `startHousekeeping`. */
export function openHousekeeping(host: HousekeepingHost): Housekeeping {
  const lane = new HousekeepingLane(host.clock);
  const retention = new Retention({ ...host, lane, changed: host.contentChanged });
  return {
    lane,
    scrub: openScrub(host),
    retention,
    gc: openCollector(host, lane, retention),
    roomKeeping: new RoomKeeping(host.room, host, lane),
  };
}

/** From now on it runs by itself. */
export function startHousekeeping({ scrub, gc, roomKeeping }: Housekeeping): void {
  scrub.schedule();
  gc.start();
  roomKeeping.start();
}

/** Ends what is under way, at the latest before the database is closed; it may be called again. */
export async function stopHousekeeping({ scrub, gc, retention, roomKeeping }: Housekeeping): Promise<void> {
  await Promise.all([scrub.close(), gc.stop(), retention.stop(), roomKeeping.close()]);
}

function openCollector(host: HousekeepingHost, lane: HousekeepingLane, retention: Retention): GarbageCollector {
  return new GarbageCollector({
    ...host,
    lane,
    isDownloading: (digest) => host.blobCache.isDownloading(digest),
    isUploading: (id) => host.uploads.isUploading(id),
    changed: host.contentChanged,
    before: () => retention.apply(),
  });
}
