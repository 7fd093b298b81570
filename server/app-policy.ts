import { dirname, resolve } from 'node:path';
import type { MirrorConfig } from './app.types.ts';
import type { AuditLog } from './audit/audit-log.ts';
import { PolicyGate } from './cache/policy-gate.ts';
import type { FactSources } from './cache/policy-gate.ts';
import { heldSignatures } from './cache/held-signatures.ts';
import type { HeldSignaturesParts } from './cache/held-signatures.ts';
import { Signatures } from './cache/signatures.ts';
import type { SignaturesParts, Trusted } from './cache/signatures.ts';
import type { Database } from './db/database.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { readTextFile } from './lib/text-file.ts';
import { withOnlySigned } from './policy/only-signed.ts';
import { PolicyStore } from './policy/policy-store.ts';
import type { PolicyChange } from './policy/policy-store.ts';
import { compileTrustedIdentities } from './policy/signature-rule.ts';
import type { TrustReader } from './policy/trust-material.ts';
import { SettingStore } from './storage/setting-store.ts';
import { TagRoots } from './storage/tag-roots.ts';
import type { UpstreamSet } from './upstream/upstream-set.ts';
import { trustedRootProblem } from './trust/keyless.ts';
import { publicKeyProblem } from './trust/public-key.ts';
import { openTrustRoots } from './trust/trust-roots.ts';
import { trustStoreProblem } from './trust/trust-store.ts';

/** Far more than a key, a trusted root or a trust store has. */
const trustLimitBytes = 4 * 2 ** 20;

const nobody: ReadonlySet<string> = new Set();

/** The policy, and where it meets what is asked for. */
export interface PolicyParts {
  readonly policy: PolicyStore;
  readonly gate: PolicyGate;
  readonly signatures: Signatures;
}

/**
 * Reads the policy and builds its gate.
 * @throws ConfigError (CONFIG_INVALID) when the policy file can't be read or is wrong
 */
export function openPolicy(
  config: MirrorConfig,
  opened: {
    readonly db: Database;
    readonly clock: Clock;
    readonly log: Log;
    readonly audit: Pick<AuditLog, 'record'>;
  },
  caches: Pick<SignaturesParts, 'discovery'> & {
    readonly manifestCache: SignaturesParts['manifests'];
    readonly blobCache: SignaturesParts['blobs'];
    readonly upstreams: Pick<UpstreamSet, 'list'>;
  } & HeldSignaturesParts,
  changed: () => void,
): PolicyParts {
  const { db, clock, log } = opened;
  const { file } = config.settings.policy;
  const policy = new PolicyStore({
    file,
    stored: new SettingStore(db),
    reader: trustReaderOf(file),
    onChange: (change) => {
      tell(log, change);
      // what a person saves in the window is recorded where the person is known
      if (file !== '') record(opened, file, change);
      changed();
    },
  });
  for (const warning of policy.view().warnings) log.warn(warning);
  const trusted = trustedBy(policy);
  const signatures = new Signatures({
    manifests: caches.manifestCache,
    blobs: caches.blobCache,
    discovery: caches.discovery,
    trusted,
    clock,
  });
  const gate = new PolicyGate({
    policy: withOnlySigned(policy, () => onlySignedOf(caches.upstreams)),
    roots: new TagRoots(db),
    facts: factsFrom(signatures),
    heldFacts: factsFrom(new Signatures({ ...heldSignatures(caches), trusted, clock })),
    clock,
  });
  return { policy, gate, signatures };
}

/** Those that are only asked on a schedule serve what they hold, as zot does. */
function onlySignedOf(upstreams: Pick<UpstreamSet, 'list'>): ReadonlySet<string> {
  const some = upstreams.list().filter(({ settings }) => settings.onlySigned && settings.onDemand);
  return some.length === 0 ? nobody : new Set(some.map(({ settings }) => settings.name));
}

function factsFrom(signatures: Signatures): FactSources {
  return {
    signature: ({ name, upstream, upstreamRepository }, digest) =>
      signatures.factOf({ name, upstream, upstreamRepository }, digest),
    carriesSignature: ({ name, upstream, upstreamRepository }, digest) =>
      signatures.presenceOf({ name, upstream, upstreamRepository }, digest),
    marketplace: () => Promise.resolve({ state: 'unknown', detail: 'no marketplace is asked by this version' }),
  };
}

/** Reads and checks the keys and certificates of a policy; a relative path is from its file's own folder. */
function trustReaderOf(policyFile: string): TrustReader {
  return {
    mayBeRelative: policyFile !== '',
    read: (path) => readTextFile(resolve(dirname(policyFile), path), trustLimitBytes),
    problem: (kind, text) => {
      if (kind === 'key') return publicKeyProblem(text);
      return kind === 'trusted root' ? trustedRootProblem(text) : trustStoreProblem(text);
    },
  };
}

/** Opened once for each policy that holds. */
function trustedBy(policy: PolicyStore): () => Trusted {
  let trusted: Trusted | undefined;
  return () => {
    if (trusted?.version !== policy.version) {
      const roots = openTrustRoots(policy.trust, compileTrustedIdentities(policy.document));
      trusted = { version: policy.version, roots };
    }
    return trusted;
  };
}

function tell(log: Log, change: PolicyChange): void {
  if (change.kind === 'refused') {
    for (const problem of change.problems) log.error(`the policy was not taken over: ${problem}`);
    return;
  }
  if (change.kind === 'mended') {
    log.info('the policy file is as it was before; its policy held all the time', { version: change.version });
    return;
  }
  log.info('another policy holds', { version: change.version });
  for (const warning of change.warnings) log.warn(warning);
}

function record(
  { audit, clock }: { readonly audit: Pick<AuditLog, 'record'>; readonly clock: Clock },
  file: string,
  change: PolicyChange,
): void {
  const isRefused = change.kind === 'refused';
  audit.record({
    event: 'config_change',
    at: clock.now(),
    artifact: 'policy',
    clientIp: '',
    cached: false,
    outcome: isRefused ? 'failed' : 'ok',
    requestId: '',
    detail: isRefused
      ? `refused, the policy before it holds: ${change.problems.join(' ')}`
      : `version ${change.version} from ${file}`,
  });
}
