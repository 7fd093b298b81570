import { useEffect, useState } from 'react';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import type { RouteBody, RouteResponse } from '../../../server/api/contract.ts';
import { useTestPolicy } from '../../api/queries.ts';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { KeyValue } from '../../components/key-value.tsx';
import { Section } from '../../components/page.tsx';
import { shortDigest } from '../../format.ts';
import { ModeBadge } from './rule-list.tsx';
import styles from './policies.module.css';

type Tested = RouteResponse<'testPolicy'>;
type Action = NonNullable<RouteBody<'testPolicy'>['action']>;

const actions: readonly { readonly value: Action; readonly label: string }[] = [
  { value: 'pull', label: 'Pull' },
  { value: 'push', label: 'Push' },
  { value: 'sync', label: 'Sync' },
  { value: 'import', label: 'Import' },
  { value: 'export', label: 'Export' },
];

interface PolicyTesterProps {
  /** A reference to begin with, from a link of another page. */
  readonly asked: string;
  /** A text that is not saved; undefined: the policy that holds. */
  readonly draft: string | undefined;
}

/** Explains what is decided about one reference, and by which rule. */
export function PolicyTester({ asked, draft }: PolicyTesterProps) {
  const [reference, setReference] = useState(asked);
  const [action, setAction] = useState<Action>('pull');
  const [user, setUser] = useState('');
  const testing = useTestPolicy();
  const { mutate } = testing;
  useEffect(() => {
    if (asked !== '') mutate({ body: { reference: asked } });
  }, [asked, mutate]);
  return (
    <Section title="Try a reference">
      <form
        className="panel panel-body stack"
        onSubmit={(event) => {
          event.preventDefault();
          mutate({
            body: {
              reference: reference.trim(),
              action,
              ...(user === '' ? {} : { user }),
              ...(draft === undefined ? {} : { text: draft }),
            },
          });
        }}
      >
        <div className={styles['tester']}>
          <TextInput
            label="Reference, as a client writes it"
            placeholder="ghcr.io/org/app:1.2"
            spellCheck={false}
            value={reference}
            onChange={(event) => {
              setReference(event.currentTarget.value);
            }}
          />
          <NativeSelect
            label="Action"
            value={action}
            data={[...actions]}
            onChange={(event) => {
              const { value } = event.currentTarget;
              setAction(actions.find((known) => known.value === value)?.value ?? 'pull');
            }}
          />
          <TextInput
            label="User"
            placeholder="nobody"
            spellCheck={false}
            value={user}
            onChange={(event) => {
              setUser(event.currentTarget.value.trim());
            }}
          />
          <Button type="submit" variant="default" loading={testing.isPending} disabled={reference.trim() === ''}>
            {draft === undefined ? 'Try it' : 'Try it with the text below'}
          </Button>
        </div>
        <div role="status">{testing.data === undefined ? null : <Answer result={testing.data} />}</div>
        <ErrorNote error={testing.error} />
      </form>
    </Section>
  );
}

const looks = {
  allow: { tone: 'ok', word: 'Allowed' },
  deny: { tone: 'bad', word: 'Denied' },
  unknown: { tone: 'warn', word: 'Not known yet' },
} as const;
const sayings: Readonly<Record<Tested['rules'][number]['said'], string>> = {
  pass: 'has nothing against it',
  allow: 'allows it',
  deny: 'denies it',
  need: 'waits',
  skipped: 'was not asked any more',
};

function Answer({ result }: { readonly result: Tested }) {
  const { tone, word } = looks[result.effect];
  const { mapping, digest, tags, rules } = result;
  return (
    <div className="stack-small">
      <Note tone={tone}>
        <strong>
          {word}
          {result.rule === undefined ? '' : ` by rule ${result.rule}`}.
        </strong>{' '}
        {result.reason}
      </Note>
      {result.wouldDeny.map(({ rule, reason }) => (
        <Note key={rule} tone="info">
          <strong>Rule {rule}, in dry run, would deny it.</strong> {reason}
        </Note>
      ))}
      <KeyValue
        facts={[
          ['Leads to', mapping.repository ?? 'nowhere'],
          ['Because', mapping.explanation],
          ['Rules see', result.asked],
          ['Held', result.held ? 'yes' : 'no, so only its name and tag are known'],
          ['Digest', digest === undefined ? undefined : <code key="digest">{shortDigest(digest)}</code>],
          ['Tags', tags.length === 0 ? undefined : tags.join(', ')],
        ]}
      />
      {rules.length === 0 ? null : (
        <details>
          <summary>What each rule said</summary>
          <ol className={styles['words']}>
            {rules.map(({ rule, mode, said, reason }, position) => (
              <li key={`${rule} ${String(position)}`}>
                <code>{rule}</code> {mode === 'enforce' ? null : <ModeBadge mode={mode} />} {sayings[said]}
                {reason === undefined ? '' : `: ${reason}`}
              </li>
            ))}
          </ol>
        </details>
      )}
    </div>
  );
}
