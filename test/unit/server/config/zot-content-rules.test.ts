import { describe, expect, it } from 'vitest';
import { compileRule, describeRule, isCatchAll } from '../../../../server/config/content-rules.ts';
import { contentRule } from '../../../../server/config/schema.ts';
import type { UpstreamInput } from '../../../../server/config/schema.ts';

type RuleInput = NonNullable<UpstreamInput['content']>[number];

const rule = (input: RuleInput): ReturnType<typeof compileRule> => compileRule(contentRule.parse(input));

describe('prefix, destination and stripPrefix', () => {
  it.each<[string, string | undefined, boolean, string, string]>([
    // prefix, destination, stripPrefix, on the upstream, here
    ['/repo1/repo', undefined, false, 'repo1/repo', 'repo1/repo'],
    ['/repo2/repo', '/repo2', true, 'repo2/repo', 'repo2'],
    ['/repo2/repo', '/repo2', false, 'repo2/repo', 'repo2/repo2/repo'],
    ['/repo1/repo', '/repo', true, 'repo1/repo', 'repo'],
    ['**', '/docker-images', false, 'alpine', 'docker-images/alpine'],
    ['**', '/k8s-images', false, 'kube-proxy', 'k8s-images/kube-proxy'],
    ['**', '/kube-proxy', false, 'kube-proxy', 'kube-proxy/kube-proxy'],
    ['**', '/all', true, 'a/b/c', 'all/a/b/c'],
    ['**', undefined, false, 'a/b/c', 'a/b/c'],
    ['**', '/', false, 'a/b/c', 'a/b/c'],
    ['zot-fold/alpine', '/alpine', false, 'zot-fold/alpine', 'alpine/zot-fold/alpine'],
    ['zot-fold/alpine', '/', false, 'zot-fold/alpine', 'zot-fold/alpine'],
    ['zot-fold/alpine', '/alpine', true, 'zot-fold/alpine', 'alpine'],
    ['zot-fold/alpine/', 'alpine/', true, 'zot-fold/alpine', 'alpine'],
    ['zot-fold/*', '/', true, 'zot-fold/alpine', 'alpine'],
    ['zot-fold/*', '/alpine', true, 'zot-fold/alpine', 'alpine/alpine'],
    ['zot-fold/**', '/', true, 'zot-fold/internal/alpine', 'internal/alpine'],
    ['zot-fold/**', '/', false, 'zot-fold/alpine', 'zot-fold/alpine'],
    ['zot-fold/**', '/my/fold', false, 'zot-fold/internal/alpine', 'my/fold/zot-fold/internal/alpine'],
    // only whole segments before the first meta-character are removed
    ['/org/*/app', '/mirror', true, 'org/team/app', 'mirror/team/app'],
    ['/org/ap*', '/mirror', true, 'org/app', 'mirror/app'],
    ['org/{app,web}', 'mirror', true, 'org/web', 'mirror/web'],
    ['org/**/app', 'mirror', true, 'org/app', 'mirror/app'],
    ['org/**/app', 'mirror', true, 'org/a/b/app', 'mirror/a/b/app'],
    ['org/**', 'mirror', true, 'org', 'mirror'],
  ])('%s to %s, stripped %s: %s is %s here', (prefix, destination, stripPrefix, upstream, here) => {
    const compiled = rule({ prefix, stripPrefix, ...(destination === undefined ? {} : { destination }) });
    expect({ here: compiled.destinationOf(upstream), upstream: compiled.sourceOf(here) }).toEqual({ here, upstream });
  });

  it.each<[RuleInput, string]>([
    [{ prefix: 'repo', destination: '/mirror' }, 'other'],
    [{ prefix: 'repo', destination: '/mirror' }, 'repo'],
    [{ prefix: 'repo' }, 'repo/deeper'],
    [{ prefix: 'org/*' }, 'org/a/b'],
    [{ prefix: 'org/*', destination: '/x', stripPrefix: true }, 'x'],
    [{ prefix: '**', destination: '/docker-images' }, 'docker-images'],
    [{ prefix: '**', destination: '/docker-images' }, 'docker-imagesque/alpine'],
    [{ prefix: '[repo%^&' }, 'repo'],
  ])('%j is not about %s', (input, name) => {
    expect(rule(input).sourceOf(name)).toBeUndefined();
  });

  it('has no name here for what strips to nothing', () => {
    const { destinationOf } = rule({ prefix: 'zot-fold/alpine', destination: '/', stripPrefix: true });
    expect(destinationOf('zot-fold/alpine')).toBeUndefined();
  });

  it('is told in one line', () => {
    expect([
      describeRule(contentRule.parse({ prefix: '/a/b', destination: '/c', stripPrefix: true })),
      describeRule(contentRule.parse({ prefix: '**' })),
    ]).toEqual(['a/b → c, prefix stripped', '** → the same name']);
  });
});

describe('tags', () => {
  it.each<[RuleInput['tags'], string[], string[]]>([
    [{ regex: '.*' }, ['v1', 'latest'], []],
    [{}, ['v1', 'latest'], []],
    [{ regex: '1\\.5' }, ['1.5.0', 'v1.5'], ['v2.5.0']],
    [
      { semver: true },
      ['v1.0.1', '1.2', '3', '1.0.0-rc.1', 'v3.0.3'],
      ['latest', '1s0', '2v9', '1.2.3.4', 'v', '1.0_0'],
    ],
    [{ regex: '^4', semver: true }, ['4.1.0'], ['4.x', '5.0.0', '14.0.0']],
    [{ excludeRegex: '-(amd64|arm64)$' }, ['v1', 'v1-amd64-debug'], ['v1-amd64', 'v1-arm64']],
  ])('%j lets through %j and refuses %j', (tags, through, refused) => {
    const { refusal } = rule({ prefix: '**', tags });
    const isRefused = (tag: string): boolean => refusal(tag) !== undefined;
    expect([through.filter(isRefused), refused.filter((tag) => !isRefused(tag))]).toEqual([[], []]);
  });
});

it.each<[RuleInput, boolean]>([
  [{ prefix: '**' }, true],
  [{ prefix: '/**/' }, true],
  [{ prefix: '**', destination: '/' }, true],
  [{ prefix: '**', stripPrefix: true }, true],
  [{ prefix: '**/*' }, true],
  [{ prefix: '**', tags: { regex: '4.*' } }, true],
  [{ prefix: '*' }, false],
  [{ prefix: 'org/**' }, false],
  [{ prefix: '**/app' }, false],
  [{ prefix: '**', destination: '/docker-images' }, false],
])('%j is about every name: %s', (input, expected) => {
  expect(isCatchAll(contentRule.parse(input))).toBe(expected);
});
