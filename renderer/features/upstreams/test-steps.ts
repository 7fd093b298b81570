import { formatElapsed } from '../../format.ts';
import type { RouteResponse, UpstreamView } from '../../../server/api/contract.ts';

export type TestStep = RouteResponse<'testUpstream'>['steps'][number];

/** Every step of a test in its order, with what it looks at. */
export const stepNames: readonly { readonly step: TestStep['step']; readonly title: string; readonly about: string }[] =
  [
    { step: 'dns', title: 'Name', about: 'DNS finds an address for the host' },
    { step: 'tcp', title: 'Connection', about: 'TCP reaches the port' },
    { step: 'tls', title: 'Certificate', about: 'TLS, and who signed the certificate' },
    { step: 'token', title: 'Login', about: 'the token service accepts the account, or no account' },
    { step: 'pull', title: 'Pull', about: 'a manifest can be read' },
    { step: 'quota', title: 'Quota', about: 'what is left of the pull limit' },
  ];

export type ShownState = TestStep['state'] | 'waiting' | 'running';

export interface ShownStep {
  readonly step: TestStep['step'];
  readonly title: string;
  readonly about: string;
  readonly state: ShownState;
  readonly result: TestStep | undefined;
}

/** Steps as they are shown while results arrive: done ones, the one under way, those to come. PURE. */
export function shownSteps(results: readonly TestStep[], isRunning: boolean): readonly ShownStep[] {
  const byName = new Map(results.map((result) => [result.step, result]));
  let isNext = isRunning;
  return stepNames.map((name) => {
    const result = byName.get(name.step);
    const state: ShownState = result !== undefined ? result.state : isNext ? 'running' : 'waiting';
    if (result === undefined) isNext = false;
    return { ...name, state, result };
  });
}

/** One sentence for the whole test. */
export function testVerdict(results: readonly TestStep[]): { readonly isGood: boolean; readonly text: string } {
  const failed = results.find((result) => result.state === 'failed');
  if (failed !== undefined) {
    const title = stepNames.find((name) => name.step === failed.step)?.title ?? failed.step;
    return { isGood: false, text: `The test stopped at “${title}”: ${failed.detail}` };
  }
  return { isGood: true, text: 'The test passed: the mirror can pull from this upstream.' };
}

/** What an open circuit breaker means right now. */
export function breakerSentence({ retryAt }: UpstreamView['health'], now: number, locale?: string): string {
  const next =
    retryAt === undefined || retryAt <= now
      ? ' The next request tries it again.'
      : ` Next try in ${formatElapsed(Math.ceil((retryAt - now) / 1000) * 1000, locale)}.`;
  return `It failed several times in a row, so it is left alone for a while and what is held is served.${next}`;
}
