import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { Status } from '../../../server/api/contract.ts';
import { Command } from '../../components/command.tsx';
import { Section } from '../../components/page.tsx';
import { Shape } from '../../components/shape.tsx';
import { formatPlural } from '../../format.ts';
import styles from './dashboard.module.css';

interface SetupListProps {
  readonly status: Status;
  /** How many upstreams there are. */
  readonly upstreams: number;
}

/** What is left to do before the first pull arrives; each step ticks itself off. */
export function SetupList({ status, upstreams }: SetupListProps) {
  return (
    <Section title="Set up in three steps">
      <ol className={`panel ${styles['setup'] ?? ''}`}>
        <Step number={1} isDone={status.listening} title="The mirror serves the network">
          {status.listening ? (
            <Command text={status.addresses[0] ?? ''} what="address" />
          ) : (
            <p className="muted">{status.listenError ?? 'Switch “Serving” on, at the top of this window.'}</p>
          )}
        </Step>
        <Step number={2} isDone={upstreams > 0} title="It knows where to pull from">
          <p className="muted">
            {upstreams === 0
              ? 'No upstream yet.'
              : `${formatPlural(upstreams, 'upstream is', 'upstreams are')} set up; ${namesWithoutHost(status.defaultUpstream)}`}{' '}
            <Link to={upstreams === 0 ? '/upstreams/add' : '/upstreams'}>
              {upstreams === 0 ? 'Add an upstream' : 'See the upstreams'}
            </Link>
          </p>
        </Step>
        <Step number={3} isDone={false} title="A client pulls through it">
          <p className="muted">Run this on any machine of the network. The request appears below within a second.</p>
          <Command text={status.pullExample} what="pull command" />
        </Step>
      </ol>
    </Section>
  );
}

/** Where names without a host go; without a default upstream, nowhere. */
export function namesWithoutHost(defaultUpstream: string): string {
  return defaultUpstream === ''
    ? 'there is no default, so clients write the upstream’s name in front of every repository.'
    : `names without a host go to ${defaultUpstream}.`;
}

interface StepProps {
  readonly number: number;
  readonly isDone: boolean;
  readonly title: string;
  readonly children: ReactNode;
}

function Step({ number, isDone, title, children }: StepProps) {
  return (
    <li>
      <span className={`${styles['step'] ?? ''} ${isDone ? (styles['stepDone'] ?? '') : ''}`} aria-hidden="true">
        {isDone ? <Shape name="tick" size={13} /> : number}
      </span>
      <div className="stack-small">
        <h3>
          {title}
          <span className="visually-hidden">{isDone ? ' – done' : ' – to do'}</span>
        </h3>
        {children}
      </div>
    </li>
  );
}
