import { useEffect, useSyncExternalStore } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import type { QueryClient } from '@tanstack/react-query';
import { streamEvents } from '../../server/api/contract.ts';
import type { StreamEvent, StreamEventName } from '../../server/api/contract.ts';
import { mergeDashboardHealth, mergeRequests, mergeUpstreamHealth } from './live.ts';
import { keys } from './queries.ts';

/** Whether live updates arrive: `waiting` before the first contact, `lost` while the stream is being taken up again. */
export type StreamState = 'waiting' | 'live' | 'lost';

const streamPath = '/api/v1/events';
/** First wait before a new attempt, doubled up to the limit. */
const firstRetryMs = 1000;
const retryLimitMs = 15_000;
/** Changes of the cache are shown at most this often, so that a busy pull does not refetch the tree all the time. */
const cacheRefreshMs = 1000;

let streamState: StreamState = 'waiting';
const stateListeners = new Set<() => void>();
type StepListener = (event: StreamEvent<'upstream-test'>) => void;
const stepListeners = new Set<StepListener>();

function setStreamState(state: StreamState): void {
  if (state === streamState) return;
  streamState = state;
  for (const listener of stateListeners) listener();
}

/** The state of the event stream, for the header. */
export function useStreamState(): StreamState {
  return useSyncExternalStore(
    (listener) => {
      stateListeners.add(listener);
      return () => stateListeners.delete(listener);
    },
    () => streamState,
  );
}

/** Calls `listener` with every step of a running upstream test; returns the way to stop. */
export function onTestStep(listener: StepListener): () => void {
  stepListeners.add(listener);
  return () => stepListeners.delete(listener);
}

/** Keeps the query cache up to date from the event stream while the window is open. */
export function useLiveUpdates(): void {
  const client = useQueryClient();
  useEffect(() => openStream(client), [client]);
}

function openStream(client: QueryClient): () => void {
  let source: EventSource | undefined;
  let timer: number | undefined;
  let retryMs = firstRetryMs;
  const cache = cacheRefresher(client);

  const connect = (): void => {
    source = new EventSource(streamPath);
    listenTo(source, client, cache.changed);
    source.onopen = () => {
      if (streamState === 'lost') void client.invalidateQueries();
      retryMs = firstRetryMs;
      setStreamState('live');
    };
    source.onerror = () => {
      setStreamState('lost');
      // The browser tries again by itself unless the answer was final; then a new stream is needed.
      if (source?.readyState !== EventSource.CLOSED) return;
      timer = window.setTimeout(connect, retryMs);
      retryMs = Math.min(retryMs * 2, retryLimitMs);
    };
  };

  connect();
  return () => {
    window.clearTimeout(timer);
    cache.stop();
    source?.close();
    setStreamState('waiting');
  };
}

function listenTo(source: EventSource, client: QueryClient, cacheChanged: () => void): void {
  on(source, 'status', (event) => client.setQueryData(keys.status, event));
  on(source, 'requests', (event) => {
    client.setQueryData(keys.requests, (feed: Parameters<typeof mergeRequests>[0]) => mergeRequests(feed, event.rows));
  });
  on(source, 'upstreams', (event) => {
    client.setQueryData(keys.upstreams, (list: Parameters<typeof mergeUpstreamHealth>[0]) =>
      mergeUpstreamHealth(list, event),
    );
    client.setQueriesData({ queryKey: keys.dashboard }, (dashboard: Parameters<typeof mergeDashboardHealth>[0]) =>
      mergeDashboardHealth(dashboard, event),
    );
  });
  on(source, 'cache', () => {
    cacheChanged();
  });
  on(source, 'upstream-test', (event) => {
    for (const listener of stepListeners) listener(event);
  });
}

function on<N extends StreamEventName>(source: EventSource, name: N, handle: (event: StreamEvent<N>) => void): void {
  source.addEventListener(name, (message: MessageEvent<string>) => {
    const parsed = streamEvents[name].safeParse(JSON.parse(message.data));
    // An event of a newer server is skipped: the next ordinary fetch shows what it meant.
    if (parsed.success) handle(parsed.data as StreamEvent<N>);
  });
}

function cacheRefresher(client: QueryClient): { changed: () => void; stop: () => void } {
  let timer: number | undefined;
  const refresh = (): void => {
    timer = undefined;
    void client.invalidateQueries({ queryKey: keys.cache });
  };
  return {
    changed: () => {
      timer ??= window.setTimeout(refresh, cacheRefreshMs);
    },
    stop: () => {
      window.clearTimeout(timer);
    },
  };
}
