import { useState } from 'react';
import { Button, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconArrowBackUp, IconSearch, IconTrash } from '@tabler/icons-react';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { useDeleted, useRestoreDeleted } from '../../api/queries.ts';
import { EmptyState, ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { sayDone } from '../../components/say-done.ts';
import { TimeAgo } from '../../components/time-ago.tsx';
import { formatBytes, formatDateTime, formatPlural, shortDigest } from '../../format.ts';
import styles from './cache.module.css';

type Deleted = RouteResponse<'listDeleted'>['rows'][number];

const searchDelayMs = 250;

/** What was deleted and is kept, with the way back. */
export function DeletedView() {
  const [text, setText] = useState('');
  const [asked] = useDebouncedValue(text.trim(), searchDelayMs);
  const listing = useDeleted(asked);
  const rows = listing.data?.pages.flatMap((page) => page.rows) ?? [];
  return (
    <>
      <div className={styles['tools']} role="search">
        <TextInput
          label="Search"
          placeholder="Repository"
          w={280}
          maw="100%"
          spellCheck={false}
          leftSection={<IconSearch size={15} />}
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
          }}
        />
      </div>
      <div className="panel">
        {listing.isPending ? (
          <LoadingState label="Reading what was deleted" />
        ) : listing.data === undefined ? (
          <ErrorState
            title="What was deleted could not be read"
            error={listing.error}
            onRetry={() => void listing.refetch()}
          />
        ) : rows.length === 0 ? (
          <EmptyState
            icon={<IconTrash size={22} />}
            title={asked === '' ? 'Nothing deleted is kept' : 'Nothing deleted matches'}
          >
            What is deleted can be restored from here while it is kept; afterwards its bytes are freed.
          </EmptyState>
        ) : (
          <DeletedTable rows={rows} />
        )}
      </div>
      {listing.hasNextPage ? (
        <div>
          <Button
            variant="default"
            size="compact-sm"
            loading={listing.isFetchingNextPage}
            onClick={() => void listing.fetchNextPage()}
          >
            Show more
          </Button>
        </div>
      ) : null}
    </>
  );
}

function DeletedTable({ rows }: { readonly rows: readonly Deleted[] }) {
  const { restore, errorOf, isBusy } = useRestore();
  return (
    <div className={styles['deleted']} tabIndex={0} role="group" aria-label="Deleted content">
      <table className={styles['table']}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Deleted</th>
            <th scope="col">Kept until</th>
            <th scope="col" className={styles['num'] ?? ''}>
              Size
            </th>
            <th scope="col">
              <span className="visually-hidden">Action</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <DeletedRow
              key={`${row.repository} ${row.reference}`}
              row={row}
              error={errorOf(row)}
              isBusy={isBusy(row)}
              onRestore={() => {
                restore(row);
              }}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Here and not in the row: the row is gone by the time it can be told that it worked. */
function useRestore() {
  const change = useRestoreDeleted();
  const isAsked = ({ repository, reference }: Deleted): boolean =>
    change.variables?.body.repository === repository && change.variables.body.reference === reference;
  return {
    errorOf: (row: Deleted) => (isAsked(row) ? change.error : null),
    isBusy: (row: Deleted) => change.isPending && isAsked(row),
    restore: (row: Deleted): void => {
      change.mutate(
        { body: { repository: row.repository, reference: row.reference } },
        {
          onSuccess: ({ tags }) => {
            const what = tags.length === 0 ? 'its manifest' : formatPlural(tags.length, 'tag', 'tags');
            sayDone('Restored', `${nameOf(row)} is served again, with ${what}.`);
          },
        },
      );
    },
  };
}

function nameOf({ repository, reference }: Deleted): string {
  return reference.includes(':') ? `${repository}@${shortDigest(reference)}` : `${repository}:${reference}`;
}

interface DeletedRowProps {
  readonly row: Deleted;
  readonly error: unknown;
  readonly isBusy: boolean;
  readonly onRestore: () => void;
}

function DeletedRow({ row, error, isBusy, onRestore }: DeletedRowProps) {
  return (
    <tr>
      <td style={{ overflowWrap: 'anywhere' }} title={row.digest}>
        {nameOf(row)}
        <ErrorNote error={error} />
      </td>
      <td>
        <TimeAgo at={row.deletedAt} /> {row.how === 'retention' ? 'by a rule' : ''}
      </td>
      <td>
        <time dateTime={new Date(row.keptUntil).toISOString()}>{formatDateTime(row.keptUntil)}</time>
      </td>
      <td className={styles['num']}>{formatBytes(row.bytes)}</td>
      <td className={styles['num']}>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconArrowBackUp size={15} />}
          aria-label={`Restore ${nameOf(row)}`}
          loading={isBusy}
          onClick={onRestore}
        >
          Restore
        </Button>
      </td>
    </tr>
  );
}
