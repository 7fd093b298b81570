import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type CollectGarbage = (options: {
  readonly type: 'major';
  readonly execution: 'sync';
  readonly flavor: 'last-resort';
}) => void;

/**
 * Gives back to the machine what the engine took for a start and does not need any more (some 8 MiB). It stops the thread
 * for the time of a full collection, so it is for a moment in which nobody waits. False where the engine offers no way.
 */
export function releaseUnusedMemory(): boolean {
  try {
    // V8 has no other way to be asked for it while it runs
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    if (!isCollect(collect)) return false;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    return true;
  } catch {
    return false;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}

function isCollect(value: unknown): value is CollectGarbage {
  return typeof value === 'function';
}
