import { describe, expect, test } from 'vitest';
import { MirrorError, RequestError, UpstreamError } from '../../../server/errors.ts';
import { rejectsWith, throwsWith } from '../../support/expect-code.ts';

const limited = new UpstreamError('UPSTREAM_LIMITED', 'too many', { retryAfterMs: 5000 });

describe('rejectsWith', () => {
  test('gives the error of the right class and code', async () => {
    expect(await rejectsWith(Promise.reject(limited), UpstreamError, 'UPSTREAM_LIMITED')).toBe(limited);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['another code', () => Promise.reject(new UpstreamError('UPSTREAM_FAILED', 'no'))],
    ['another class', () => Promise.reject(new RequestError('UPSTREAM_LIMITED', 'no'))],
    ['only the base class', () => Promise.reject(new MirrorError('UPSTREAM_LIMITED', 'no'))],
    ['a foreign error', () => Promise.reject(new TypeError('no'))],
    ['a value', () => Promise.resolve('fine')],
  ])('fails on %s', async (_, act) => {
    await expect(rejectsWith(act(), UpstreamError, 'UPSTREAM_LIMITED')).rejects.toThrow();
  });
});

test('throwsWith does the same at once', () => {
  const act = (): never => {
    throw limited;
  };
  expect(throwsWith(act, UpstreamError, 'UPSTREAM_LIMITED')).toBe(limited);
  expect(() => throwsWith(act, UpstreamError, 'UPSTREAM_FAILED')).toThrow();
  expect(() => throwsWith(() => 1, UpstreamError, 'UPSTREAM_FAILED')).toThrow();
});
