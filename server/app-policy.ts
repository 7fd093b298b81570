import type { MirrorConfig } from './app.types.ts';
import { PolicyGate } from './cache/policy-gate.ts';
import type { Database } from './db/database.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { PolicyStore } from './policy/policy-store.ts';
import type { PolicyChange } from './policy/policy-store.ts';
import { SettingStore } from './storage/setting-store.ts';
import { TagRoots } from './storage/tag-roots.ts';

/** The policy, and where it meets what is asked for. */
export interface PolicyParts {
  readonly policy: PolicyStore;
  readonly gate: PolicyGate;
}

/**
 * Reads the policy and builds its gate.
 * @throws ConfigError (CONFIG_INVALID) when the policy file can't be read or is wrong
 */
export function openPolicy(
  config: MirrorConfig,
  opened: { readonly db: Database; readonly clock: Clock; readonly log: Log; readonly audit: Pick<AuditLog, 'record'> },
  changed: () => void,
): PolicyParts {
  const { db, clock, log } = opened;
  const policy = new PolicyStore({
    file: config.settings.policy.file,
    stored: new SettingStore(db),
    onChange: (change) => {
      tell(log, change);
      changed();
    },
  });
  for (const warning of policy.view().warnings) log.warn(warning);
  const gate = new PolicyGate({
    policy,
    roots: new TagRoots(db),
    facts: {
      signature: () => Promise.resolve({ state: 'failed', detail: 'signatures are not checked by this version' }),
      marketplace: () => Promise.resolve({ state: 'unknown', detail: 'no marketplace is asked by this version' }),
    },
    clock,
  });
  return { policy, gate };
}

function tell(log: Log, change: PolicyChange): void {
  if (change.kind === 'refused') {
    for (const problem of change.problems) log.error(`the policy was not taken over: ${problem}`);
    return;
  }
  log.info('another policy holds', { version: change.version });
  for (const warning of change.warnings) log.warn(warning);
}
