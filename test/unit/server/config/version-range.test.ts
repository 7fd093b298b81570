import { describe, expect, it } from 'vitest';
import { compareVersions, isInRange, isVersionRange, versionOf } from '../../../../server/config/version-range.ts';

describe('the version a tag means', () => {
  const table: readonly (readonly [string, string | undefined])[] = [
    ['1.2.3', '1.2.3'],
    ['v1.2.3', '1.2.3'],
    ['1.2', '1.2.0'],
    ['v3', '3.0.0'],
    ['1.2.3-rc.1', '1.2.3-rc.1'],
    ['16-alpine', '16.0.0-alpine'],
    ['2026.01.05', '2026.1.5'],
    ['1.2.3_build.7', '1.2.3'],
    ['latest', undefined],
    ['V1.2.3', undefined],
    ['1.2.3.4', undefined],
    ['release-1.2', undefined],
    ['deadbeef', undefined],
    ['99999999999999999999', undefined],
    ['1.2.3-rc.01', undefined],
  ];
  it.each(table)('%s is %s', (tag, version) => {
    expect(versionOf(tag)).toBe(version);
  });
});

describe('a range of versions', () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ['>=2.0.0 <3', 'v2.4.1', true],
    ['>=2.0.0 <3', '2', true],
    ['>=2.0.0 <3', '1.9.9', false],
    ['>=2.0.0 <3', '3.0.0', false],
    ['>=2.0.0', '2.1.0-rc.1', true],
    ['>=2.0.0', '2.0.0-rc.1', false],
    ['>=16', '16.4-alpine', true],
    ['<3', '3.0.0-rc.1', false],
    ['^1.2', '1.9.0', true],
    ['~1.2', '1.3.0', false],
    ['1.x || >=3', '2.0.0', false],
    ['*', 'latest', false],
    ['*', '0.0.1-dev', true],
  ];
  it.each(table)('%s has %s: %s', (range, tag, isIn) => {
    expect(isInRange(tag, range)).toBe(isIn);
  });

  it('is told from what is none', () => {
    expect(['>=2', '1.x', 'newest', '>=a', '1.2.3.4'].map(isVersionRange)).toEqual([true, true, false, false, false]);
  });
});

describe('the order of tags by version', () => {
  it('puts what is no version first, and a pre-release before its release', () => {
    const tags = ['v1.10', 'latest', '1.9.0', '1.10.0-rc.1'];
    expect(tags.sort(compareVersions)).toEqual(['latest', '1.9.0', '1.10.0-rc.1', 'v1.10']);
  });
});
