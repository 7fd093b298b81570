import { redactText } from '../lib/log.ts';
import type { UpstreamHealth } from '../upstream/client.types.ts';
import type { UpstreamView } from './contract.ts';

/** An upstream's health as the window shows it. PURE. */
export function describeHealth(health: UpstreamHealth): UpstreamView['health'] {
  const { lastError, quota, ...rest } = health;
  return {
    ...rest,
    lastError: lastError === undefined ? undefined : redactText(lastError),
    quota: quota === undefined ? undefined : { ...quota },
  };
}
