import { formatDuration, formatSize } from '../../config/quantities.ts';
import { settings as schema } from '../../config/schema.ts';
import { ConfigError } from '../../errors.ts';
import { within } from '../../lib/concurrency.ts';
import { diskSpace } from '../../lib/files.ts';
import type { LiveName } from '../../storage/live-settings.ts';
import { StorageUse } from '../../storage/storage-use.ts';
import type { Admin, Handlers } from '../call.ts';
import { recordChange } from '../change-record.ts';
import type { RouteBody, RouteResponse } from '../contract.ts';
import type { AdminParts } from '../parts.ts';

type Shown = RouteResponse<'getStorage'>['settings'];
type Written = RouteBody<'setStorage'>;

/** An eviction that takes longer goes on after the answer. */
const waitMs = 3000;
/** Images a preview names and counts at most; each costs a fraction of a millisecond. */
const previewImages = 5000;

/** In which live setting each of them is. */
const homes: Readonly<Record<keyof Shown, LiveName>> = {
  storageCap: 'storageCap',
  freeSpaceFloor: 'freeSpaceFloor',
  historyKeepFor: 'history',
  gcEvery: 'gc',
  gcDelay: 'gc',
  scrubEvery: 'scrub',
  scrubRate: 'scrub',
};

/** What fills the disk, what bounds it, and what goes next. */
export function storageRoutes({ parts }: Admin): Pick<Handlers, 'getStorage' | 'setStorage' | 'listEvictions'> {
  const use = new StorageUse(parts.db, parts.clock);
  return {
    getStorage: () => storageView(parts, use),

    setStorage: async ({ body, actor }) => {
      const before = shownSettings(parts);
      change(parts, body);
      const after = shownSettings(parts);
      for (const name of Object.keys(after) as (keyof Shown)[]) {
        if (before[name] !== after[name])
          recordChange(parts, actor, {
            event: 'config_change',
            subject: name,
            detail: `${before[name]} became ${after[name]}`,
          });
      }
      await within(parts.housekeeping.roomKeeping.tidy(), waitMs);
      return storageView(parts, use);
    },

    listEvictions: async ({ query }) => evictions(parts, query),
  };
}

async function evictions(
  { room, live }: AdminParts,
  {
    cap,
    floor,
    limit,
  }: { readonly cap?: number | undefined; readonly floor?: number | undefined; readonly limit: number },
): Promise<RouteResponse<'listEvictions'>> {
  const isNext = cap === undefined && floor === undefined;
  const limits = isNext
    ? undefined
    : { storageCap: cap ?? live.values.storageCap, freeSpaceFloor: floor ?? live.values.freeSpaceFloor };
  // what goes next is only named; one more tells whether there is more
  const found = await room.preview(limits, isNext ? limit + 1 : previewImages);
  const named = found.evicted.slice(0, limit);
  const counted = isNext ? named : found.evicted;
  return {
    rows: named.map((one) => ({ ...one, references: [...one.references] })),
    total: counted.length,
    bytes: counted.reduce((sum, one) => sum + one.bytes, 0),
    more: isNext ? found.evicted.length > limit : !found.isComplete,
    shortBytes: found.shortBytes,
  };
}

async function storageView(parts: AdminParts, use: StorageUse): Promise<RouteResponse<'getStorage'>> {
  const { room, blobs, layout, live, housekeeping } = parts;
  const [figures, space] = await Promise.all([use.figures(), diskSpace(layout.storage)]);
  const { capBytes, floorBytes, usedBytes, incomingBytes, evictedBytes, evictedItems, pushedBytes, refusal } =
    room.state;
  const contentBytes = blobs.totalBytes();
  return {
    contentBytes,
    cachedBytes: contentBytes - pushedBytes,
    pushedBytes,
    ...figures,
    incomingBytes,
    usedBytes,
    refusal,
    evictedBytes,
    evictedImages: evictedItems,
    capBytes,
    floorBytes,
    ...space,
    settings: shownSettings(parts),
    locked: (Object.keys(homes) as (keyof Shown)[]).filter((name) => live.isLocked(homes[name])),
    housekeeping: { running: housekeeping.lane.progress, last: housekeeping.gc.last, nextAt: housekeeping.gc.nextAt },
  };
}

function shownSettings({ live }: AdminParts): Shown {
  const { storageCap, freeSpaceFloor, history, gc, scrub } = live.values;
  return {
    storageCap: formatSize(storageCap),
    freeSpaceFloor: formatSize(freeSpaceFloor),
    historyKeepFor: formatDuration(history.keepFor),
    gcEvery: formatDuration(gc.every),
    gcDelay: formatDuration(gc.delay),
    scrubEvery: formatDuration(scrub.every),
    scrubRate: formatSize(scrub.rate),
  };
}

/** Keeps all of them, or none when one is wrong or locked. @throws ConfigError (CONFIG_INVALID) */
function change(parts: AdminParts, written: Written): void {
  const { live } = parts;
  const all = { ...shownSettings(parts), ...written };
  const inputs = {
    storageCap: all.storageCap,
    freeSpaceFloor: all.freeSpaceFloor,
    history: { keepFor: all.historyKeepFor },
    gc: { every: all.gcEvery, delay: all.gcDelay },
    scrub: { every: all.scrubEvery, rate: all.scrubRate },
  };
  const named = (Object.keys(written) as (keyof Shown)[]).filter((name) => written[name] !== undefined);
  const touched = new Set(named.map((name) => homes[name]));
  const problems: string[] = [];
  for (const name of named) {
    if (live.isLocked(homes[name])) problems.push(`${name} is given by a flag or the settings file; change it there.`);
  }
  for (const home of Object.keys(inputs) as (keyof typeof inputs)[]) {
    const read = schema.shape[home].safeParse(inputs[home]);
    if (touched.has(home) && !read.success)
      problems.push(...read.error.issues.map((issue) => `${[home, ...issue.path].join('.')}: ${issue.message}.`));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  for (const home of Object.keys(inputs) as (keyof typeof inputs)[])
    if (touched.has(home)) live.set(home, inputs[home]);
}
