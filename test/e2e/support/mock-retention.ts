import type { RouteBody, RouteResponse } from '../../../server/api/contract.ts';
import { retentionRule } from '../../../server/config/schema.ts';
import type { RetentionRuleInput } from '../../../server/config/schema.ts';
import { compileRetention } from '../../../server/storage/retention-rules.ts';
import { ruleSentence, warningsOf } from '../../../server/storage/retention-words.ts';
import { day, digestOf } from './fixtures.ts';

const mib = 2 ** 20;
const tagNames = ['2.1.0', '2.0.3', '2.0.2', '1.9.8', 'nightly-0412', 'nightly-0411'];

/** Where a mirror begins that has rules: nightly builds go, of the rest the newest and the pulled stay. */
export const retentionFixture: readonly RetentionRuleInput[] = [
  { repositories: ['team/**'], tags: ['nightly-*'], keep: { newest: 1 } },
  { repositories: ['team/**'], keep: { newest: 2, semver: '>=2.0.3', pulledWithin: '30d' }, untagged: '7d' },
];

/** The retention routes over rules that live as long as the mock; they decide about six tags of one repository. */
export class MockRetention {
  readonly #now: number;
  readonly #locked: boolean;
  #rules: readonly RetentionRuleInput[];
  #held: readonly string[] = tagNames;

  constructor(now: number, scenario: string) {
    this.#now = now;
    this.#locked = scenario === 'locked';
    this.#rules = scenario === 'empty' ? [] : retentionFixture;
    if (scenario === 'empty') this.#held = [];
  }

  get(): RouteResponse<'getRetention'> {
    return { rules: [...this.#rules], sentences: sentences(this.#rules), locked: this.#locked };
  }

  set({ rules }: RouteBody<'setRetention'>): RouteResponse<'getRetention'> {
    this.#rules = rules;
    return this.get();
  }

  apply({ dryRun, rules = [...this.#rules] }: RouteBody<'applyRetention'>): RouteResponse<'applyRetention'> {
    const parsed = rules.map((rule) => retentionRule.parse(rule));
    const verdicts = compileRetention(parsed).decide(
      { repository: 'team/builder', holds: () => false, tags: this.#held.map((name) => this.#tag(name)) },
      this.#now,
    );
    const named = verdicts.map(({ tag: { name }, goes, why }) => ({
      name: `team/builder:${name}`,
      why,
      goes,
      tag: name,
    }));
    const items = named.filter(({ goes }) => goes).map(({ name, why }) => ({ name, why, bytes: 38 * mib }));
    const kept = named.filter(({ goes }) => !goes).map(({ name, why }) => ({ name, why }));
    if (dryRun !== true) this.#held = named.filter(({ goes }) => !goes).map(({ tag }) => tag);
    return {
      items,
      itemsTotal: items.length,
      freedBytes: items.length * 38 * mib,
      ...(items.length === 0 ? {} : { keptUntil: this.#now + 30 * day }),
      keptTags: kept.length,
      kept,
      sentences: sentences(rules),
      warnings: warningsOf(parsed),
    };
  }

  #tag(name: string) {
    const age = 1 + 9 * tagNames.indexOf(name);
    const since = this.#now - age * day;
    const isPinned = name === '1.9.8';
    return { name, digest: digestOf(name), since, pushedAt: since, lastPulledAt: undefined, isPinned, isHeld: false };
  }
}

function sentences(rules: readonly RetentionRuleInput[]): string[] {
  return rules.map((rule) => ruleSentence(retentionRule.parse(rule)));
}
