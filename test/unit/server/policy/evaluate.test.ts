import { describe, expect, it } from 'vitest';
import { evaluate } from '../../../../server/policy/evaluate.ts';
import type { Decision, PolicyFacts, PolicySubject } from '../../../../server/policy/evaluate.ts';
import { parsePolicy } from '../../../../server/policy/parse-policy.ts';
import { seedPolicy } from '../../../support/seed-policy.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const now = Date.UTC(2026, 0, 30, 12);
const dayMs = 86_400_000;

function subject(name: string, more: Partial<PolicySubject> = {}): PolicySubject {
  const [repository = '', tag] = name.split(/:(?=[^/]*$)/);
  const [first = ''] = repository.split('/');
  const upstream = first.includes('.') ? first : undefined;
  return { action: 'pull', repository, upstream, tag, digest: undefined, knownTags: [], user: undefined, ...more };
}

function decide(policy: string, asked: PolicySubject, facts: Partial<PolicyFacts> = {}): Decision {
  const { rules, problems } = parsePolicy('policy.yaml', policy);
  expect(problems).toEqual([]);
  return evaluate(rules, asked, { now, ...facts });
}

const verified = { marketplace: { state: 'verified', detail: 'by the marketplace' } } as const;

describe("the seed's policy", () => {
  it.each([
    ['ghcr.io/zhi-project/zhi-config-ansible:v1.2.0', verified, 'allow', undefined],
    ['ghcr.io/Zhi-Project/zhi-config-ansible:v1.2.0', verified, 'allow', undefined],
    ['ghcr.io/company-internal/app:v1', {}, 'allow', undefined],
    ['company-internal/app:v1', {}, 'allow', undefined],
    ['ghcr.io/somebody/app:v1', {}, 'deny', 'publishers.allowed'],
    ['ghcr.io/untrusted-publisher/app:v1', {}, 'deny', 'publishers.blocked'],
    ['ghcr.io/zhi-project/zhi-config-deprecated:v1', verified, 'deny', 'artifacts.blocked'],
    ['ghcr.io/zhi-project/zhi-config-ansible:v1', {}, 'deny', undefined],
    [
      'ghcr.io/zhi-project/zhi-config-ansible:v1',
      { marketplace: { state: 'unverified', detail: 'the marketplace says so' } },
      'deny',
      'plugins.requireVerified',
    ],
    [
      'ghcr.io/zhi-project/zhi-config-ansible:v1',
      { marketplace: { state: 'unknown', detail: 'it is not listed' } },
      'deny',
      'plugins.requireVerified',
    ],
  ] as const)('on %s with %j: %s by %s', (name, facts, effect, rule) => {
    const decision = decide(seedPolicy, subject(name), facts);

    expect({ effect: decision.effect, rule: decision.rule }).toEqual({ effect, rule });
  });

  it('names the fact it waits for, and allows nothing meanwhile', () => {
    expect(decide(seedPolicy, subject('ghcr.io/zhi-project/zhi-config-ansible:v1'))).toEqual({
      effect: 'deny',
      rule: undefined,
      reason: 'not known yet: marketplace',
      needs: ['marketplace'],
      wouldDeny: [],
    });
  });

  it('denies by a rule that needs nothing before it looks anything up', () => {
    expect(decide(seedPolicy, subject('ghcr.io/zhi-project/zhi-config-deprecated:v1')).needs).toEqual([]);
  });
});

describe("the original's older keys", () => {
  const older = 'allowedPublishers: [acme]\nblockedArtifacts: ["acme/zhi-config-old"]\nallowedTypes: [config, store]\n';

  it.each([
    ['ghcr.io/acme/zhi-config-x:v1', 'allow', undefined],
    ['ghcr.io/ACME/zhi-config-x:v1', 'allow', undefined],
    ['ghcr.io/other/zhi-config-x:v1', 'deny', 'allowedPublishers'],
    ['ghcr.io/acme/zhi-config-old:v1', 'deny', 'blockedArtifacts'],
    ['ghcr.io/acme/zhi-config-older:v1', 'deny', 'blockedArtifacts'],
    ['ghcr.io/acme/zhi-ui-x:v1', 'deny', 'allowedTypes'],
    ['ghcr.io/acme/zhi-workspace-x:v1', 'allow', undefined],
    ['ghcr.io/acme/app:v1', 'allow', undefined],
  ] as const)('on %s: %s by %s', (name, effect, rule) => {
    const decision = decide(older, subject(name));

    expect({ effect: decision.effect, rule: decision.rule }).toEqual({ effect, rule });
  });

  const release = { kind: 'key', name: 'release' } as const;
  const other = { kind: 'key', name: 'other' } as const;
  it.each([
    [{ state: 'verified', detail: 'by key release', by: [{ signers: [release], annotations: {} }] }, 'allow'],
    [{ state: 'verified', detail: 'by key other', by: [{ signers: [other], annotations: {} }] }, 'deny'],
    [{ state: 'unsigned', detail: 'no signature was found' }, 'deny'],
    [{ state: 'failed', detail: 'the signed digest is another' }, 'deny'],
  ] as const)('requireSignatures with %j: %s', (signature, effect) => {
    const policy = 'requireSignatures: true\ntrust: { keys: { release: { file: cosign.pub } } }';

    expect(decide(policy, subject('ghcr.io/acme/app:v1'), { signature }).effect).toBe(effect);
  });
});

describe('rules', () => {
  it('the first that decides wins', () => {
    const policy = `rules:
  - { name: ours, artifacts: ["ghcr.io/acme/**"], then: allow }
  - { name: no-latest, artifacts: ["**:latest"], then: deny, reason: it moves }
`;

    expect(
      ['ghcr.io/acme/app:latest', 'ghcr.io/other/app:latest', 'ghcr.io/other/app:v1'].map((name) => {
        const { effect, rule, reason } = decide(policy, subject(name));
        return [effect, rule, reason];
      }),
    ).toEqual([
      ['allow', 'ours', 'rule ours allows it'],
      ['deny', 'no-latest', 'rule no-latest denies it: it moves'],
      ['allow', undefined, 'no rule is against it'],
    ]);
  });

  it('a rule about a tag is about the digests that are known to have it', () => {
    const policy = 'rules: [{ name: no-v1, artifacts: ["**:v1"], then: deny }]';
    const byDigest = (knownTags: readonly string[]): string =>
      decide(policy, subject('ghcr.io/acme/app', { digest, knownTags })).effect;

    expect([byDigest([]), byDigest(['v2']), byDigest(['v2', 'v1'])]).toEqual(['allow', 'allow', 'deny']);
  });

  it('in dry-run only notes what it would refuse', () => {
    const policy = 'rules: [{ name: no-latest, mode: dry-run, artifacts: ["**:latest"], then: deny }]';

    expect(decide(policy, subject('ghcr.io/acme/app:latest'))).toEqual({
      effect: 'allow',
      rule: undefined,
      reason: 'no rule is against it',
      needs: [],
      wouldDeny: [{ rule: 'no-latest', reason: 'rule no-latest denies it' }],
    });
  });

  it.each([
    ['mode: off', 'pull', undefined, 'allow'],
    ['actions: [push]', 'pull', undefined, 'allow'],
    ['actions: [push]', 'push', undefined, 'deny'],
    ['users: ["ci-*"]', 'pull', 'ci-1', 'deny'],
    ['users: ["ci-*"]', 'pull', 'ada', 'allow'],
    ['users: ["ci-*"]', 'pull', undefined, 'allow'],
    ['except: ["ghcr.io/acme/**"]', 'pull', undefined, 'allow'],
    ['except: ["ghcr.io/other/**"]', 'pull', undefined, 'deny'],
  ] as const)('with %s on a %s by %s: %s', (condition, action, user, effect) => {
    const policy = `rules:\n  - name: closed\n    then: deny\n    ${condition}\n`;

    expect(decide(policy, subject('ghcr.io/acme/app:v1', { action, user })).effect).toBe(effect);
  });

  it.each([
    [null, 'deny'],
    [now - 6 * dayMs, 'deny'],
    [now - 7 * dayMs, 'allow'],
    [now + dayMs, 'deny'],
  ] as const)('require age 7d of a digest first seen at %s: %s', (firstSeenAt, effect) => {
    const policy = 'rules: [{ name: cool-down, require: { age: 7d } }]';

    expect(decide(policy, subject('ghcr.io/acme/app:v1'), { firstSeenAt }).effect).toBe(effect);
  });

  it('require digest denies what is asked for by tag, whoever holds it', () => {
    const policy = 'rules: [{ name: by-digest, require: { digest: true } }]';

    expect([
      decide(policy, subject('ghcr.io/acme/app:v1')).effect,
      decide(policy, subject('ghcr.io/acme/app', { digest, knownTags: ['v1'] })).effect,
    ]).toEqual(['deny', 'allow']);
  });

  it('an allowing rule lets nothing through while an earlier one still waits for a fact', () => {
    const policy = 'rules: [{ name: signed, require: { signature: true } }, { name: rest, then: allow }]';

    expect(decide(policy, subject('ghcr.io/acme/app:v1'))).toMatchObject({ effect: 'deny', needs: ['signature'] });
  });

  it('an allowing rule that waits for a fact is not overtaken by a denial after it', () => {
    const policy = 'rules: [{ name: old, require: { age: 7d }, then: allow }, { name: closed, then: deny }]';
    const asked = subject('ghcr.io/acme/app:v1');

    expect([decide(policy, asked), decide(policy, asked, { firstSeenAt: now - 8 * dayMs })]).toMatchObject([
      { effect: 'deny', needs: ['firstSeenAt'] },
      { effect: 'allow', rule: 'old' },
    ]);
  });

  it.each([
    ['a list of allowed tags', 'rules: [{ name: v, artifacts: ["**:v*"], then: allow }, { name: closed, then: deny }]'],
    ['all but some tags', 'rules: [{ name: closed, except: ["**:v*"], then: deny }]'],
    [
      'one digest',
      `rules: [{ name: v, artifacts: ["ghcr.io/acme/app@${digest}"], then: allow }, { name: closed, then: deny }]`,
    ],
  ])('%s does not forbid the name by itself', (_, policy) => {
    expect(decide(policy, subject('ghcr.io/acme/app'))).toMatchObject({ effect: 'deny', needs: ['reference'] });
    expect(decide(policy, subject('ghcr.io/acme/app', { digest, knownTags: ['v1'] })).effect).toBe('allow');
  });

  it('a digest is denied as part of an index, too', () => {
    const policy = `rules: [{ name: bad, artifacts: ["**@${digest}"], then: deny }]`;
    const index = `sha256:${'b'.repeat(64)}`;

    expect(decide(policy, subject('ghcr.io/acme/app', { digest: index, part: digest })).effect).toBe('deny');
  });
});
