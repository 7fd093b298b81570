import { useState } from 'react';
import type { ReactNode } from 'react';
import { ActionIcon, Button, Menu } from '@mantine/core';
import { IconDots, IconLock, IconRefresh, IconStar, IconTrash } from '@tabler/icons-react';
import { Link } from 'react-router';
import type { UpstreamView } from '../../../server/api/contract.ts';
import { useRemoveUpstream, useRetryUpstream, useSetDefaultUpstream } from '../../api/queries.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { QuotaBar } from '../../components/quota-bar.tsx';
import { HealthBadge } from '../../components/states.tsx';
import { TimeAgo, useNow } from '../../components/time-ago.tsx';
import { formatBytes, formatPlural } from '../../format.ts';
import { modeSentence, modeTitle } from './modes.ts';
import { breakerSentence } from './test-steps.ts';
import { settingsOf } from './upstream-form.ts';
import styles from './upstreams.module.css';

interface UpstreamCardProps {
  readonly upstream: UpstreamView;
  /** Buttons that move it among the others, where it can be. */
  readonly order?: ReactNode;
}

/** One upstream at a glance: health, mode, quota, what is held from it, and what can be done. */
export function UpstreamCard({ upstream, order }: UpstreamCardProps) {
  const { name, health } = upstream;
  return (
    <div className={`panel ${styles['card'] ?? ''}`}>
      <div className="stack-small">
        <h2 className={styles['name']}>
          <Link to={editPath(name)}>{name}</Link>
          {upstream.isDefault ? (
            <span className={styles['tag']}>
              <IconStar size={12} aria-hidden="true" /> Default
            </span>
          ) : null}
          {upstream.locked ? <LockMark /> : null}
        </h2>
        <ModeLine upstream={upstream} />
        <div className="muted small">
          {formatPlural(upstream.repositories, 'repository', 'repositories')} held ·{' '}
          {formatBytes(upstream.contentBytes)}
          {upstream.accounts.length === 0
            ? null
            : ` · ${formatPlural(upstream.accounts.length, 'account', 'accounts')}`}
        </div>
      </div>
      <div className="stack-small">
        <div className="row">
          <HealthBadge state={health.state} />
          <span className="muted small">
            {health.lastSuccessAt === undefined ? null : (
              <>
                last answer <TimeAgo at={health.lastSuccessAt} />
              </>
            )}
          </span>
        </div>
        {health.quota === undefined ? null : <QuotaBar name={name} quota={health.quota} />}
      </div>
      <CardActions upstream={upstream} order={order} />
      <Trouble upstream={upstream} />
    </div>
  );
}

/** Path of an upstream's own page. */
export function editPath(name: string): string {
  return `/upstreams/edit?name=${encodeURIComponent(name)}`;
}

/** Says that a value is fixed elsewhere, and where. */
export function LockMark() {
  return (
    <span className={styles['tag']} title="Set by the settings file or a flag; change it there.">
      <IconLock size={12} aria-hidden="true" /> Set in the settings file
    </span>
  );
}

function ModeLine({ upstream }: { readonly upstream: UpstreamView }) {
  const settings = settingsOf(upstream);
  const mode = settings.mode ?? 'check';
  const rules = settings.tags?.length ?? 0;
  return (
    <div>
      <strong>{modeTitle(mode)}</strong> <span className="muted">– {modeSentence(mode, settings.ttl ?? '5m')}</span>
      {rules === 0 ? null : <span className="muted">, {formatPlural(rules, 'tag rule', 'tag rules')}</span>}
    </div>
  );
}

/** The last failure, and the way out of an open circuit breaker. */
export function Trouble({ upstream }: { readonly upstream: UpstreamView }) {
  const now = useNow();
  const retry = useRetryUpstream();
  const { health, name } = upstream;
  if (health.state !== 'failing' && health.state !== 'open') return null;
  return (
    <div className={styles['wide']}>
      <Note tone={health.state === 'open' ? 'bad' : 'warn'}>
        <div className="spread">
          <div>
            {health.state === 'open' ? breakerSentence(health, now) : 'The last request failed.'}
            {health.lastError === undefined ? null : <div>{health.lastError}</div>}
          </div>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconRefresh size={14} />}
            loading={retry.isPending}
            onClick={() => {
              retry.mutate({ body: { name } });
            }}
          >
            Retry now
          </Button>
        </div>
      </Note>
      <ErrorNote error={retry.error} />
    </div>
  );
}

function CardActions({ upstream, order }: UpstreamCardProps) {
  const [isRemoving, setIsRemoving] = useState(false);
  const setDefault = useSetDefaultUpstream();
  const { name } = upstream;
  return (
    <div className="row">
      {order}
      <Button component={Link} to={editPath(name)} variant="default" size="compact-sm">
        {upstream.locked ? 'View' : 'Edit'}
        <span className="visually-hidden">&nbsp;{name}</span>
      </Button>
      <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
        <Menu.Target>
          <ActionIcon variant="default" size={26} aria-label={`More for ${name}`}>
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<IconStar size={15} />}
            disabled={upstream.isDefault || upstream.locked}
            onClick={() => {
              setDefault.mutate({ body: { name } });
            }}
          >
            Make it the default
          </Menu.Item>
          <Menu.Item
            color="red"
            leftSection={<IconTrash size={15} />}
            disabled={upstream.locked}
            onClick={() => {
              setIsRemoving(true);
            }}
          >
            Remove…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ErrorNote error={setDefault.error} />
      <RemoveDialog
        upstream={upstream}
        opened={isRemoving}
        onClose={() => {
          setIsRemoving(false);
        }}
      />
    </div>
  );
}

interface RemoveDialogProps {
  readonly upstream: UpstreamView;
  readonly opened: boolean;
  readonly onClose: () => void;
}

function RemoveDialog({ upstream, opened, onClose }: RemoveDialogProps) {
  const remove = useRemoveUpstream();
  const held = formatPlural(upstream.repositories, 'repository', 'repositories');
  return (
    <ConfirmDialog
      opened={opened}
      title={`Remove ${upstream.name}?`}
      confirm="Remove upstream"
      danger
      busy={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onConfirm={() => {
        remove.mutate({ query: { name: upstream.name } }, { onSuccess: onClose });
      }}
    >
      <p>Its settings and accounts are forgotten, and nothing new is pulled from it.</p>
      <p className="muted">
        What is held from it ({held}, {formatBytes(upstream.contentBytes)}) stays on disk until it is deleted under
        Cache.
      </p>
    </ConfirmDialog>
  );
}
