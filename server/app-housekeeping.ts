import { HousekeepingLane } from './cache/housekeeping-lane.ts';
import type { Clock } from './lib/clock.ts';

/** What keeps the store in order, and what the admin API asks of it. */
export interface Housekeeping {
  readonly lane: HousekeepingLane;
}

/** Builds what keeps the store in order; nothing runs by itself before `startHousekeeping`. */
export function openHousekeeping(parts: { readonly clock: Clock }): Housekeeping {
  return { lane: new HousekeepingLane(parts.clock) };
}
