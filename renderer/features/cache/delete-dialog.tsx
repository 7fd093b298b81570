import { useState } from 'react';
import { Checkbox } from '@mantine/core';
import { useDeleteContent, useDeletePreviews } from '../../api/queries.ts';
import { sayDone } from '../../components/say-done.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { formatBytes, formatCount, formatDateTime, formatPlural } from '../../format.ts';
import { targetName } from './cache-tree.ts';
import type { CacheTarget } from './cache-tree.ts';
import styles from './cache.module.css';

/** Names listed before the rest is only counted. */
const namesShown = 12;

interface DeleteDialogProps {
  readonly targets: readonly CacheTarget[];
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

/** Shows what goes, until when it can be undone and how many bytes that really frees, then deletes. */
export function DeleteDialog({ targets, onClose, onDeleted }: DeleteDialogProps) {
  const [freeNow, setFreeNow] = useState(false);
  const preview = useDeletePreviews(targets, freeNow);
  const deleting = useDeletion(targets, freeNow, onDeleted);
  const [first] = targets;
  const what =
    targets.length === 1 && first !== undefined ? targetName(first) : formatPlural(targets.length, 'item', 'items');
  return (
    <ConfirmDialog
      opened
      title="Delete from the cache?"
      confirm={targets.length === 1 ? 'Delete' : `Delete ${formatPlural(targets.length, 'item', 'items')}`}
      danger
      busy={deleting.isBusy}
      disabled={preview.isPending || preview.error !== null}
      error={deleting.error}
      onClose={onClose}
      onConfirm={deleting.start}
    >
      <p>
        <code>{what}</code>
      </p>
      {preview.isPending ? <p role="status">Working out what this frees…</p> : null}
      <ErrorNote error={preview.error} />
      {preview.isPending || preview.error !== null ? null : <Preview preview={preview} isMany={targets.length > 1} />}
      <Checkbox
        label="Free the bytes now; then it can’t be undone"
        checked={freeNow}
        disabled={deleting.isBusy}
        onChange={(event) => {
          setFreeNow(event.currentTarget.checked);
        }}
      />
    </ConfirmDialog>
  );
}

interface PreviewProps {
  readonly preview: ReturnType<typeof useDeletePreviews>;
  readonly isMany: boolean;
}

function Preview({ preview, isMany }: PreviewProps) {
  const names = preview.items.slice(0, namesShown);
  const rest = preview.itemsTotal - names.length;
  return (
    <>
      <Bytes preview={preview} isMany={isMany} />
      {names.length === 0 ? null : (
        <ul className={styles['items']}>
          {names.map((name) => (
            <li key={name} style={{ overflowWrap: 'anywhere' }}>
              {name}
            </li>
          ))}
          {rest > 0 ? <li className="muted">and {formatCount(rest)} more</li> : null}
        </ul>
      )}
      <p className="muted small">
        The upstream is not touched: a client that asks again makes the mirror fetch it anew.
      </p>
    </>
  );
}

function Bytes({ preview, isMany }: PreviewProps) {
  const { freedBytes, keptBytes, keptUntil } = preview;
  const isUndoable = keptUntil !== undefined;
  return (
    <>
      {isUndoable ? (
        <p>
          It can be undone until <strong>{formatDateTime(keptUntil)}</strong>, under “Deleted”. Until then{' '}
          <span className={styles['freed']}>{formatBytes(keptBytes)}</span> stay on disk.
        </p>
      ) : null}
      {isUndoable && freedBytes === 0 ? null : (
        <p>
          <span className={styles['freed']}>{formatBytes(freedBytes)}</span> on disk {isMany ? 'or more ' : ''}
          will be freed.
        </p>
      )}
      {freedBytes + keptBytes === 0 ? (
        <Note tone="info">Everything in it is used by other content as well, so no space is freed.</Note>
      ) : null}
    </>
  );
}

function useDeletion(targets: readonly CacheTarget[], freeNow: boolean, onDeleted: () => void) {
  const deletion = useDeleteContent();
  const [isBusy, setIsBusy] = useState(false);
  const run = async (): Promise<void> => {
    let freed = 0;
    for (const target of targets) freed += (await deletion.mutateAsync({ body: { ...target, freeNow } })).freedBytes;
    sayDone('Deleted', freeNow ? `${formatBytes(freed)} freed.` : 'It can be restored under “Deleted”.');
    onDeleted();
  };
  const start = (): void => {
    setIsBusy(true);
    // A failure stays in the dialog, with what is left to delete.
    void run()
      .catch(() => undefined)
      .finally(() => {
        setIsBusy(false);
      });
  };
  return { start, isBusy, error: deletion.error };
}
