import { useState } from 'react';
import { Button } from '@mantine/core';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { useCollectGarbage, useGarbage, useGarbagePreview } from '../../api/queries.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { KeyValue } from '../../components/key-value.tsx';
import { Section } from '../../components/page.tsx';
import { sayDone } from '../../components/say-done.ts';
import { TimeAgo } from '../../components/time-ago.tsx';
import { formatBytes, formatCount, formatDateTime, formatPlural } from '../../format.ts';

type Garbage = RouteResponse<'getGarbage'>;
type Found = RouteResponse<'collectGarbage'>;

/** Names listed before the rest is only counted. */
const namesShown = 12;

/** Garbage collection: when it ran, what it freed, and what it would remove now. */
export function GcPanel() {
  const { data, error, refetch } = useGarbage();
  const [isAsking, setIsAsking] = useState(false);
  return (
    <Section
      title="Garbage collection"
      aside={
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => {
            setIsAsking(true);
          }}
        >
          Collect now
        </Button>
      }
    >
      <div className="panel panel-body stack">
        <p className="muted">
          What no tag leads to any more, and what was deleted, goes once it is not kept any longer. Pulls and pushes go
          on meanwhile.
        </p>
        {data !== undefined ? (
          <GarbageState state={data} />
        ) : error === null ? (
          <LoadingState label="Reading how garbage collection stands" lines={2} />
        ) : (
          <ErrorState title="Garbage collection could not be read" error={error} onRetry={() => void refetch()} />
        )}
      </div>
      {isAsking ? (
        <CollectDialog
          onClose={() => {
            setIsAsking(false);
          }}
        />
      ) : null}
    </Section>
  );
}

function GarbageState({ state: { running, last, nextAt } }: { readonly state: Garbage }) {
  return (
    <>
      {running?.task === 'gc' ? (
        <p role="status">
          Collecting… {formatCount(running.done)}
          {running.total === undefined ? '' : ` of ${formatCount(running.total)}`} blobs looked at.
        </p>
      ) : null}
      {last?.error === undefined ? null : <Note tone="bad">The last collection failed: {last.error}</Note>}
      <KeyValue
        facts={[
          ['Last', <TimeAgo key="last" at={last?.finishedAt} />],
          ['It freed', last === undefined || last.error !== undefined ? undefined : freedText(last)],
          ['Next', nextAt === undefined ? 'not by itself' : formatDateTime(nextAt)],
        ]}
      />
    </>
  );
}

function freedText({ freedBytes, itemsTotal }: Pick<Found, 'freedBytes' | 'itemsTotal'>): string {
  return itemsTotal === 0 ? 'nothing' : `${formatBytes(freedBytes)}, ${formatPlural(itemsTotal, 'item', 'items')}`;
}

/** Shows what goes before anything does. */
function CollectDialog({ onClose }: { readonly onClose: () => void }) {
  const preview = useGarbagePreview();
  const collecting = useCollectGarbage();
  const collect = (): void => {
    collecting.mutate(
      { body: { dryRun: false } },
      {
        onSuccess: (collected) => {
          sayDone('Collected', `${formatBytes(collected.freedBytes)} freed.`);
          onClose();
        },
      },
    );
  };
  return (
    <ConfirmDialog
      opened
      title="Collect garbage?"
      confirm="Collect"
      danger
      busy={collecting.isPending}
      disabled={preview.data === undefined || preview.data.itemsTotal === 0}
      error={collecting.error}
      onClose={onClose}
      onConfirm={collect}
    >
      <ErrorNote error={preview.error} />
      {preview.data === undefined ? (
        preview.error === null ? (
          <p role="status">Working out what nothing needs any more…</p>
        ) : null
      ) : (
        <Preview found={preview.data} />
      )}
    </ConfirmDialog>
  );
}

function Preview({ found: { items, itemsTotal, freedBytes, postponedUntil } }: { readonly found: Found }) {
  const shown = items.slice(0, namesShown);
  const rest = itemsTotal - shown.length;
  return (
    <>
      {itemsTotal === 0 ? <p>There is nothing to collect.</p> : null}
      {itemsTotal > 0 ? (
        <p>
          <strong>{formatBytes(freedBytes)}</strong> on disk will be freed.
        </p>
      ) : null}
      {postponedUntil === undefined ? null : (
        <Note tone="info">
          Until {formatDateTime(postponedUntil)} only leftover files go: clients may still count on what they were told
          before the mirror was started.
        </Note>
      )}
      {shown.length === 0 ? null : (
        <ul className="stack-small" style={{ margin: 0, paddingInlineStart: 'var(--space-4, 1rem)' }}>
          {shown.map((item) => (
            <li key={item.name} style={{ overflowWrap: 'anywhere' }}>
              <code>{item.name}</code>
              {item.bytes > 0 ? `, ${formatBytes(item.bytes)}` : ''}
              <div className="muted small">{item.why}</div>
            </li>
          ))}
          {rest > 0 ? <li className="muted">and {formatCount(rest)} more</li> : null}
        </ul>
      )}
    </>
  );
}
