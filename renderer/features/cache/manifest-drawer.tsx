import { useState } from 'react';
import { Button, Drawer } from '@mantine/core';
import { IconPin, IconPinnedOff, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useSearchParams } from 'react-router';
import type { ManifestDetail } from '../../../server/api/contract.ts';
import { useManifest, usePin } from '../../api/queries.ts';
import { ApiError } from '../../api/problem.ts';
import { EmptyState, ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { targetName } from './cache-tree.ts';
import type { CacheTarget } from './cache-tree.ts';
import { DeleteDialog } from './delete-dialog.tsx';
import { ManifestContent } from './manifest-content.tsx';
import { useRefreshOf } from './selection-bar.tsx';
import { SignatureLine } from './signature-line.tsx';
import { TagHistory } from './tag-history.tsx';
import styles from './cache.module.css';

/** One manifest beside the tree; which one stands in the address, so that Back and bookmarks work. */
export function ManifestDrawer() {
  const [search, setSearch] = useSearchParams();
  const repository = search.get('repository');
  const reference = search.get('reference');
  const close = (): void => {
    setSearch({});
  };
  const target = repository === null || reference === null ? undefined : { repository, reference };
  return (
    <Drawer
      opened={target !== undefined}
      onClose={close}
      position="right"
      size={720}
      title={target === undefined ? '' : <span style={{ overflowWrap: 'anywhere' }}>{titleOf(target)}</span>}
      closeButtonProps={{ 'aria-label': 'Close' }}
      transitionProps={{ duration: 0 }}
    >
      {target === undefined ? null : (
        <Detail
          key={targetName(target)}
          target={target}
          onOpen={(digest) => {
            setSearch({ repository: target.repository, reference: digest });
          }}
          onClose={close}
        />
      )}
    </Drawer>
  );
}

type ManifestTarget = Required<CacheTarget>;

function titleOf({ repository, reference }: ManifestTarget): string {
  return reference.includes(':') ? `Manifest of ${repository}` : `${repository}:${reference}`;
}

interface DetailProps {
  readonly target: ManifestTarget;
  readonly onOpen: (digest: string) => void;
  readonly onClose: () => void;
}

function Detail({ target, onOpen, onClose }: DetailProps) {
  const { data, isPending, error, refetch } = useManifest(target);
  if (isPending) return <LoadingState label="Reading the manifest" lines={8} />;
  if (data === undefined) {
    if (error instanceof ApiError && error.status === 404) {
      return (
        <EmptyState title="Not a manifest that is held">
          It was deleted meanwhile, or the digest belongs to a layer or config, which has no page of its own.
        </EmptyState>
      );
    }
    return <ErrorState title="The manifest could not be read" error={error} onRetry={() => void refetch()} />;
  }
  return (
    <div className={styles['detail']}>
      <Actions target={target} manifest={data} onClose={onClose} />
      <SignatureLine {...target} />
      <ManifestContent manifest={data} onOpen={onOpen}>
        {target.reference.includes(':') ? null : <TagHistory repository={target.repository} tag={target.reference} />}
      </ManifestContent>
    </div>
  );
}

interface ActionsProps {
  readonly target: ManifestTarget;
  readonly manifest: ManifestDetail;
  readonly onClose: () => void;
}

function Actions({ target, manifest, onClose }: ActionsProps) {
  const [isDeleting, setIsDeleting] = useState(false);
  const pin = usePin();
  const refresh = useRefreshOf([target]);
  return (
    <div className="stack-small">
      <div className="row">
        <Button
          size="compact-sm"
          variant="default"
          leftSection={manifest.pinned ? <IconPinnedOff size={15} /> : <IconPin size={15} />}
          loading={pin.isPending}
          onClick={() => {
            pin.mutate({ body: { ...target, pinned: !manifest.pinned } });
          }}
        >
          {manifest.pinned ? 'Unpin' : 'Pin'}
        </Button>
        {refresh.tags.length === 0 ? null : (
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconRefresh size={15} />}
            loading={refresh.isPending}
            onClick={refresh.start}
          >
            Refresh now
          </Button>
        )}
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconTrash size={15} />}
          onClick={() => {
            setIsDeleting(true);
          }}
        >
          Delete…
        </Button>
      </div>
      <ErrorNote error={pin.error ?? refresh.error} />
      {isDeleting ? (
        <DeleteDialog
          targets={[target]}
          onClose={() => {
            setIsDeleting(false);
          }}
          onDeleted={onClose}
        />
      ) : null}
    </div>
  );
}
