import { z } from 'zod';
import { size } from '../config/quantities.ts';
import { retentionRule } from '../config/schema.ts';

/**
 * Routes of the Storage page and its commands: the cap, what goes next, garbage collection, retention rules, the scrub.
 * Times are milliseconds since the epoch, sizes bytes; settings are text, as a person writes them.
 */

/** What housekeeping removes or removed. */
export const removalList = z.object({
  items: z
    .array(z.object({ name: z.string(), why: z.string(), bytes: z.number() }))
    .describe('repository:tag, repository@digest or "blob sha256:…", and why; at most 1000.'),
  itemsTotal: z.number(),
  freedBytes: z.number().describe('Bytes on the disk that become, or became, free.'),
});

/** The settings of housekeeping that the window changes. */
export const storageSettings = z.object({
  storageCap: z.string().describe('"0 B" is no cap.'),
  freeSpaceFloor: z.string(),
  historyKeepFor: z.string(),
  gcEvery: z.string(),
  gcDelay: z.string(),
  scrubEvery: z.string(),
  scrubRate: z.string().describe('Bytes per second.'),
});

export const evictionRow = z.object({
  repository: z.string(),
  references: z.array(z.string()).describe('Its tags; of a manifest without one, its digest.'),
  digest: z.string(),
  lastPulledAt: z.number().optional(),
  firstSeenAt: z.number(),
  bytes: z.number().describe('Bytes that its going frees, after all before it in this list are gone.'),
});

export const housekeepingState = z.object({
  running: z
    .object({
      task: z.enum(['gc', 'retention', 'eviction', 'scrub']),
      startedAt: z.number(),
      done: z.number(),
      total: z.number().optional(),
    })
    .optional(),
  last: z
    .object({
      startedAt: z.number(),
      finishedAt: z.number(),
      freedBytes: z.number(),
      itemsTotal: z.number(),
      error: z.string().optional(),
    })
    .optional()
    .describe('The last garbage collection.'),
  nextAt: z.number().optional(),
});

export const storageView = z.object({
  contentBytes: z.number().describe('All blob files.'),
  cachedBytes: z.number().describe('Blobs of content from upstreams, without those that pushed content shares.'),
  pushedBytes: z.number().describe('Blobs of pushed content.'),
  keptBytes: z.number().describe('Blobs that only earlier or deleted content needs, kept to be rolled back to.'),
  pinnedBytes: z.number().describe('Blobs of pinned content.'),
  incomingBytes: z.number().describe('Downloads and uploads under way, or broken off.'),
  usedBytes: z.number().describe('What counts against the cap: all blobs, and what is incoming.'),
  refusal: z
    .object({ limit: z.enum(['cap', 'floor']), at: z.number() })
    .optional()
    .describe('The last blob found no room because of this; absent when it found room.'),
  evictedBytes: z.number().describe('Since the start.'),
  evictedImages: z.number(),
  capBytes: z.number().describe('0 is no cap.'),
  floorBytes: z.number(),
  freeBytes: z.number(),
  totalBytes: z.number(),
  settings: storageSettings,
  locked: z.array(z.string()).describe('Names of the settings above that a flag or the settings file gives.'),
  housekeeping: housekeepingState,
});

export const scrubView = z.object({
  running: z.boolean(),
  startedAt: z.number().optional(),
  checkedBlobs: z.number().describe('Of this round.'),
  totalBlobs: z.number(),
  checkedBytes: z.number(),
  totalBytes: z.number(),
  lastFinishedAt: z.number().optional(),
  nextAt: z.number().optional(),
  problem: z.string().optional().describe('Why the round could not go on; it is tried again in an hour.'),
  unrepaired: z.number().describe('How much is damaged and not repaired.'),
  damaged: z
    .array(
      z.object({
        digest: z.string(),
        kind: z.enum(['blob', 'manifest']),
        size: z.number(),
        foundAt: z.number(),
        reason: z.string().describe('missing, wrong size, wrong bytes or unreadable.'),
        repairedAt: z.number().optional().describe('Fetched again from an upstream, or pushed again, then.'),
        problem: z.string().optional().describe('Why it could not be fetched again.'),
        breaks: z.array(z.string()).describe('repository:tag or repository@digest that need it, at most 100.'),
      }),
    )
    .describe('What is not repaired first, then the most recent; at most 200.'),
});

export const retentionView = z.object({
  rules: z.array(z.unknown()).describe('As a person writes them: durations are text.'),
  sentences: z.array(z.string()).describe('The same in words, one for each.'),
  locked: z.boolean().describe('True when the settings file gives them.'),
});

export const retentionResult = removalList.extend({
  freedBytes: z.number().describe('Bytes that become free when it can no longer be undone.'),
  keptUntil: z.number().optional().describe('Until when it can be undone; absent when nothing goes.'),
  keptTags: z.number().describe('Tags that stay, of the repositories that rules name.'),
  kept: z.array(z.object({ name: z.string(), why: z.string() })).describe('Some of these; at most 1000.'),
  sentences: z.array(z.string()).describe('The rules in words, one for each.'),
  warnings: z.array(z.string()).describe('What to know first, such as a rule that keeps nothing.'),
});

const nothing = { query: z.object({}), body: z.undefined() } as const;

export const storageRoutes = {
  getStorage: { method: 'GET', path: '/api/v1/storage', ...nothing, response: storageView },
  setStorage: {
    method: 'PUT',
    path: '/api/v1/storage',
    query: z.object({}),
    body: storageSettings.partial().strict(),
    response: storageView,
  },
  listEvictions: {
    method: 'GET',
    path: '/api/v1/storage/evictions',
    query: z.object({
      cap: size.optional().describe('What would go at once under this cap; without cap and floor: what goes next.'),
      floor: size.optional().describe('What would go at once with this free-space floor.'),
      limit: z.coerce.number().int().min(1).max(1000).default(50),
    }),
    body: z.undefined(),
    response: z.object({
      rows: z.array(evictionRow),
      total: z.number().describe('Images counted; there may be more rows than the limit.'),
      bytes: z.number().describe('Bytes on the disk that all of them free.'),
      more: z.boolean().describe('True when counting stopped and there are more.'),
      shortBytes: z.number().describe('Bytes by which the cap is missed although all that may go is gone.'),
    }),
  },
} as const;

export const gcRoutes = {
  collectGarbage: {
    method: 'POST',
    path: '/api/v1/storage/gc',
    query: z.object({}),
    body: z.object({ dryRun: z.boolean().default(false) }),
    response: removalList.extend({
      postponedUntil: z
        .number()
        .optional()
        .describe('Until then only leftover files go: what clients were told before the last start is not known.'),
    }),
  },
  getGarbage: { method: 'GET', path: '/api/v1/storage/gc', ...nothing, response: housekeepingState },
} as const;

export const retentionRoutes = {
  getRetention: { method: 'GET', path: '/api/v1/storage/retention', ...nothing, response: retentionView },
  setRetention: {
    method: 'PUT',
    path: '/api/v1/storage/retention',
    query: z.object({}),
    body: z.object({ rules: z.array(retentionRule) }),
    response: retentionView,
  },
  applyRetention: {
    method: 'POST',
    path: '/api/v1/storage/retention/apply',
    query: z.object({}),
    body: z.object({
      dryRun: z.boolean().default(false),
      rules: z.array(retentionRule).optional().describe('With dryRun: what these would do, before they are saved.'),
    }),
    response: retentionResult,
  },
} as const;

export const scrubRoutes = {
  getScrub: { method: 'GET', path: '/api/v1/storage/scrub', ...nothing, response: scrubView },
  startScrub: {
    method: 'POST',
    path: '/api/v1/storage/scrub',
    query: z.object({}),
    body: z.object({
      wait: z.boolean().default(false).describe('Answer when the round is finished.'),
      rate: size.optional().describe('Bytes per second for this round, such as "200 MiB"; "0 B" is no limit.'),
    }),
    response: scrubView,
  },
  stopScrub: {
    method: 'POST',
    path: '/api/v1/storage/scrub/stop',
    query: z.object({}),
    body: z.object({}),
    response: scrubView,
  },
  repairDamaged: {
    method: 'POST',
    path: '/api/v1/storage/scrub/repair',
    query: z.object({}),
    body: z.object({}),
    response: scrubView,
  },
} as const;
