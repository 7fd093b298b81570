import type { RequestRow, Status, UpstreamView } from '../../server/api/contract.ts';
import { StateBadge } from './state-badge.tsx';
import type { Tone } from './state-badge.tsx';
import type { ShapeName } from './shape.tsx';

/** The one list of how each state of the mirror looks and what it is called. */

interface Look {
  readonly shape: ShapeName;
  readonly tone: Tone;
  readonly word: string;
}

export type Outcome = RequestRow['outcome'];

/** Words and shapes of a request's outcome. */
export const outcomeLooks: Readonly<Record<Outcome, Look>> = {
  hit: { shape: 'disc', tone: 'ok', word: 'Hit' },
  miss: { shape: 'arrow', tone: 'fetched', word: 'Miss' },
  stale: { shape: 'clock', tone: 'warn', word: 'Stale' },
  failed: { shape: 'octagon', tone: 'bad', word: 'Failed' },
  denied: { shape: 'bar', tone: 'denied', word: 'Denied' },
  ok: { shape: 'tick', tone: 'quiet', word: 'Done' },
};

/** Every outcome, in the order filters offer them. */
export const outcomeNames = Object.keys(outcomeLooks) as readonly Outcome[];

/** How a request ended. */
export function OutcomeBadge({ outcome, plain = false }: { readonly outcome: Outcome; readonly plain?: boolean }) {
  const look = outcomeLooks[outcome];
  return (
    <StateBadge shape={look.shape} tone={look.tone} plain={plain}>
      {look.word}
    </StateBadge>
  );
}

const healthLooks: Readonly<Record<UpstreamView['health']['state'], Look>> = {
  ok: { shape: 'disc', tone: 'ok', word: 'Healthy' },
  failing: { shape: 'triangle', tone: 'warn', word: 'Failing' },
  open: { shape: 'pause', tone: 'bad', word: 'Left alone' },
  unknown: { shape: 'ring', tone: 'quiet', word: 'Not used yet' },
};

/** Health of an upstream in a word; `open` is a circuit breaker that keeps requests away. */
export function HealthBadge({ state }: { readonly state: UpstreamView['health']['state'] }) {
  const look = healthLooks[state];
  return (
    <StateBadge shape={look.shape} tone={look.tone}>
      {look.word}
    </StateBadge>
  );
}

/** The whole mirror's state as the header says it; `undefined` while nothing is known. */
export function mirrorLook(state: Status['state'] | 'unreachable' | undefined): Look {
  if (state === undefined) return { shape: 'ring', tone: 'quiet', word: 'Connecting' };
  const looks: Readonly<Record<Status['state'] | 'unreachable', Look>> = {
    running: { shape: 'disc', tone: 'ok', word: 'Running' },
    working: { shape: 'arrow', tone: 'fetched', word: 'Working' },
    attention: { shape: 'triangle', tone: 'warn', word: 'Needs attention' },
    stopped: { shape: 'ring', tone: 'quiet', word: 'Stopped' },
    unreachable: { shape: 'octagon', tone: 'bad', word: 'Not reachable' },
  };
  return looks[state];
}

const severityLooks: Readonly<Record<'info' | 'warning' | 'error', Look>> = {
  info: { shape: 'info', tone: 'fetched', word: 'Note' },
  warning: { shape: 'triangle', tone: 'warn', word: 'Warning' },
  error: { shape: 'octagon', tone: 'bad', word: 'Problem' },
};

/** How serious something in the needs-attention list is. */
export function SeverityBadge({ severity }: { readonly severity: 'info' | 'warning' | 'error' }) {
  const look = severityLooks[severity];
  return (
    <StateBadge shape={look.shape} tone={look.tone}>
      {look.word}
    </StateBadge>
  );
}
