import type { RequestRow } from '../../../server/api/contract.ts';
import type { Column } from '../../components/data-table.types.ts';
import { OutcomeBadge } from '../../components/states.tsx';
import { formatBytes, formatDateTime, formatElapsed, formatTimeOfDay, shortArtifact } from '../../format.ts';

/** Columns of a request, for the live feed and the audit. */
export const requestColumns: readonly Column<RequestRow>[] = [
  {
    id: 'at',
    header: 'Time',
    track: '74px',
    cell: (row) => (
      <time className="tabular muted" dateTime={new Date(row.at).toISOString()} title={formatDateTime(row.at)}>
        {formatTimeOfDay(row.at)}
      </time>
    ),
  },
  { id: 'outcome', header: 'Outcome', track: '84px', cell: (row) => <OutcomeBadge outcome={row.outcome} plain /> },
  {
    id: 'artifact',
    header: 'Artifact',
    track: 'minmax(160px, 1fr)',
    cell: (row) => <span title={row.artifact}>{shortArtifact(row.artifact)}</span>,
  },
  {
    id: 'method',
    header: 'Method',
    track: '62px',
    fromWidth: 860,
    cell: (row) => <span className="muted">{row.method}</span>,
  },
  { id: 'client', header: 'Client', track: '130px', fromWidth: 640, cell: (row) => row.user ?? row.clientIp },
  {
    id: 'ms',
    header: 'Took',
    track: '74px',
    align: 'end',
    fromWidth: 520,
    cell: (row) => formatElapsed(row.durationMs),
  },
  { id: 'bytes', header: 'Sent', track: '84px', align: 'end', fromWidth: 440, cell: (row) => formatBytes(row.bytes) },
];
