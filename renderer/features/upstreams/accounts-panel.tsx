import { useState } from 'react';
import { ActionIcon, Button, SegmentedControl, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconTrash } from '@tabler/icons-react';
import type { UpstreamView } from '../../../server/api/contract.ts';
import { useAddAccount, useRemoveAccount } from '../../api/queries.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import styles from './upstreams.module.css';

type Account = UpstreamView['accounts'][number];

/** Accounts of an upstream by repository path, with what they mean for everybody. */
export function AccountsPanel({ upstream }: { readonly upstream: UpstreamView }) {
  const [isAdding, setIsAdding] = useState(false);
  const [removing, setRemoving] = useState<Account | undefined>(undefined);
  return (
    <section className="panel panel-body stack" aria-label="Accounts">
      <div className="spread">
        <h2>Accounts</h2>
        {isAdding ? null : (
          <Button
            variant="default"
            size="compact-sm"
            disabled={upstream.locked}
            onClick={() => {
              setIsAdding(true);
            }}
          >
            Add account
          </Button>
        )}
      </div>
      {upstream.accounts.length === 0 ? (
        <p className="muted">None: the mirror pulls as anybody could.</p>
      ) : (
        <>
          <AccountList upstream={upstream} onRemove={setRemoving} />
          <Note tone="warn">Everyone who can reach this mirror can pull what these accounts can pull.</Note>
        </>
      )}
      {isAdding ? (
        <AddAccount
          name={upstream.name}
          onClose={() => {
            setIsAdding(false);
          }}
        />
      ) : null}
      <RemoveAccount
        name={upstream.name}
        account={removing}
        onClose={() => {
          setRemoving(undefined);
        }}
      />
    </section>
  );
}

function describe(account: Account): string {
  return account.kind === 'token' ? 'Registry token' : account.username;
}

function AccountList({
  upstream,
  onRemove,
}: {
  readonly upstream: UpstreamView;
  readonly onRemove: (account: Account) => void;
}) {
  return (
    <ul className={styles['accounts']}>
      {upstream.accounts.map((account) => (
        <li key={`${account.path} ${account.username} ${account.kind}`}>
          <div>
            <strong>{describe(account)}</strong>
            <div className="muted small">{account.path === '' ? 'for all repositories' : `for ${account.path}/…`}</div>
          </div>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={30}
            disabled={upstream.locked}
            aria-label={`Remove account ${describe(account)}`}
            onClick={() => {
              onRemove(account);
            }}
          >
            <IconTrash size={16} />
          </ActionIcon>
        </li>
      ))}
    </ul>
  );
}

interface AccountForm {
  path: string;
  kind: 'password' | 'token';
  username: string;
  secret: string;
}

function useAccountForm() {
  const initialValues: AccountForm = { path: '', kind: 'password', username: '', secret: '' };
  return useForm({ initialValues, validate: validateAccount });
}

function validateAccount({ kind, username, secret }: AccountForm): Record<string, string> {
  const errors: Record<string, string> = {};
  if (kind === 'password' && username.trim() === '') errors['username'] = 'Write the user name';
  if (secret === '') errors['secret'] = kind === 'password' ? 'Write the password or access token' : 'Write the token';
  return errors;
}

function AddAccount({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const add = useAddAccount();
  const form = useAccountForm();
  const save = form.onSubmit(({ path, kind, username, secret }) => {
    const secrets = kind === 'token' ? { registryToken: secret } : { username: username.trim(), password: secret };
    add.mutate({ query: { name }, body: { path: path.trim(), ...secrets } }, { onSuccess: onClose });
  });
  return (
    <form className="stack" noValidate aria-label="New account" onSubmit={save}>
      <AccountFields form={form} />
      <Note tone="warn">Everyone who can reach this mirror can then pull what this account can pull.</Note>
      <ErrorNote error={add.error} />
      <div className="row">
        <Button type="submit" loading={add.isPending}>
          Save account
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

function AccountFields({ form }: { readonly form: ReturnType<typeof useAccountForm> }) {
  const { kind } = form.getValues();
  return (
    <>
      <SegmentedControl
        aria-label="Kind of account"
        size="xs"
        transitionDuration={0}
        data={[
          { value: 'password', label: 'User and password' },
          { value: 'token', label: 'Registry token' },
        ]}
        {...form.getInputProps('kind')}
      />
      {kind === 'password' ? (
        <TextInput
          label="User name"
          autoComplete="off"
          spellCheck={false}
          data-autofocus
          {...form.getInputProps('username')}
        />
      ) : null}
      <TextInput
        label={kind === 'password' ? 'Password or access token' : 'Token'}
        type="password"
        autoComplete="new-password"
        {...form.getInputProps('secret')}
      />
      <TextInput
        label="Only for repositories under"
        description="Empty: for all. The longest matching path wins."
        placeholder="org/private"
        spellCheck={false}
        {...form.getInputProps('path')}
      />
    </>
  );
}

interface RemoveAccountProps {
  readonly name: string;
  readonly account: Account | undefined;
  readonly onClose: () => void;
}

function RemoveAccount({ name, account, onClose }: RemoveAccountProps) {
  const remove = useRemoveAccount();
  return (
    <ConfirmDialog
      opened={account !== undefined}
      title="Remove this account?"
      confirm="Remove account"
      danger
      busy={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onConfirm={() => {
        if (account === undefined) return;
        remove.mutate({ query: { name, path: account.path, username: account.username } }, { onSuccess: onClose });
      }}
    >
      <p>
        {account === undefined ? '' : describe(account)} is forgotten. What was pulled with it stays in the cache, and
        stays readable for everyone who can reach this mirror.
      </p>
    </ConfirmDialog>
  );
}
