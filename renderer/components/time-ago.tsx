import { useSyncExternalStore } from 'react';
import { formatDateTime, formatRelative } from '../format.ts';

/** One ticking clock for the whole window. */
const tickMs = 5000;
const listeners = new Set<() => void>();
let now = Date.now();
let timer: number | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= window.setInterval(() => {
    now = Date.now();
    for (const notify of listeners) notify();
  }, tickMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    window.clearInterval(timer);
    timer = undefined;
  };
}

/** The time, in ms since the epoch, moving every five seconds. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** A moment relative to now, with date and time on hover. */
export function TimeAgo({ at }: { readonly at: number | undefined }) {
  const current = useNow();
  if (at === undefined) return <span className="muted">never</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={formatDateTime(at)}>
      {formatRelative(at, Math.max(current, Math.min(at, Date.now())))}
    </time>
  );
}
