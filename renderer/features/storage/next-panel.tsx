import { useEvictions } from '../../api/queries.ts';
import { DataTable } from '../../components/data-table.tsx';
import type { Column } from '../../components/data-table.types.ts';
import { EmptyState, ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { Section } from '../../components/page.tsx';
import { TimeAgo } from '../../components/time-ago.tsx';
import { formatBytes, formatCount } from '../../format.ts';
import { evictionName } from './eviction-words.ts';
import type { EvictionRow } from './eviction-words.ts';
import styles from './storage.module.css';

const shownRows = 200;

const columns: readonly Column<EvictionRow>[] = [
  {
    id: 'name',
    header: 'Image',
    track: 'minmax(180px, 1fr)',
    cell: (row) => (
      <span className={styles['name']} title={`${evictionName(row)} ${row.digest}`}>
        {evictionName(row)}
      </span>
    ),
  },
  { id: 'why', header: 'Why', track: 'minmax(150px, 240px)', cell: (row) => <Why row={row} /> },
  { id: 'bytes', header: 'Frees', track: '84px', align: 'end', cell: (row) => formatBytes(row.bytes) },
];

/** What goes first when the cap or the floor needs room, and why it is first. */
export function NextPanel() {
  const { data, error, refetch } = useEvictions({ limit: shownRows });
  return (
    <Section title="What goes next">
      <div className="panel">
        {data === undefined ? (
          error === null ? (
            <LoadingState label="Reading what goes next" />
          ) : (
            <ErrorState title="What goes next could not be read" error={error} onRetry={() => void refetch()} />
          )
        ) : data.rows.length === 0 ? (
          <EmptyState title="Nothing would go">
            Only content of upstreams goes to make room, never what is pinned or pushed.
          </EmptyState>
        ) : (
          <DataTable
            label="What goes next"
            rows={data.rows}
            columns={columns}
            rowKey={(row) => `${row.repository} ${row.digest}`}
            maxHeight="340px"
          />
        )}
      </div>
      <p className="muted small">
        Only when the cap or the floor needs room, from the top. A layer that others share goes with the last image that
        needs it, so an image may free nothing.
        {data?.more === true ? ` The first ${formatCount(data.rows.length)} are shown.` : ''}
      </p>
    </Section>
  );
}

function Why({ row }: { readonly row: EvictionRow }) {
  if (row.lastPulledAt === undefined)
    return (
      <span>
        never pulled, came <TimeAgo at={row.firstSeenAt} />
      </span>
    );
  return (
    <span>
      last pulled <TimeAgo at={row.lastPulledAt} />
    </span>
  );
}
