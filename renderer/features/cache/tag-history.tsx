import { useState } from 'react';
import { Button } from '@mantine/core';
import { IconArrowBackUp, IconArrowForwardUp } from '@tabler/icons-react';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { useReleaseTag, useRollbackTag, useTagHistory } from '../../api/queries.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { sayDone } from '../../components/say-done.ts';
import { TimeAgo } from '../../components/time-ago.tsx';
import { formatBytes, formatCount, formatDateTime, shortDigest } from '../../format.ts';
import styles from './cache.module.css';

type Past = RouteResponse<'getTagHistory'>;
type Entry = Past['entries'][number];

/** A nightly tag has one each day; more are shown on request. */
const entriesShown = 6;

const endings: Readonly<Record<NonNullable<Entry['endedAs']>, string>> = {
  moved: 'moved on',
  deleted: 'deleted',
  retention: 'removed by a rule',
  evicted: 'evicted',
  'rolled back': 'rolled back',
};

/** What a tag pointed at, and the way back. */
export function TagHistory({ repository, tag }: { readonly repository: string; readonly tag: string }) {
  const { data, isPending, error, refetch } = useTagHistory({ repository, tag });
  return (
    <section aria-label="History of the tag" className="stack-small">
      <h3>History of the tag</h3>
      {isPending ? (
        <LoadingState label="Reading the history" lines={3} />
      ) : data === undefined ? (
        <ErrorState title="The history could not be read" error={error} onRetry={() => void refetch()} />
      ) : data.entries.length === 0 ? (
        <EmptyState title="No history yet">It begins with the next pull or push of this tag.</EmptyState>
      ) : (
        <>
          <Hold past={data} />
          <Entries past={data} />
        </>
      )}
    </section>
  );
}

function Hold({ past }: { readonly past: Past }) {
  const release = useReleaseTag();
  if (past.heldSince === undefined) return <ErrorNote error={release.error} />;
  const { repository, tag } = past;
  const upstream = past.upstream ?? 'its upstream';
  return (
    <>
      <Note tone="info">
        Held here since {formatDateTime(past.heldSince)}: whatever {upstream} says, this tag stays where it is.
        <div style={{ marginTop: 6 }}>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconArrowForwardUp size={15} />}
            loading={release.isPending}
            onClick={() => {
              release.mutate(
                { body: { repository, tag } },
                {
                  onSuccess: () => {
                    sayDone('The tag follows its upstream again', `${upstream} was asked where it points.`);
                  },
                },
              );
            }}
          >
            Follow upstream again
          </Button>
        </div>
      </Note>
      <ErrorNote error={release.error} />
    </>
  );
}

function Entries({ past }: { readonly past: Past }) {
  const [isWhole, setIsWhole] = useState(false);
  const [target, setTarget] = useState<Entry>();
  const shown = isWhole ? past.entries : past.entries.slice(0, entriesShown);
  return (
    <>
      <div className={styles['scroll']} tabIndex={0} role="group" aria-label="What the tag pointed at">
        <table className={styles['table']}>
          <thead>
            <tr>
              <th scope="col">Digest</th>
              <th scope="col">From</th>
              <th scope="col">Until</th>
              <th scope="col">State</th>
              <th scope="col" className={styles['num'] ?? ''}>
                Size
              </th>
              <th scope="col">
                <span className="visually-hidden">Action</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((entry, index) => (
              <EntryRow
                key={`${entry.digest} ${String(entry.firstSeenAt)} ${String(index)}`}
                entry={entry}
                isCurrent={entry.digest === past.current}
                onRollBack={() => {
                  setTarget(entry);
                }}
              />
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < past.entries.length ? (
        <div>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => {
              setIsWhole(true);
            }}
          >
            Show all {formatCount(past.entries.length)}
          </Button>
        </div>
      ) : null}
      {target === undefined ? null : (
        <RollbackDialog
          past={past}
          entry={target}
          onClose={() => {
            setTarget(undefined);
          }}
        />
      )}
    </>
  );
}

interface EntryRowProps {
  readonly entry: Entry;
  readonly isCurrent: boolean;
  readonly onRollBack: () => void;
}

function EntryRow({ entry, isCurrent, onRollBack }: EntryRowProps) {
  return (
    <tr>
      <td>
        <code title={entry.digest}>{shortDigest(entry.digest)}</code>
      </td>
      <td>
        <TimeAgo at={entry.firstSeenAt} />
      </td>
      <td>{entry.endedAt === undefined ? 'now' : <TimeAgo at={entry.lastSeenAt} />}</td>
      <td>
        <EntryState entry={entry} />
      </td>
      <td className={styles['num']}>{formatBytes(entry.bytes)}</td>
      <td className={styles['num']}>
        {entry.held && !isCurrent ? (
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconArrowBackUp size={15} />}
            aria-label={`Roll back to ${shortDigest(entry.digest)}`}
            onClick={onRollBack}
          >
            Roll back
          </Button>
        ) : null}
      </td>
    </tr>
  );
}

function EntryState({ entry }: { readonly entry: Entry }) {
  if (entry.endedAt === undefined) return <>in use</>;
  const ending = endings[entry.endedAs ?? 'moved'];
  if (!entry.held) return <span title={entry.missing.join(', ')}>{ending}; not here any more</span>;
  if (entry.keptUntil === undefined) return <>{ending}</>;
  return (
    <span>
      {ending}; kept until{' '}
      <time dateTime={new Date(entry.keptUntil).toISOString()}>{formatDateTime(entry.keptUntil)}</time>
    </span>
  );
}

interface RollbackDialogProps {
  readonly past: Past;
  readonly entry: Entry;
  readonly onClose: () => void;
}

function RollbackDialog({ past, entry, onClose }: RollbackDialogProps) {
  const rollback = useRollbackTag();
  const { repository, tag, upstream } = past;
  return (
    <ConfirmDialog
      opened
      title="Roll the tag back?"
      confirm="Roll back"
      busy={rollback.isPending}
      error={rollback.error}
      onClose={onClose}
      onConfirm={() => {
        rollback.mutate(
          { body: { repository, tag, digest: entry.digest } },
          {
            onSuccess: () => {
              sayDone('Rolled back', `${repository}:${tag} leads to ${shortDigest(entry.digest)} now.`);
              onClose();
            },
          },
        );
      }}
    >
      <p>
        <code>
          {repository}:{tag}
        </code>{' '}
        goes from {past.current === undefined ? 'nothing' : <code>{shortDigest(past.current)}</code>} to{' '}
        <code>{shortDigest(entry.digest)}</code>. Whoever pulls it gets that content at once.
      </p>
      {upstream === undefined ? null : (
        <p>{upstream} does not move it any more: the tag stays there until somebody chooses “Follow upstream again”.</p>
      )}
    </ConfirmDialog>
  );
}
