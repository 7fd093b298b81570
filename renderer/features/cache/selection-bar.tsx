import { useState } from 'react';
import { Button } from '@mantine/core';
import { IconPin, IconPinnedOff, IconRefresh, IconTrash, IconUpload } from '@tabler/icons-react';
import { useSearchParams } from 'react-router';
import { usePin, useRefreshTag } from '../../api/queries.ts';
import { sayDone } from '../../components/say-done.ts';
import { ErrorNote } from '../../components/error-note.tsx';
import { formatPlural } from '../../format.ts';
import type { CacheTarget } from './cache-tree.ts';
import { DeleteDialog } from './delete-dialog.tsx';
import styles from './cache.module.css';

interface SelectionBarProps {
  readonly targets: readonly CacheTarget[];
  /** The one repository selected, when it may be pushed to. */
  readonly pushTo: string | undefined;
  readonly onDone: () => void;
}

/** What can be done with the selected rows. */
export function SelectionBar({ targets, pushTo, onDone }: SelectionBarProps) {
  const [, setSearch] = useSearchParams();
  const [isDeleting, setIsDeleting] = useState(false);
  const pin = usePin();
  const refresh = useRefreshOf(targets);
  const isNone = targets.length === 0;
  const pinAll = (pinned: boolean): void => {
    for (const target of targets) pin.mutate({ body: { ...target, pinned } });
  };
  return (
    <div className={styles['selection']} role="toolbar" aria-label="Selected content">
      <span className="muted small" role="status">
        {isNone ? 'Space selects a row, Enter opens it.' : `${formatPlural(targets.length, 'item', 'items')} selected`}
      </span>
      {isNone ? null : (
        <>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconPin size={14} />}
            onClick={() => {
              pinAll(true);
            }}
          >
            Pin
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconPinnedOff size={14} />}
            onClick={() => {
              pinAll(false);
            }}
          >
            Unpin
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconRefresh size={14} />}
            disabled={refresh.tags.length === 0}
            loading={refresh.isPending}
            onClick={refresh.start}
          >
            Refresh now
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            color="red"
            leftSection={<IconTrash size={14} />}
            onClick={() => {
              setIsDeleting(true);
            }}
          >
            Delete…
          </Button>
          {pushTo === undefined ? null : (
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<IconUpload size={14} />}
              onClick={() => {
                setSearch({ push: pushTo });
              }}
            >
              How to push
            </Button>
          )}
          <Button size="compact-sm" variant="subtle" color="gray" onClick={onDone}>
            Clear selection
          </Button>
        </>
      )}
      <ErrorNote error={pin.error ?? refresh.error} />
      {isDeleting ? (
        <DeleteDialog
          targets={targets}
          onClose={() => {
            setIsDeleting(false);
          }}
          onDeleted={() => {
            setIsDeleting(false);
            onDone();
          }}
        />
      ) : null}
    </div>
  );
}

/** Asks upstream for every selected tag, one after the other; says what moved. */
export function useRefreshOf(targets: readonly CacheTarget[]) {
  const refresh = useRefreshTag();
  const tags = targets.flatMap(({ repository, reference }) =>
    reference === undefined || reference.includes(':') ? [] : [{ repository, reference }],
  );
  const start = async (): Promise<void> => {
    let moved = 0;
    for (const body of tags) {
      const { changed } = await refresh.mutateAsync({ body });
      if (changed) moved += 1;
    }
    sayDone(
      `${formatPlural(tags.length, 'tag', 'tags')} checked`,
      moved === 0
        ? 'All are current.'
        : `${formatPlural(moved, 'tag has', 'tags have')} moved and now ${moved === 1 ? 'leads' : 'lead'} to new content.`,
    );
  };
  return {
    tags,
    isPending: refresh.isPending,
    error: refresh.error,
    // A failure is shown beside the button; there is nothing else to do about it.
    start: () => void start().catch(() => undefined),
  };
}
