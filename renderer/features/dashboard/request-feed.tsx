import { useState } from 'react';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay, IconSearch } from '@tabler/icons-react';
import type { RequestRow, Status } from '../../../server/api/contract.ts';
import { useRequestFeed } from '../../api/queries.ts';
import { feedLimit } from '../../api/live.ts';
import { DataTable } from '../../components/data-table.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { Section } from '../../components/page.tsx';
import { outcomeLooks, outcomeNames } from '../../components/states.tsx';
import { formatPlural } from '../../format.ts';
import { filterRequests } from './request-filter.ts';
import type { RequestFilter } from './request-filter.ts';
import { requestColumns } from './request-columns.tsx';
import { RequestDrawer } from './request-drawer.tsx';
import styles from './dashboard.module.css';

const noFilter: RequestFilter = { text: '', outcome: '' };
const noRows: readonly RequestRow[] = [];

/** Requests as they arrive, newest on top; can be held still and filtered; a row opens its explanation. */
export function RequestFeed({ status }: { readonly status: Status }) {
  const feed = useRequestFeed();
  const [filter, setFilter] = useState(noFilter);
  const [held, setHeld] = useState<readonly RequestRow[] | undefined>(undefined);
  const [opened, setOpened] = useState<RequestRow | undefined>(undefined);
  const arrived = feed.data?.requests ?? noRows;
  const rows = filterRequests(held ?? arrived, filter);
  const waiting = held === undefined ? 0 : newSince(held, arrived);
  return (
    <Section
      title="Live requests"
      aside={
        <FeedTools
          filter={filter}
          onFilter={setFilter}
          isPaused={held !== undefined}
          waiting={waiting}
          onPause={() => {
            setHeld(held === undefined ? arrived : undefined);
          }}
        />
      }
    >
      <div className="panel">
        <FeedBody
          feed={feed}
          arrived={arrived}
          rows={rows}
          pullExample={status.pullExample}
          onOpen={setOpened}
          onClear={() => {
            setFilter(noFilter);
          }}
        />
      </div>
      {arrived.length < feedLimit ? null : (
        <p className="muted small">The newest {feedLimit} requests are shown; the audit has all.</p>
      )}
      <RequestDrawer
        row={opened}
        onClose={() => {
          setOpened(undefined);
        }}
      />
    </Section>
  );
}

function newSince(held: readonly RequestRow[], arrived: readonly RequestRow[]): number {
  const known = new Set(held.map((row) => row.id));
  return arrived.filter((row) => !known.has(row.id)).length;
}

interface FeedBodyProps {
  readonly feed: Pick<ReturnType<typeof useRequestFeed>, 'isPending' | 'isError' | 'error' | 'refetch' | 'data'>;
  readonly arrived: readonly RequestRow[];
  readonly rows: readonly RequestRow[];
  readonly pullExample: string;
  readonly onOpen: (row: RequestRow) => void;
  readonly onClear: () => void;
}

function FeedBody({ feed, arrived, rows, onOpen, onClear }: FeedBodyProps) {
  if (feed.isPending) return <LoadingState label="Reading the newest requests" />;
  if (feed.isError && feed.data === undefined) {
    return <ErrorState title="The requests could not be read" error={feed.error} onRetry={() => void feed.refetch()} />;
  }
  if (arrived.length === 0) {
    return (
      <EmptyState title="Waiting for the first request">
        It appears here by itself, as soon as a client pulls.
      </EmptyState>
    );
  }
  if (rows.length === 0) {
    return (
      <EmptyState
        title="No request matches the filter"
        actions={
          <Button size="compact-sm" variant="default" onClick={onClear}>
            Clear the filter
          </Button>
        }
      />
    );
  }
  return (
    <DataTable
      label="Live requests"
      rows={rows}
      columns={requestColumns}
      rowKey={(row) => row.id}
      rowHeight={34}
      maxHeight="420px"
      onOpen={onOpen}
    />
  );
}

interface FeedToolsProps {
  readonly filter: RequestFilter;
  readonly onFilter: (filter: RequestFilter) => void;
  readonly isPaused: boolean;
  /** Requests that arrived since it was paused. */
  readonly waiting: number;
  readonly onPause: () => void;
}

function FeedTools({ filter, onFilter, isPaused, waiting, onPause }: FeedToolsProps) {
  return (
    <div className={styles['filters']}>
      <TextInput
        aria-label="Filter requests"
        placeholder="Filter: image, client, digest"
        size="xs"
        w={210}
        leftSection={<IconSearch size={14} />}
        value={filter.text}
        onChange={(event) => {
          onFilter({ ...filter, text: event.currentTarget.value });
        }}
      />
      <NativeSelect
        aria-label="Outcome"
        size="xs"
        data={[
          { value: '', label: 'All outcomes' },
          ...outcomeNames.map((name) => ({ value: name, label: outcomeLooks[name].word })),
        ]}
        value={filter.outcome}
        onChange={(event) => {
          onFilter({ ...filter, outcome: event.currentTarget.value as RequestFilter['outcome'] });
        }}
      />
      <Button
        size="xs"
        variant="default"
        leftSection={isPaused ? <IconPlayerPlay size={14} /> : <IconPlayerPause size={14} />}
        onClick={onPause}
      >
        {isPaused ? 'Resume' : 'Pause'}
      </Button>
      <span role="status" className="small muted">
        {isPaused ? `Paused, ${formatPlural(waiting, 'new request', 'new requests')}` : ''}
      </span>
    </div>
  );
}
