import type { RouteResponse } from '../../../server/api/contract.ts';
import type { Column } from '../../components/data-table.types.ts';
import { OutcomeBadge } from '../../components/states.tsx';
import { formatBytes, formatDateTime, formatDayTime, shortArtifact } from '../../format.ts';
import { eventNames } from '../../components/event-names.ts';

export type AuditRow = RouteResponse<'searchAudit'>['rows'][number];

/** Columns of the audit. */
export const auditColumns: readonly Column<AuditRow>[] = [
  {
    id: 'at',
    header: 'Time',
    track: '132px',
    cell: (row) => (
      <time className="tabular" dateTime={new Date(row.at).toISOString()} title={formatDateTime(row.at)}>
        {formatDayTime(row.at)}
      </time>
    ),
  },
  { id: 'event', header: 'Event', track: '140px', fromWidth: 860, cell: (row) => eventNames[row.event] ?? row.event },
  { id: 'outcome', header: 'Outcome', track: '84px', cell: (row) => <OutcomeBadge outcome={row.outcome} plain /> },
  {
    id: 'artifact',
    header: 'Artifact',
    track: 'minmax(160px, 1fr)',
    cell: (row) => <span title={row.artifact}>{shortArtifact(row.artifact)}</span>,
  },
  { id: 'client', header: 'Client', track: '130px', fromWidth: 640, cell: (row) => row.user ?? row.clientIp },
  {
    id: 'tool',
    header: 'Tool',
    track: '130px',
    fromWidth: 1040,
    cell: (row) => <span className="muted">{row.userAgent}</span>,
  },
  { id: 'bytes', header: 'Sent', track: '84px', align: 'end', fromWidth: 560, cell: (row) => formatBytes(row.bytes) },
];
