import type { Server } from 'node:http';
import type { Clock } from '../lib/clock.ts';

/** How often it is looked whether nobody is connected. */
const lookEveryMs = 1500;

/** Calls `work` once, as soon as nobody is connected to the door, but not at once; returns the way to give that up. */
export function whenQuiet(door: Server, clock: Clock, work: () => void): () => void {
  const stop = clock.every(lookEveryMs, () => {
    door.getConnections((error, count) => {
      if (error !== null || count > 0 || isDone) return;
      isDone = true;
      stop();
      work();
    });
  });
  let isDone = false;
  return () => {
    isDone = true;
    stop();
  };
}
