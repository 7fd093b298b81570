import type { Dashboard, RequestRow, StreamEvent, UpstreamView } from '../../server/api/contract.ts';

/** How stream events change what is already on screen. PURE: old data and event in, new data out. */

/** Rows kept in the live feed; older ones are in the audit. */
export const feedLimit = 1000;

export interface RequestFeed {
  readonly requests: RequestRow[];
}

/** Puts newer rows on top, newest first, each id once, at most `feedLimit`. */
export function mergeRequests(feed: RequestFeed | undefined, rows: readonly RequestRow[]): RequestFeed {
  const known = new Map<string, RequestRow>();
  for (const row of feed?.requests ?? []) known.set(row.id, row);
  for (const row of rows) known.set(row.id, row);
  const requests = [...known.values()].sort((a, b) => b.at - a.at);
  return { requests: requests.slice(0, feedLimit) };
}

export interface UpstreamList {
  readonly upstreams: UpstreamView[];
  readonly locked: boolean;
}

/** Health by name replaces what the list shows; upstreams the list does not know are left to the next fetch. */
export function mergeUpstreamHealth(
  list: UpstreamList | undefined,
  event: StreamEvent<'upstreams'>,
): UpstreamList | undefined {
  if (list === undefined) return undefined;
  const health = new Map(event.upstreams.map((item) => [item.name, item.health]));
  return {
    ...list,
    upstreams: list.upstreams.map((item) => ({ ...item, health: health.get(item.name) ?? item.health })),
  };
}

/** The same for the dashboard's shorter list. */
export function mergeDashboardHealth(
  dashboard: Dashboard | undefined,
  event: StreamEvent<'upstreams'>,
): Dashboard | undefined {
  if (dashboard === undefined) return undefined;
  const health = new Map(event.upstreams.map((item) => [item.name, item.health]));
  return {
    ...dashboard,
    upstreams: dashboard.upstreams.map((item) => ({ ...item, health: health.get(item.name) ?? item.health })),
  };
}
