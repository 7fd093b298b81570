import { useState } from 'react';
import { Button, TextInput } from '@mantine/core';
import type { RouteQuery, RouteResponse } from '../../../server/api/contract.ts';
import { useMatch } from '../../api/queries.ts';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { KeyValue } from '../../components/key-value.tsx';
import { Section } from '../../components/page.tsx';
import styles from './upstreams.module.css';

const nothingAsked: RouteQuery<'matchReference'> = { reference: '' };

/** Answers "which rule matches": where a reference, as a client writes it, is looked up and why. */
export function MatchTester() {
  const [asked, setAsked] = useState(nothingAsked);
  const [reference, setReference] = useState('');
  const [ns, setNs] = useState('');
  const [host, setHost] = useState('');
  const match = useMatch(asked);
  return (
    <Section title="Which rule matches?">
      <form
        className="panel panel-body stack"
        onSubmit={(event) => {
          event.preventDefault();
          setAsked({ reference: reference.trim(), ...(ns === '' ? {} : { ns }), ...(host === '' ? {} : { host }) });
        }}
      >
        <div className={styles['tester']}>
          <TextInput
            label="Reference, as a client writes it"
            placeholder="ghcr.io/org/app:1.2 or library/alpine"
            value={reference}
            onChange={(event) => {
              setReference(event.currentTarget.value);
            }}
          />
          <TextInput
            label="ns= of containerd"
            placeholder="empty"
            value={ns}
            onChange={(event) => {
              setNs(event.currentTarget.value.trim());
            }}
          />
          <TextInput
            label="Host header"
            placeholder="empty"
            value={host}
            onChange={(event) => {
              setHost(event.currentTarget.value.trim());
            }}
          />
          <Button type="submit" variant="default" loading={match.isFetching} disabled={reference.trim() === ''}>
            Show the rule
          </Button>
        </div>
        <div role="status">{match.data === undefined || match.isError ? null : <MatchAnswer match={match.data} />}</div>
        <ErrorNote error={match.error} />
      </form>
    </Section>
  );
}

const ruleNames: Readonly<Record<RouteResponse<'matchReference'>['rule'], string>> = {
  ns: 'ns= parameter',
  host: 'Host header',
  prefix: 'Upstream’s name in front',
  content: 'Content rule',
  local: 'Local repository',
  'catch-all': 'Content rule for every name',
  default: 'Default upstream',
  none: 'No rule',
};

function MatchAnswer({ match }: { readonly match: RouteResponse<'matchReference'> }) {
  return (
    <div className="stack-small">
      <Note tone={match.rule === 'none' ? 'warn' : 'ok'}>
        <strong>{ruleNames[match.rule]}.</strong> {match.explanation}
      </Note>
      <KeyValue
        facts={[
          ['Upstream', match.upstream],
          ['Asked there for', match.upstreamRepository],
          ['Kept here as', match.repository],
          ['Held', match.held ? 'yes, it is in the cache' : 'no, the first pull fetches it'],
        ]}
      />
    </div>
  );
}
