import { useState } from 'react';
import { SegmentedControl } from '@mantine/core';
import type { Status } from '../../../server/api/contract.ts';
import { useDashboard, useRequestFeed, useStatus } from '../../api/queries.ts';
import type { DashboardRange } from '../../api/queries.ts';
import { ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { Page, Section } from '../../components/page.tsx';
import { Answers } from './answers-panel.tsx';
import { AttentionList } from './attention-list.tsx';
import { ClientTable } from './client-table.tsx';
import { PlotGrid } from './plot-grid.tsx';
import { RequestFeed } from './request-feed.tsx';
import { SetupList } from './setup-list.tsx';
import { Tiles } from './tiles.tsx';

const ranges: readonly { readonly value: DashboardRange; readonly label: string }[] = [
  { value: '1h', label: '1 hour' },
  { value: '24h', label: '24 hours' },
  { value: '7d', label: '7 days' },
];

/** Is it up, is it used, is it safe – then the figures, what needs a person, the plots and the live requests. */
export function DashboardPage() {
  const status = useStatus();
  return (
    <Page title="Dashboard">
      {status.data === undefined ? (
        <div className="panel">
          {status.isError ? (
            <ErrorState
              title="The mirror’s state is not known"
              error={status.error}
              onRetry={() => void status.refetch()}
            />
          ) : (
            <LoadingState label="Asking the mirror how it is" lines={6} />
          )}
        </div>
      ) : (
        <Overview status={status.data} />
      )}
    </Page>
  );
}

function Overview({ status }: { readonly status: Status }) {
  const [range, setRange] = useState<DashboardRange>('1h');
  const dashboard = useDashboard(range);
  const feed = useRequestFeed();
  const figures = dashboard.data;
  const isUnused = figures?.today.requests === 0 && feed.data?.requests.length === 0;
  return (
    <>
      <Answers status={status} dashboard={figures} />
      <Tiles status={status} dashboard={figures} />
      <AttentionList items={status.attention} />
      {isUnused ? (
        <SetupList status={status} upstreams={figures.upstreams.length} />
      ) : (
        <Section title="Traffic" aside={<RangeChoice range={range} onChange={setRange} />}>
          <Traffic dashboard={dashboard} range={range} />
        </Section>
      )}
      <RequestFeed status={status} />
      {figures === undefined || figures.clients.length === 0 ? null : <ClientTable clients={figures.clients} />}
    </>
  );
}

interface TrafficProps {
  readonly dashboard: ReturnType<typeof useDashboard>;
  readonly range: DashboardRange;
}

function Traffic({ dashboard, range }: TrafficProps) {
  if (dashboard.isError && dashboard.data === undefined) {
    return (
      <div className="panel">
        <ErrorState
          title="The figures could not be read"
          error={dashboard.error}
          onRetry={() => void dashboard.refetch()}
        />
      </div>
    );
  }
  return <PlotGrid dashboard={dashboard.data} span={ranges.find((one) => one.value === range)?.label ?? range} />;
}

function RangeChoice({
  range,
  onChange,
}: {
  readonly range: DashboardRange;
  readonly onChange: (range: DashboardRange) => void;
}) {
  return (
    <SegmentedControl
      aria-label="Time shown"
      size="xs"
      transitionDuration={0}
      data={[...ranges]}
      value={range}
      onChange={(value) => {
        onChange(value);
      }}
    />
  );
}
