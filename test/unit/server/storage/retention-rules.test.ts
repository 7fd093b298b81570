import { describe, expect, it } from 'vitest';
import { retentionRule } from '../../../../server/config/schema.ts';
import type { RetentionRuleInput } from '../../../../server/config/schema.ts';
import { compileRetention } from '../../../../server/storage/retention-rules.ts';
import type { RetentionTag } from '../../../../server/storage/retention-rules.ts';
import { ruleSentence, warningsOf, writtenRule } from '../../../../server/storage/retention-words.ts';

const day = 86_400_000;
const now = 1000 * day;

type TagInput = Partial<RetentionTag> & { readonly name: string };

/** A tag that came `age` days ago, unless the rest says otherwise. */
function tag(name: string, age = 100, rest: Partial<RetentionTag> = {}): RetentionTag {
  const since = now - age * day;
  const digest = `sha256:${name}`;
  return { name, digest, since, pushedAt: since, lastPulledAt: undefined, isPinned: false, isHeld: false, ...rest };
}

const parse = (rules: readonly RetentionRuleInput[]) => rules.map((rule) => retentionRule.parse(rule));

function decide(
  rules: readonly RetentionRuleInput[],
  tags: readonly TagInput[],
  { repository = 'team/app', holds = [] as readonly string[] } = {},
): Record<string, string> {
  const verdicts = compileRetention(parse(rules)).decide(
    { repository, tags: tags.map((one) => ({ ...tag(one.name), ...one })), holds: (digest) => holds.includes(digest) },
    now,
  );
  return Object.fromEntries(
    verdicts.map(({ tag: { name }, goes, why }) => [name, `${goes ? 'goes' : 'stays'}: ${why}`]),
  );
}

describe('a condition of a retention rule', () => {
  const table: readonly (readonly [
    string,
    RetentionRuleInput['keep'],
    readonly RetentionTag[],
    Record<string, string>,
  ])[] = [
    [
      'newest counts by when a tag came to point where it does',
      { newest: 2 },
      [tag('a', 3), tag('b', 1), tag('c', 2)],
      {
        a: 'goes: rule 1 keeps only the newest 2',
        b: 'stays: rule 1 keeps the newest 2',
        c: 'stays: rule 1 keeps the newest 2',
      },
    ],
    ['newest takes all when there are fewer', { newest: 5 }, [tag('a')], { a: 'stays: rule 1 keeps the newest 5' }],
    [
      'tags of the same moment are ordered by version, what is none last',
      { newest: 2 },
      [tag('1.9.0', 1), tag('1.10.0', 1), tag('edge', 1), tag('1.10.0-rc.1', 1)],
      {
        '1.9.0': 'goes: rule 1 keeps only the newest 2',
        '1.10.0': 'stays: rule 1 keeps the newest 2',
        edge: 'goes: rule 1 keeps only the newest 2',
        '1.10.0-rc.1': 'stays: rule 1 keeps the newest 2',
      },
    ],
    [
      'tags of the same moment that are no versions are ordered by name, numbers as numbers',
      { newest: 1 },
      [tag('build-9', 1), tag('build-10', 1)],
      { 'build-9': 'goes: rule 1 keeps only the newest', 'build-10': 'stays: rule 1 keeps the newest' },
    ],
    [
      'semver keeps versions in the range and no other tag',
      { semver: '>=2' },
      [tag('v2.1'), tag('1.9.9'), tag('latest')],
      {
        'v2.1': 'stays: rule 1 keeps versions in >=2',
        '1.9.9': 'goes: rule 1 keeps only versions in >=2',
        latest: 'goes: rule 1 keeps only versions in >=2',
      },
    ],
    [
      'pulledWithin keeps what was pulled until then, and not what never was',
      { pulledWithin: '30d' },
      [
        tag('a', 100, { lastPulledAt: now - 30 * day }),
        tag('b', 100, { lastPulledAt: now - 30 * day - 1 }),
        tag('c', 1),
      ],
      {
        a: 'stays: rule 1 keeps what was pulled within 30d',
        b: 'goes: rule 1 keeps only what was pulled within 30d',
        c: 'goes: rule 1 keeps only what was pulled within 30d',
      },
    ],
    [
      'pushedWithin counts from the last push, even of the same content',
      { pushedWithin: '7d' },
      [tag('a', 100, { pushedAt: now - 7 * day }), tag('b', 8)],
      {
        a: 'stays: rule 1 keeps what came within 7d',
        b: 'goes: rule 1 keeps only what came within 7d',
      },
    ],
    [
      'one of several conditions is enough',
      { newest: 1, semver: '>=2', pulledWithin: '1d' },
      [tag('1.0', 1), tag('2.0', 50), tag('old', 60, { lastPulledAt: now }), tag('gone', 70)],
      {
        '1.0': 'stays: rule 1 keeps the newest',
        '2.0': 'stays: rule 1 keeps versions in >=2',
        old: 'stays: rule 1 keeps what was pulled within 1d',
        gone: 'goes: rule 1 keeps only the newest, and versions in >=2, and what was pulled within 1d',
      },
    ],
    ['an empty group keeps nothing', {}, [tag('a')], { a: 'goes: rule 1 keeps none of the tags it names' }],
    ['newest 0 keeps nothing', { newest: 0 }, [tag('a')], { a: 'goes: rule 1 keeps only the newest 0' }],
    ['no group keeps everything', undefined, [tag('a')], { a: 'stays: rule 1 keeps every tag it names' }],
  ];
  it.each(table)('%s', (_, keep, tags, expected) => {
    expect(decide([{ repositories: ['**'], ...(keep === undefined ? {} : { keep }) }], tags)).toEqual(expected);
  });
});

describe('which rule decides', () => {
  it('is the first that names repository and tag', () => {
    const rules: readonly RetentionRuleInput[] = [
      { repositories: ['prod/**'] },
      { repositories: ['team/*'], tags: ['v*', 'release-*'], keep: { newest: 1 } },
      { repositories: ['**'], tags: ['nightly-*'], keep: {} },
    ];
    const tags = [tag('v1', 2), tag('v2', 1), tag('release-1', 3), tag('nightly-1'), tag('latest')];
    expect(decide(rules, tags)).toEqual({
      v1: 'goes: rule 2 keeps only the newest',
      v2: 'stays: rule 2 keeps the newest',
      'release-1': 'goes: rule 2 keeps only the newest',
      'nightly-1': 'goes: rule 3 keeps none of the tags it names',
      latest: 'stays: no rule names it',
    });
    expect(decide(rules, [tag('nightly-1')], { repository: 'prod/a/b' })).toEqual({
      'nightly-1': 'stays: rule 1 keeps every tag it names',
    });
  });

  it('counts only its own tags for the newest', () => {
    const rules: readonly RetentionRuleInput[] = [
      { repositories: ['**'], tags: ['v1.*'], keep: { newest: 1 } },
      { repositories: ['**'], keep: { newest: 1 } },
    ];
    expect(decide(rules, [tag('v1.1', 1), tag('v2.1', 2), tag('v2.0', 3)])).toEqual({
      'v1.1': 'stays: rule 1 keeps the newest',
      'v2.1': 'stays: rule 2 keeps the newest',
      'v2.0': 'goes: rule 2 keeps only the newest',
    });
  });

  const globs: readonly (readonly [string, string, boolean])[] = [
    ['team/*', 'team/app', true],
    ['team/*', 'team/app/sub', false],
    ['team/**', 'team/app/sub', true],
    ['team/**', 'team', true],
    ['**', 'ghcr.io/acme/app', true],
    ['**/app', 'ghcr.io/acme/app', true],
    ['team', 'team/app', false],
    ['ghcr.io/*/app', 'ghcr.io/acme/app', true],
  ];
  it.each(globs)('%s names %s: %s', (glob, repository, isNamed) => {
    expect(compileRetention(parse([{ repositories: [glob] }])).isAbout(repository)).toBe(isNamed);
  });

  it('is not one that only speaks of manifests without a tag', () => {
    const rules: readonly RetentionRuleInput[] = [
      { repositories: ['**'], untagged: '7d' },
      { repositories: ['team/**'], keep: {}, untagged: '1d' },
    ];
    expect(decide(rules, [tag('a')])).toEqual({ a: 'goes: rule 2 keeps none of the tags it names' });
    const compiled = compileRetention(parse(rules));
    expect(compiled.untaggedRule('team/app')).toEqual({
      position: 0,
      afterMs: 7 * day,
      why: 'rule 1: no tag, and not used for 7d',
    });
    expect(compileRetention(parse([{ repositories: ['team/*'] }])).untaggedRule('team/app')).toBeUndefined();
  });
});

describe('what stays whatever the rules say', () => {
  it('is what is pinned, and what a person holds where it is; both count among the newest', () => {
    const tags = [tag('a', 1, { isPinned: true }), tag('b', 2, { isHeld: true }), tag('c', 3)];
    expect(decide([{ repositories: ['**'], keep: { newest: 2 } }], tags)).toEqual({
      a: 'stays: pinned',
      b: 'stays: held where it is by a person',
      c: 'goes: rule 1 keeps only the newest 2',
    });
  });

  it('is what is attached to a held manifest, which is not counted; it goes when that is gone', () => {
    const hex = 'a'.repeat(64);
    const tags = [tag(`sha256-${hex}.sig`, 1), tag(`sha256-${hex}`, 1), tag('v1', 2), tag('v0', 3)];
    const rules: readonly RetentionRuleInput[] = [{ repositories: ['**'], keep: { newest: 1 } }];
    expect(decide(rules, tags, { holds: [`sha256:${hex}`] })).toEqual({
      [`sha256-${hex}.sig`]: `stays: belongs to sha256:${hex}, which is held`,
      [`sha256-${hex}`]: `stays: belongs to sha256:${hex}, which is held`,
      v1: 'stays: rule 1 keeps the newest',
      v0: 'goes: rule 1 keeps only the newest',
    });
    expect(decide([{ repositories: ['**'], keep: {} }], [tag(`sha256-${hex}.sig`)])).toEqual({
      [`sha256-${hex}.sig`]: 'goes: rule 1 keeps none of the tags it names',
    });
  });
});

describe('a retention rule in words', () => {
  const table: readonly (readonly [RetentionRuleInput, string])[] = [
    [
      { repositories: ['team/**', 'apps/*'], tags: ['v*'], keep: { newest: 3, semver: '>=2', pulledWithin: '30d' } },
      'In team/** and apps/*: of the tags v*, keep the newest 3, versions in >=2 and what was pulled within 30d; the others go.',
    ],
    [
      { repositories: ['**'], keep: { pushedWithin: '36h' }, untagged: '7d' },
      'In every repository: of all tags, keep what came within 36h; the others go; manifests without a tag go when nobody used them for 7d.',
    ],
    [{ repositories: ['a'], tags: ['x', 'y'], keep: {} }, 'In a: every tag x or y goes.'],
    [{ repositories: ['a'] }, 'In a: every tag stays.'],
    [{ repositories: ['a'], untagged: '1d' }, 'In a: manifests without a tag go when nobody used them for 1d.'],
  ];
  it.each(table)('%j', (rule, sentence) => {
    const parsed = retentionRule.parse(rule);
    expect(ruleSentence(parsed)).toBe(sentence);
    expect(retentionRule.parse(writtenRule(parsed))).toEqual(parsed);
  });

  it('warns of a rule that keeps nothing', () => {
    expect(
      warningsOf(
        parse([
          { repositories: ['a'], keep: { newest: 1 } },
          { repositories: ['b'], tags: ['x'], keep: {} },
        ]),
      ),
    ).toEqual(['Rule 2 keeps nothing: of b, every tag x that is not pinned goes.']);
  });

  it('refuses a range that is none, a duration that is none, and a word it does not know', () => {
    const bad = [
      { repositories: ['a'], keep: { semver: 'newest' } },
      { repositories: ['a'], keep: { pulledWithin: 'a month' } },
      { repositories: ['a'], keep: { latest: 3 } },
      { repositories: [] },
      { repositories: ['a'], tags: [] },
    ];
    expect(bad.map((rule) => retentionRule.safeParse(rule).error?.issues[0]?.path)).toEqual([
      ['keep', 'semver'],
      ['keep', 'pulledWithin'],
      ['keep'],
      ['repositories'],
      ['tags'],
    ]);
  });
});
