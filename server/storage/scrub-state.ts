import { z } from 'zod';
import type { SettingStore } from './setting-store.ts';

/** Where it is kept among the settings. */
const name = 'scrub.round';

const state = z.object({
  startedAt: z.number(),
  finishedAt: z.number().optional(),
  /** A person stopped it: it goes on when one starts it. */
  isStopped: z.boolean(),
  totalBlobs: z.number(),
  totalBytes: z.number(),
  /** Manifests up to this digest were proved; '~' comes after all of them. */
  manifestsTo: z.string(),
  /** When the last whole round ended. */
  lastFinishedAt: z.number().optional(),
  /** Why the round could not go on. */
  problem: z.string().optional(),
});

/** One round over everything stored. Times are milliseconds since the epoch; totals are those of its start. */
export type ScrubState = z.output<typeof state>;

/** Comes after every digest. */
export const afterManifests = '~';

/** The round as it was last noted; undefined before the first. */
export function readScrubState(store: SettingStore): ScrubState | undefined {
  const text = store.get(name);
  if (text === undefined) return undefined;
  const read = state.safeParse(JSON.parse(text));
  return read.success ? read.data : undefined;
}

/** Notes the round, so that it goes on after a restart. */
export function writeScrubState(store: SettingStore, round: ScrubState): void {
  store.set(name, JSON.stringify(round));
}
