import { describe, expect, it } from 'vitest';
import { readQuota, readRetryAfter } from '../../../../server/upstream/quota.ts';

const now = Date.parse('2026-03-01T10:00:00Z');

describe('readQuota', () => {
  it("reads Docker Hub's headers", () => {
    const headers = {
      'ratelimit-limit': '100;w=21600',
      'ratelimit-remaining': '76;w=21600',
      'docker-ratelimit-source': '192.0.2.7',
    };
    expect(readQuota(headers, now)).toEqual({
      limit: 100,
      remaining: 76,
      windowSeconds: 21600,
      source: '192.0.2.7',
      seenAt: now,
    });
  });

  it('reads amounts without a window and with other parameters', () => {
    expect(readQuota({ 'ratelimit-limit': '10', 'ratelimit-remaining': '9;q=x; w=60;z' }, now)).toMatchObject({
      limit: 10,
      remaining: 9,
      windowSeconds: 60,
    });
  });

  it.each([
    {},
    { 'ratelimit-limit': '100;w=21600' },
    { 'ratelimit-limit': 'many', 'ratelimit-remaining': '1' },
    { 'ratelimit-limit': '-1', 'ratelimit-remaining': '1' },
    { 'ratelimit-limit': ['1', '2'], 'ratelimit-remaining': '1' },
  ])('finds none in %j', (headers) => {
    expect(readQuota(headers, now)).toBeUndefined();
  });

  it('leaves out a source with characters no address has', () => {
    expect(
      readQuota({ 'ratelimit-limit': '1', 'ratelimit-remaining': '1', 'docker-ratelimit-source': 'a\u0007' }, now)
        ?.source,
    ).toBeUndefined();
  });
});

describe('readRetryAfter', () => {
  it.each([
    ['120', 120_000],
    ['0', 0],
    ['Sun, 01 Mar 2026 10:00:30 GMT', 30_000],
    ['Sun, 01 Mar 2026 09:00:00 GMT', 0],
    ['99999999999', 24 * 3_600_000],
    ['soon', undefined],
    [undefined, undefined],
  ])('reads %s as %s ms', (value, expected) => {
    expect(readRetryAfter({ 'retry-after': value }, now)).toBe(expected);
  });
});
