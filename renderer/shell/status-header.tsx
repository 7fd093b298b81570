import { useState } from 'react';
import { Menu, Switch, UnstyledButton } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import type { Status } from '../../server/api/contract.ts';
import { useStreamState } from '../api/events.ts';
import { useSetOffline, useSetServing, useStatus } from '../api/queries.ts';
import { ConfirmDialog } from '../components/confirm-dialog.tsx';
import { CopyButton } from '../components/copy-button.tsx';
import { ErrorNote } from '../components/error-note.tsx';
import { StateBadge } from '../components/state-badge.tsx';
import { mirrorLook } from '../components/states.tsx';
import { copyText } from '../desktop.ts';
import { shownState, statusSentence, stopWarning } from './status-line.ts';
import styles from './shell.module.css';

/** The mirror's state, its address, and the two switches, on top of every page. */
export function StatusHeader() {
  const { data: status, isError } = useStatus();
  const stream = useStreamState();
  const isFailing = isError && stream !== 'live';
  const look = mirrorLook(shownState(status, isFailing));
  return (
    <>
      <header className={styles['header']}>
        <div className={styles['state']} role="status">
          <StateBadge shape={look.shape} tone={look.tone}>
            {look.word}
          </StateBadge>
          <span className="muted small">{statusSentence(status, isFailing)}</span>
          {stream === 'lost' && !isFailing ? (
            <StateBadge shape="clock" tone="warn" plain>
              Live updates lost, reconnecting
            </StateBadge>
          ) : null}
        </div>
        {status === undefined || isFailing ? null : <Controls status={status} />}
      </header>
    </>
  );
}

function Controls({ status }: { readonly status: Status }) {
  return (
    <>
      {status.listening ? <Address status={status} /> : null}
      <div className={styles['switches']}>
        <OfflineSwitch status={status} />
        <ServingSwitch status={status} />
      </div>
    </>
  );
}

function Address({ status }: { readonly status: Status }) {
  const [best, ...others] = status.addresses;
  if (best === undefined) return null;
  return (
    <div className={styles['address']}>
      <span className="visually-hidden">Address of the mirror: </span>
      <code>{best}</code>
      <CopyButton text={best} what="address" />
      {others.length === 0 ? null : (
        <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
          <Menu.Target>
            <UnstyledButton
              aria-label="Other addresses"
              title="Other addresses"
              style={{ display: 'grid', padding: 5 }}
            >
              <IconChevronDown size={14} />
            </UnstyledButton>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>Copy another address</Menu.Label>
            {others.map((address) => (
              <Menu.Item
                key={address}
                onClick={() => {
                  void copyText(address);
                }}
              >
                <code>{address}</code>
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
    </div>
  );
}

function OfflineSwitch({ status }: { readonly status: Status }) {
  const setOffline = useSetOffline();
  return (
    <div title="No upstream is called; only what is held is served.">
      <Switch
        label="Offline"
        checked={setOffline.isPending ? setOffline.variables.body.offline : status.offline}
        onChange={(event) => {
          setOffline.mutate({ body: { offline: event.currentTarget.checked } });
        }}
      />
      <ErrorNote error={setOffline.error} />
    </div>
  );
}

function ServingSwitch({ status }: { readonly status: Status }) {
  const [asking, setAsking] = useState(false);
  const setServing = useSetServing();
  const close = (): void => {
    setAsking(false);
  };
  return (
    <div>
      <Switch
        label="Serving"
        checked={setServing.isPending ? setServing.variables.body.serving : status.listening}
        onChange={(event) => {
          if (event.currentTarget.checked) setServing.mutate({ body: { serving: true } });
          else setAsking(true);
        }}
      />
      {asking ? null : <ErrorNote error={setServing.error} />}
      <ConfirmDialog
        opened={asking}
        title="Stop serving?"
        confirm="Stop serving"
        danger
        busy={setServing.isPending}
        error={setServing.error}
        onClose={close}
        onConfirm={() => {
          setServing.mutate({ body: { serving: false } }, { onSuccess: close });
        }}
      >
        <p>{stopWarning(status)}</p>
        <p className="muted">This window and everything that is cached stay.</p>
      </ConfirmDialog>
    </div>
  );
}
