import { Suspense, lazy } from 'react';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { HashRouter, Route, Routes, useLocation } from 'react-router';
import { useLiveUpdates } from './api/events.ts';
import { ApiError } from './api/problem.ts';
import { EmptyState, LoadingState } from './components/empty-state.tsx';
import { FaultBoundary } from './components/fault-boundary.tsx';
import { Page } from './components/page.tsx';
import { theme } from './components/theme.ts';
import { Shell } from './shell/shell.tsx';

const DashboardPage = lazy(() =>
  import('./features/dashboard/dashboard-page.tsx').then((module) => ({ default: module.DashboardPage })),
);
const UpstreamsPage = lazy(() =>
  import('./features/upstreams/upstreams-page.tsx').then((module) => ({ default: module.UpstreamsPage })),
);
const AddUpstreamPage = lazy(() =>
  import('./features/upstreams/add-upstream-page.tsx').then((module) => ({ default: module.AddUpstreamPage })),
);
const UpstreamPage = lazy(() =>
  import('./features/upstreams/upstream-page.tsx').then((module) => ({ default: module.UpstreamPage })),
);
const ZotImportPage = lazy(() =>
  import('./features/upstreams/zot-import-page.tsx').then((module) => ({ default: module.ZotImportPage })),
);
const PoliciesPage = lazy(() =>
  import('./features/policies/policies-page.tsx').then((module) => ({ default: module.PoliciesPage })),
);
const CachePage = lazy(() =>
  import('./features/cache/cache-page.tsx').then((module) => ({ default: module.CachePage })),
);
const StoragePage = lazy(() =>
  import('./features/storage/storage-page.tsx').then((module) => ({ default: module.StoragePage })),
);
const AuditPage = lazy(() =>
  import('./features/audit/audit-page.tsx').then((module) => ({ default: module.AuditPage })),
);
const AboutPage = lazy(() =>
  import('./features/about/about-page.tsx').then((module) => ({ default: module.AboutPage })),
);

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      refetchOnWindowFocus: true,
      // The mirror is on this machine or near it: what it refuses, it refuses again.
      retry: (count, error) => error instanceof ApiError && error.status === 0 && count < 2,
    },
  },
});

/** The whole window. */
export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <QueryClientProvider client={queryClient}>
        <Notifications position="bottom-right" limit={4} />
        <HashRouter>
          <Screens />
        </HashRouter>
      </QueryClientProvider>
    </MantineProvider>
  );
}

function Screens() {
  useLiveUpdates();
  const { pathname } = useLocation();
  return (
    <Shell>
      <FaultBoundary key={pathname}>
        <Suspense fallback={<LoadingState label="Opening the page" />}>
          <Routes>
            <Route index element={<DashboardPage />} />
            <Route path="dashboard" element={<DashboardPage />} />
            <Route path="upstreams" element={<UpstreamsPage />} />
            <Route path="upstreams/add" element={<AddUpstreamPage />} />
            <Route path="upstreams/edit" element={<UpstreamPage />} />
            <Route path="upstreams/import-zot" element={<ZotImportPage />} />
            <Route path="policies" element={<PoliciesPage />} />
            <Route path="cache" element={<CachePage />} />
            <Route path="storage" element={<StoragePage />} />
            <Route path="audit" element={<AuditPage />} />
            <Route path="about" element={<AboutPage />} />
            <Route path="*" element={<UnknownPage />} />
          </Routes>
        </Suspense>
      </FaultBoundary>
    </Shell>
  );
}

function UnknownPage() {
  return (
    <Page title="No such page">
      <div className="panel">
        <EmptyState title="This address leads nowhere">Choose a page on the left.</EmptyState>
      </div>
    </Page>
  );
}
