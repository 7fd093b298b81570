import { formatArtifactName } from './oci/reference.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { HousekeepingLane } from './cache/housekeeping-lane.ts';
import { Room } from './cache/room.ts';
import type { RoomLimit } from './cache/room.ts';
import type { Database } from './db/database.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { Eviction } from './storage/eviction.ts';
import type { Evicted } from './storage/eviction.ts';
import type { Layout } from './storage/layout.ts';
import type { LiveSettings } from './storage/live-settings.ts';
import type { PulledMarks } from './storage/pulled-marks.ts';
import { UsedBytes } from './storage/used-bytes.ts';

export interface RoomHost {
  readonly db: Database;
  readonly layout: Layout;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: AuditLog;
  readonly live: LiveSettings;
  readonly marks: PulledMarks;
  /** Told of each repository that lost content. */
  readonly contentChanged: (repository: string) => void;
}

/** What came in beside the caches (an import, a lower cap in the settings file) is noticed after this at the latest. */
const lookEveryMs = 30_000;

const reasons: Readonly<Record<RoomLimit, string>> = {
  cap: 'evicted: the storage cap needed room',
  floor: 'evicted: the disk was nearly full',
};

/** Builds the room that everything kept has to find. */
export function openRoom({ db, layout, clock, log, audit, live, marks, contentChanged }: RoomHost): Room {
  return new Room({
    used: new UsedBytes(db, layout),
    eviction: new Eviction(db, layout, clock),
    live,
    layout,
    clock,
    flushMarks: () => {
      marks.flush();
    },
    warn: (message, detail) => {
      log.warn(message, detail);
    },
    evicted: (gone, why) => {
      for (const repository of new Set(gone.map((one) => one.repository))) contentChanged(repository);
      for (const one of gone) recordEviction(audit, clock.now(), one, why);
    },
  });
}

function recordEviction(audit: AuditLog, at: number, gone: Evicted, why: RoomLimit): void {
  const last =
    gone.lastPulledAt === undefined
      ? `came ${new Date(gone.firstSeenAt).toISOString()}, never pulled since`
      : `last pulled ${new Date(gone.lastPulledAt).toISOString()}`;
  for (const [index, reference] of gone.references.entries())
    audit.record({
      event: 'artifact_delete',
      at,
      artifact: formatArtifactName(gone.repository, reference),
      clientIp: '',
      user: 'housekeeping',
      digest: gone.digest,
      cached: false,
      outcome: 'ok',
      requestId: '',
      detail: `${reasons[why]}; ${last}; ${String(index === 0 ? gone.bytes : 0)} bytes freed`,
    });
}

/** Brings what is kept under the limits when they change, and now and then. */
export class RoomKeeping {
  readonly #room: Room;
  readonly #host: Pick<RoomHost, 'live' | 'clock' | 'log'>;
  readonly #lane: HousekeepingLane;
  readonly #stops: (() => void)[] = [];
  #running: Promise<void> | undefined;

  constructor(room: Room, host: Pick<RoomHost, 'live' | 'clock' | 'log'>, lane: HousekeepingLane) {
    this.#room = room;
    this.#host = host;
    this.#lane = lane;
  }

  /** Counts what is there, and looks after it from now on. */
  start(): void {
    const { live, clock } = this.#host;
    let limits = limitsOf(live);
    this.#stops.push(
      live.onChange(() => {
        const now = limitsOf(live);
        if (now === limits) return;
        limits = now;
        void this.tidy();
      }),
      clock.every(lookEveryMs, () => {
        if (this.#room.isOverCap) void this.tidy();
      }),
    );
    if (this.#room.isOverCap) void this.tidy();
  }

  /** Evicts until the limits are kept; resolves when they are, or can't be. */
  tidy(): Promise<void> {
    this.#running ??= this.#lane
      .run('eviction', (tell) => this.#room.tidy(tell))
      .catch((error: unknown) => {
        this.#host.log.warn('what is kept could not be brought under its limits; it is tried again', { error });
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  /** Resolves when nothing of it is under way. */
  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    this.#room.stop();
    await this.#running;
  }
}

function limitsOf({ values }: LiveSettings): string {
  return `${String(values.storageCap)} ${String(values.freeSpaceFloor)}`;
}
