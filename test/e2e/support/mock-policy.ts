import type { RouteBody, RouteResponse } from '../../../server/api/contract.ts';
import { evaluate, explain } from '../../../server/policy/evaluate.ts';
import { parsePolicy } from '../../../server/policy/parse-policy.ts';
import { describePolicy } from '../../../server/policy/policy-words.ts';
import { digestOf, hour } from './fixtures.ts';

/** Where a mirror begins that has a policy. */
export const policyFixture = `# agreed on 12 January
publishers:
  blocked:
    - untrusted-publisher
artifacts:
  blocked:
    - "*/zhi-*-deprecated:*"   # ask platform@acme.test
rules:
  - name: no-latest
    mode: dry-run
    artifacts: ["**:latest"]
    then: deny
    reason: latest moves without notice
  - name: old-enough
    mode: off
    artifacts: ["docker.io/**"]
    require: { age: 7d }
`;

const recorded = [
  ['docker.io/library/alpine:latest', 41],
  ['ghcr.io/acme/zhi-config-deprecated:v1', 3],
  ['ghcr.io/acme/web:2.14.1', 812],
  ['docker.io/untrusted-publisher/tool:1.0', 2],
  ['docker.io/library/postgres:16', 1255],
] as const;

/** The policy routes over a text that lives as long as the mock; rules are the product's own. */
export class MockPolicy {
  readonly #now: number;
  readonly #isFile: boolean;
  readonly #isBroken: boolean;
  #text: string;

  constructor(now: number, scenario: string) {
    this.#now = now;
    this.#isFile = scenario === 'locked' || scenario === 'failing';
    this.#isBroken = scenario === 'failing';
    this.#text = scenario === 'empty' ? '' : policyFixture;
  }

  get(): RouteResponse<'getPolicy'> {
    const { rules, warnings } = this.lint({ text: this.#text });
    const source = this.#isFile ? 'file' : this.#text === '' ? 'none' : 'window';
    return {
      source,
      ...(this.#isFile ? { file: '/etc/zhi-mirror/policy.yaml' } : {}),
      text: this.#isBroken ? `${this.#text}publishrs: {}\n` : this.#text,
      version: this.#text === '' ? 'none' : digestOf(this.#text).slice(7, 19),
      rules,
      warnings,
      problems: this.#isBroken
        ? [{ line: 18, column: 1, message: 'publishrs is not a setting; did you mean publishers?' }]
        : [],
    };
  }

  set({ text }: RouteBody<'setPolicy'>): RouteResponse<'getPolicy'> {
    this.#text = text;
    return this.get();
  }

  lint({ text }: RouteBody<'lintPolicy'>): RouteResponse<'lintPolicy'> {
    const { document, problems, warnings } = parsePolicy('policy', text);
    return {
      problems: problems.map(remark),
      warnings: warnings.map(remark),
      rules: document === undefined ? [] : describePolicy(document),
    };
  }

  test({ reference, action = 'pull', user, text }: RouteBody<'testPolicy'>): RouteResponse<'testPolicy'> {
    const { subject, rules } = this.#about(reference, action, user, text);
    const facts = { now: this.#now };
    const decision = evaluate(rules, subject, facts);
    return {
      reference,
      mapping: {
        rule: 'prefix',
        explanation: `the first segment ${subject.upstream} is an upstream`,
        repository: subject.repository,
        upstream: subject.upstream,
        upstreamRepository: subject.repository.slice(subject.upstream.length + 1),
      },
      asked: subject.repository,
      held: true,
      digest: subject.digest,
      tags: [subject.tag],
      effect: decision.effect,
      rule: decision.rule,
      reason: decision.reason,
      needs: [],
      wouldDeny: [...decision.wouldDeny],
      rules: explain(rules, subject, facts),
    };
  }

  replay({ text, days = 30 }: RouteBody<'replayPolicy'>): RouteResponse<'replayPolicy'> {
    const items = recorded.flatMap(([artifact, pulls], index) => {
      const { subject, rules } = this.#about(artifact, 'pull', undefined, text);
      const { effect, rule = '', reason, wouldDeny } = evaluate(rules, subject, { now: this.#now });
      const about = { artifact, digest: subject.digest, pulls, lastAt: this.#now - index * hour };
      const enforced = effect === 'deny' ? [{ ...about, rule, reason, mode: 'enforce' as const }] : [];
      return [...enforced, ...wouldDeny.map((word) => ({ ...about, ...word, mode: 'dry-run' as const }))];
    });
    const pulls = recorded.reduce((sum, [, count]) => sum + count, 0);
    const denied = items.filter(({ mode }) => mode === 'enforce').reduce((sum, item) => sum + item.pulls, 0);
    return {
      since: this.#now - days * 24 * hour,
      pulls,
      distinct: recorded.length,
      allowed: pulls - denied,
      denied,
      nowAllowed: 0,
      rules: items.map(({ rule, mode, pulls: count }) => ({ rule, mode, pulls: count, names: 1 })),
      items,
      itemsTotal: items.length,
      durationMs: 140,
    };
  }

  #about(reference: string, action: 'pull' | 'push' | 'sync' | 'import' | 'export', user?: string, text = this.#text) {
    const [repository = '', tag = 'latest'] = reference.split(/:(?=[^/]*$)/);
    const [upstream = ''] = repository.split('/');
    const { rules } = parsePolicy('policy', text);
    const digest = digestOf(reference);
    return { rules, subject: { action, repository, upstream, tag, digest, knownTags: [], user } };
  }
}

function remark(text: string) {
  const [, line, column, message = text] = /^policy:(\d+):(\d+): (.*)$/s.exec(text) ?? [];
  return { line: Number(line), column: Number(column), message };
}
