import { Drawer } from '@mantine/core';
import { Link } from 'react-router';
import type { RequestRow } from '../../../server/api/contract.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { Note } from '../../components/error-note.tsx';
import { KeyValue } from '../../components/key-value.tsx';
import { OutcomeBadge } from '../../components/states.tsx';
import { formatBytes, formatDateTime, formatElapsed } from '../../format.ts';
import { denyingRule, explainRequest } from './explain.ts';
import styles from './dashboard.module.css';

interface RequestDrawerProps {
  /** The request to explain; closed when there is none. */
  readonly row: RequestRow | undefined;
  readonly onClose: () => void;
}

/** Why one request was a hit, miss, stale or failed, and all that is known about it. */
export function RequestDrawer({ row, onClose }: RequestDrawerProps) {
  return (
    <Drawer
      opened={row !== undefined}
      onClose={onClose}
      position="right"
      size={460}
      title={row === undefined ? '' : explainRequest(row).title}
      closeButtonProps={{ 'aria-label': 'Close' }}
      transitionProps={{ duration: 0 }}
    >
      {row === undefined ? null : <Explanation row={row} />}
    </Drawer>
  );
}

function Explanation({ row }: { readonly row: RequestRow }) {
  const { reasons, advice } = explainRequest(row);
  return (
    <div className={styles['explain']}>
      <div>
        <OutcomeBadge outcome={row.outcome} />
      </div>
      <ul>
        {reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
      {advice === undefined ? null : <Note tone="info">{advice}</Note>}
      <KeyValue
        facts={[
          ['Artifact', <Copyable key="artifact" text={row.artifact} what="artifact" />],
          ['Digest', row.digest === undefined ? undefined : <Copyable key="digest" text={row.digest} what="digest" />],
          ['Upstream', row.upstream],
          ['Client', row.user === undefined ? row.clientIp : `${row.user} at ${row.clientIp}`],
          ['Tool', row.userAgent],
          ['Request', row.method === '' ? undefined : `${row.method}, answered ${String(row.status)}`],
          ['Error code', row.code === undefined ? undefined : <code key="code">{row.code}</code>],
          ['Sent', `${formatBytes(row.bytes)} in ${formatElapsed(row.durationMs)}`],
          ['Time', formatDateTime(row.at)],
          ['Request id', <Copyable key="id" text={row.id} what="request id" />],
        ]}
      />
      <CacheLink row={row} />
      <PolicyLink row={row} />
    </div>
  );
}

function Copyable({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <span style={{ display: 'inline-flex', alignItems: 'flex-start', gap: 4 }}>
      <code style={{ overflowWrap: 'anywhere' }}>{text}</code>
      <CopyButton text={text} what={what} />
    </span>
  );
}

/** A denial, and what a policy in dry run said of an answer, lead to the tester. */
function PolicyLink({ row }: { readonly row: RequestRow }) {
  if (row.outcome !== 'denied' && denyingRule(row) === undefined) return null;
  return <Link to={`/policies?test=${encodeURIComponent(row.artifact)}`}>Explain with the policy as it holds now</Link>;
}

function CacheLink({ row }: { readonly row: RequestRow }) {
  if (row.method === '' || row.outcome === 'failed' || row.outcome === 'denied') return null;
  const repository = row.artifact.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
  return <Link to={`/cache?text=${encodeURIComponent(repository)}`}>Show {repository} in the cache</Link>;
}
