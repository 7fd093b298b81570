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
  storage: ['storage'],
  policy: ['policy'],
} as const satisfies Record<string, QueryKey>;

/** Counters move while nobody looks at a row; the plots are refetched at this pace. */
const dashboardRefreshMs = 5000;
/** When no event tells otherwise, the status is asked for at this pace, so that a dead server is noticed. */
const statusRefreshMs = 10_000;
const scrubRefreshMs = 1000;
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

/** Who signed a manifest. It may ask the upstream, so it is not asked again with every change of the cache. */
export function useSignatures(query: RouteQuery<'getSignatures'>) {
  return useQuery({
    queryKey: ['signatures', query],
    queryFn: ({ signal }) => call('getSignatures', { query, signal }),
    staleTime: 0,
  });
}

/** What a deletion would free; asked anew each time the question is opened. */
export function useDeletePreviews(targets: readonly Omit<RouteQuery<'previewDelete'>, 'freeNow'>[], freeNow: boolean) {
  return useQueries({
    queries: targets.map((query) => ({
      // apart from the cache's own keys: while things are being deleted the question is not asked again
      queryKey: ['delete-preview', query, freeNow],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        call('previewDelete', { query: { ...query, freeNow: String(freeNow) }, signal }),
      staleTime: 0,
      gcTime: 0,
    })),
    combine: (results) => ({
      isPending: results.some((result) => result.isPending),
      error: results.find((result) => result.error !== null)?.error ?? null,
      items: results.flatMap((result) => result.data?.items ?? []),
      itemsTotal: results.reduce((sum, result) => sum + (result.data?.itemsTotal ?? 0), 0),
      freedBytes: results.reduce((sum, result) => sum + (result.data?.freedBytes ?? 0), 0),
      keptBytes: results.reduce((sum, result) => sum + (result.data?.keptBytes ?? 0), 0),
      keptUntil: results.find((result) => result.data?.keptUntil !== undefined)?.data?.keptUntil,
    }),
  });
}

/** What a tag pointed at. */
export function useTagHistory(query: RouteQuery<'getTagHistory'>) {
  return useQuery({
    queryKey: [...keys.cache, 'history', query],
    queryFn: ({ signal }) => call('getTagHistory', { query, signal }),
  });
}

const deletedPage = 100;

/** What was deleted and can be restored, the latest first, page by page. */
export function useDeleted(text: string) {
  return useInfiniteQuery({
    queryKey: [...keys.cache, 'deleted', text],
    queryFn: ({ pageParam, signal }) =>
      call('listDeleted', {
        query: { text, limit: deletedPage, ...(pageParam === undefined ? {} : { after: pageParam }) },
        signal,
      }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
}

/** Whether a repository accepts pushes, and how to push to it; asks only when there is a name. */
export function usePushInstructions(repository: string) {
  return useQuery({
    queryKey: ['push-instructions', repository],
    queryFn: ({ signal }) => call('getPushInstructions', { query: { repository }, signal }),
    enabled: repository !== '',
  });
}

/** What fills the disk and what bounds it. */
export function useStorage() {
  return useQuery({
    queryKey: [...keys.storage, 'space'],
    queryFn: ({ signal }) => call('getStorage', { signal }),
    refetchInterval: ({ state }) =>
      state.data?.housekeeping.running === undefined ? dashboardRefreshMs : scrubRefreshMs,
  });
}

/** What goes next when room is needed, or what would go at once under other limits; asks only when it is `enabled`. */
export function useEvictions(query: RouteQuery<'listEvictions'>, enabled = true) {
  return useQuery({
    queryKey: [...keys.storage, 'evictions', query],
    queryFn: ({ signal }) => call('listEvictions', { query, signal }),
    enabled,
    retry: false,
    placeholderData: keepPreviousData,
  });
}

/** How the scrub stands; asked often while it reads. */
export function useScrub() {
  return useQuery({
    queryKey: [...keys.storage, 'scrub'],
    queryFn: ({ signal }) => call('getScrub', { signal }),
    refetchInterval: ({ state }) => (state.data?.running === true ? scrubRefreshMs : statusRefreshMs),
  });
}

/** The retention rules, as they are written and in words. */
export function useRetention() {
  return useQuery({
    queryKey: [...keys.storage, 'retention'],
    queryFn: ({ signal }) => call('getRetention', { signal }),
  });
}

export type RetentionRules = RouteBody<'setRetention'>['rules'];

/** What rules would remove, saved or not; asks only when there are some. */
export function useRetentionPreview(rules: RetentionRules | undefined) {
  return useQuery({
    // apart from the storage keys: what was removed a moment ago is not asked about again
    queryKey: ['retention-preview', rules],
    queryFn: ({ signal }) =>
      call('applyRetention', { body: { dryRun: true, ...(rules === undefined ? {} : { rules }) }, signal }),
    enabled: rules !== undefined,
    placeholderData: keepPreviousData,
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });
}

/** The policy that holds. */
export function usePolicy() {
  return useQuery({
    queryKey: keys.policy,
    queryFn: ({ signal }) => call('getPolicy', { signal }),
    refetchInterval: statusRefreshMs,
  });
}

/** What is wrong with a policy's text, and what it says. */
export function usePolicyLint(text: string) {
  return useQuery({
    queryKey: ['policy-lint', text],
    queryFn: ({ signal }) => call('lintPolicy', { body: { text }, signal }),
    placeholderData: keepPreviousData,
    gcTime: 0,
    retry: false,
  });
}

/** How garbage collection stands. */
export function useGarbage() {
  return useQuery({
    queryKey: [...keys.storage, 'garbage'],
    queryFn: ({ signal }) => call('getGarbage', { signal }),
    refetchInterval: (query) => (query.state.data?.running === undefined ? statusRefreshMs : 1000),
  });
}

/** What a garbage collection would remove now; asked anew each time somebody looks. */
export function useGarbagePreview() {
  return useQuery({
    // apart from the storage keys: what went a moment ago is not asked about again
    queryKey: ['garbage-preview'],
    queryFn: ({ signal }) => call('collectGarbage', { body: { dryRun: true }, signal }),
    gcTime: 0,
    staleTime: 0,
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

/** Removes what nothing needs any more. */
export const useCollectGarbage = () => useChange('collectGarbage', [keys.storage, keys.cache, keys.status]);
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
/** Says what a zot configuration becomes. */
export const usePreviewZotConfig = () => useChange('previewZotConfig', []);
/** Makes upstreams of a zot configuration. */
export const useImportZotConfig = () =>
  useChange('importZotConfig', [keys.upstreams, keys.dashboard, keys.status, keys.match]);
/** Runs the step-by-step test of an upstream that need not be saved yet. */
export const useTestUpstream = () => useChange('testUpstream', []);
/** Closes an open circuit breaker. */
export const useRetryUpstream = () => useChange('retryUpstream', [keys.upstreams, keys.dashboard, keys.status]);
/** Pins or unpins a repository, tag or manifest. */
export const usePin = () => useChange('pin', [keys.cache]);
/** Asks upstream for a tag now. */
export const useRefreshTag = () => useChange('refreshTag', [keys.cache]);
/** Changes what bounds the disk. */
export const useSetStorage = () => useChange('setStorage', [keys.storage, keys.cache, keys.status]);
/** Starts reading stored content again, or goes on with it. */
export const useStartScrub = () => useChange('startScrub', [[...keys.storage, 'scrub'], keys.status]);
/** Stops reading stored content again. */
export const useStopScrub = () => useChange('stopScrub', [[...keys.storage, 'scrub'], keys.status]);
/** Asks the upstreams again for what is damaged. */
export const useRepairDamaged = () => useChange('repairDamaged', [[...keys.storage, 'scrub'], keys.status]);
/** Saves the window's policy. */
export const useSetPolicy = () => useChange('setPolicy', [keys.policy, keys.status]);
/** Says what is decided about a reference, and by which rule. */
export const useTestPolicy = () => useChange('testPolicy', []);
/** Says what a policy would have done with recorded pulls. */
export const useReplayPolicy = () => useChange('replayPolicy', []);
/** Saves the retention rules. */
export const useSetRetention = () => useChange('setRetention', [[...keys.storage, 'retention']]);
/** Removes what the saved retention rules let go. */
export const useApplyRetention = () => useChange('applyRetention', [keys.cache, keys.storage, keys.status]);
/** Puts a tag back where it pointed. */
export const useRollbackTag = () => useChange('rollbackTag', [keys.cache]);
/** Lets a tag follow its upstream again. */
export const useReleaseTag = () => useChange('releaseTag', [keys.cache]);
/** Undoes a deletion. */
export const useRestoreDeleted = () => useChange('restoreDeleted', [keys.cache, keys.status]);
/** Makes a repository to push to. */
export const useCreateRepository = () => useChange('createRepository', [keys.cache, keys.match]);
/** Deletes content. */
export const useDeleteContent = () => useChange('deleteContent', [keys.cache, keys.status]);

/** An upstream as forms and the API write it. */
export type UpstreamInput = RouteBody<'addUpstream'>;
/** The same without accounts, as it is changed. */
export type UpstreamUpdate = RouteBody<'updateUpstream'>;
