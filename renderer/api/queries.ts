import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQueries,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import type { QueryKey } from '@tanstack/react-query';
import type { RouteBody, RouteName, RouteQuery, RouteResponse } from '../../server/api/contract.ts';
import { call } from './client.ts';
import type { CallInput } from './client.ts';
import { mergeRequests } from './live.ts';
import type { RequestFeed } from './live.ts';

/** Names under which answers are kept; events and mutations refer to them. */
export const keys = {
  status: ['status'],
  dashboard: ['dashboard'],
  requests: ['requests'],
  audit: ['audit'],
  upstreams: ['upstreams'],
  match: ['match'],
  cache: ['cache'],
} as const satisfies Record<string, QueryKey>;

/** Counters move while nobody looks at a row; the plots are refetched at this pace. */
const dashboardRefreshMs = 5000;
/** When no event tells otherwise, the status is asked for at this pace, so that a dead server is noticed. */
const statusRefreshMs = 10_000;
const auditPage = 100;
const repositoryPage = 200;

/** What the mirror says about itself; kept fresh by the event stream. */
export function useStatus() {
  return useQuery({
    queryKey: keys.status,
    queryFn: ({ signal }) => call('getStatus', { signal }),
    refetchInterval: statusRefreshMs,
  });
}

export type DashboardRange = NonNullable<RouteQuery<'getDashboard'>['range']>;

/** Figures and series of the dashboard for a range. */
export function useDashboard(range: DashboardRange) {
  return useQuery({
    queryKey: [...keys.dashboard, range],
    queryFn: ({ signal }) => call('getDashboard', { query: { range }, signal }),
    refetchInterval: dashboardRefreshMs,
    placeholderData: keepPreviousData,
  });
}

/** The newest requests; the event stream adds to them. */
export function useRequestFeed() {
  return useQuery({
    queryKey: keys.requests,
    // Events may have come before or during this call: what they brought stays.
    queryFn: async ({ signal, client }): Promise<RequestFeed> => {
      const { requests } = await call('listRequests', { query: { limit: 500 }, signal });
      return mergeRequests(client.getQueryData<RequestFeed>(keys.requests), requests);
    },
    staleTime: 0,
  });
}

export type AuditFilter = Pick<RouteQuery<'searchAudit'>, 'text' | 'outcome' | 'event' | 'digest'>;

/** The audit, newest first, page by page. */
export function useAudit(filter: AuditFilter) {
  return useInfiniteQuery({
    queryKey: [...keys.audit, filter],
    queryFn: ({ pageParam, signal }) =>
      call('searchAudit', {
        query: { ...filter, limit: auditPage, ...(pageParam === undefined ? {} : { before: pageParam }) },
        signal,
      }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
}

/** All upstreams with their settings and health. */
export function useUpstreams() {
  return useQuery({ queryKey: keys.upstreams, queryFn: ({ signal }) => call('listUpstreams', { signal }) });
}

/** Which rule a reference is mapped by; asks only when there is one. */
export function useMatch(query: RouteQuery<'matchReference'>) {
  return useQuery({
    queryKey: [...keys.match, query],
    queryFn: ({ signal }) => call('matchReference', { query, signal }),
    enabled: query.reference !== '',
    retry: false,
  });
}

export type RepositoryFilter = Pick<RouteQuery<'listRepositories'>, 'text' | 'upstream' | 'sort'>;

/** Repositories held, page by page. */
export function useRepositories(filter: RepositoryFilter) {
  return useInfiniteQuery({
    queryKey: [...keys.cache, 'repositories', filter],
    queryFn: ({ pageParam, signal }) =>
      call('listRepositories', {
        query: { ...filter, limit: repositoryPage, ...(pageParam === undefined ? {} : { after: pageParam }) },
        signal,
      }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
}

/** Content of each of the repositories that are unfolded, by name. */
export function useRepositoryContents(names: readonly string[]) {
  return useQueries({
    queries: names.map((repository) => ({
      queryKey: [...keys.cache, 'repository', repository],
      queryFn: ({ signal }: { signal: AbortSignal }) => call('getRepository', { query: { repository }, signal }),
    })),
    combine: (results) => new Map(names.map((name, index) => [name, results[index]])),
  });
}

/** One manifest in full. */
export function useManifest(query: RouteQuery<'getManifest'>) {
  return useQuery({
    queryKey: [...keys.cache, 'manifest', query],
    queryFn: ({ signal }) => call('getManifest', { query, signal }),
  });
}

/** What a deletion would free; asked anew each time the question is opened. */
export function useDeletePreviews(targets: readonly RouteQuery<'previewDelete'>[]) {
  return useQueries({
    queries: targets.map((query) => ({
      // apart from the cache's own keys: while things are being deleted the question is not asked again
      queryKey: ['delete-preview', query],
      queryFn: ({ signal }: { signal: AbortSignal }) => call('previewDelete', { query, signal }),
      staleTime: 0,
      gcTime: 0,
    })),
    combine: (results) => ({
      isPending: results.some((result) => result.isPending),
      error: results.find((result) => result.error !== null)?.error ?? null,
      items: results.flatMap((result) => result.data?.items ?? []),
      itemsTotal: results.reduce((sum, result) => sum + (result.data?.itemsTotal ?? 0), 0),
      freedBytes: results.reduce((sum, result) => sum + (result.data?.freedBytes ?? 0), 0),
    }),
  });
}

/** A change by one route; afterwards everything under `touched` is fetched anew. */
function useChange<N extends RouteName>(name: N, touched: readonly QueryKey[]) {
  const client = useQueryClient();
  return useMutation<RouteResponse<N>, Error, CallInput<N>>({
    mutationFn: (input) => call(name, input),
    onSettled: async () => {
      await Promise.all(touched.map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });
}

/** Switches the global offline mode. */
export const useSetOffline = () => useChange('setOffline', [keys.status, keys.upstreams]);
/** Opens or closes the mirror listener. */
export const useSetServing = () => useChange('setServing', [keys.status]);
/** Adds an upstream. */
export const useAddUpstream = () => useChange('addUpstream', [keys.upstreams, keys.dashboard, keys.status, keys.match]);
/** Changes an upstream's settings. */
export const useUpdateUpstream = () => useChange('updateUpstream', [keys.upstreams, keys.dashboard, keys.match]);
/** Removes an upstream; what is cached from it stays. */
export const useRemoveUpstream = () =>
  useChange('removeUpstream', [keys.upstreams, keys.dashboard, keys.status, keys.match]);
/** Puts the upstreams in another order. */
export const useOrderUpstreams = () => useChange('orderUpstreams', [keys.upstreams, keys.dashboard, keys.match]);
/** Makes an upstream the one for names without a host. */
export const useSetDefaultUpstream = () => useChange('setDefaultUpstream', [keys.upstreams, keys.status, keys.match]);
/** Adds an account to an upstream. */
export const useAddAccount = () => useChange('addAccount', [keys.upstreams]);
/** Removes an account. */
export const useRemoveAccount = () => useChange('removeAccount', [keys.upstreams]);
/** Takes accounts over from Docker's config.json. */
export const useImportDockerConfig = () => useChange('importDockerConfig', [keys.upstreams]);
/** Runs the step-by-step test of an upstream that need not be saved yet. */
export const useTestUpstream = () => useChange('testUpstream', []);
/** Closes an open circuit breaker. */
export const useRetryUpstream = () => useChange('retryUpstream', [keys.upstreams, keys.dashboard, keys.status]);
/** Pins or unpins a repository, tag or manifest. */
export const usePin = () => useChange('pin', [keys.cache]);
/** Asks upstream for a tag now. */
export const useRefreshTag = () => useChange('refreshTag', [keys.cache]);
/** Deletes content. */
export const useDeleteContent = () => useChange('deleteContent', [keys.cache, keys.status]);

/** An upstream as forms and the API write it. */
export type UpstreamInput = RouteBody<'addUpstream'>;
/** The same without accounts, as it is changed. */
export type UpstreamUpdate = RouteBody<'updateUpstream'>;
