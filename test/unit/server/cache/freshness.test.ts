import { expect, it } from 'vitest';
import { isFresh, tagTtlMs } from '../../../../server/cache/freshness.ts';

const tags = [
  { pattern: 'v*.*.*', ttl: 'immutable' as const },
  { pattern: 'ghcr.io/org/*:nightly', ttl: 1 },
  { pattern: 'lat*', ttl: 2 },
];

it.each([
  ['ghcr.io/org/app', 'v1.2.3', Number.POSITIVE_INFINITY],
  ['ghcr.io/org/app', 'nightly', 1],
  ['ghcr.io/other/app', 'nightly', 300],
  ['ghcr.io/org/app', 'latest', 2],
  ['ghcr.io/org/app', 'v1', 300],
])('%s:%s is fresh for %d ms', (repository, tag, expected) => {
  expect(
    tagTtlMs({ settings: { mode: 'check', ttl: 300, tags, onDemand: true }, isOffline: false }, repository, tag),
  ).toBe(expected);
});

it.each([
  ['prefer-cache', false],
  ['offline', false],
  ['check', true],
] as const)('nothing is asked in mode %s with the global switch %s', (mode, isOffline) => {
  expect(tagTtlMs({ settings: { mode, ttl: 300, tags, onDemand: true }, isOffline }, 'a', 'latest')).toBe(
    Number.POSITIVE_INFINITY,
  );
});

it.each([
  [1000, 300, 1000, true],
  [1000, 300, 1299, true],
  [1000, 300, 1300, false],
  // the clock was set back: nothing is known of the age
  [1000, 300, 999, false],
  [1000, Number.POSITIVE_INFINITY, 1, true],
])('checked at %d with a TTL of %d ms is fresh at %d: %s', (checkedAt, ttlMs, now, expected) => {
  expect(isFresh(checkedAt, ttlMs, now)).toBe(expected);
});

it('nothing is asked of an upstream that is not fetched from on demand', () => {
  const settings = { mode: 'check' as const, ttl: 300, tags, onDemand: false };
  expect(tagTtlMs({ settings, isOffline: false }, 'a', 'latest')).toBe(Number.POSITIVE_INFINITY);
});
