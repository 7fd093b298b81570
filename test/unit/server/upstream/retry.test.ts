import { describe, expect, it } from 'vitest';
import { MirrorError, RequestError, UpstreamError } from '../../../../server/errors.ts';
import { isPassing, toUpstreamError } from '../../../../server/upstream/fault.ts';
import { withRetries } from '../../../../server/upstream/retry.ts';
import { rejectsWith } from '../../../support/expect-code.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const calm = new AbortController().signal;
const cut = new UpstreamError('UPSTREAM_UNREACHABLE', 'cut');

/** An attempt that fails `errors.length` times, and the times it was made at. */
function attempts(
  clock: FakeClock,
  errors: readonly Error[],
): { readonly at: number[]; readonly run: () => Promise<string> } {
  const at: number[] = [];
  return {
    at,
    run: () => {
      const error = errors[at.length];
      at.push(clock.monotonic());
      return error === undefined ? Promise.resolve('done') : Promise.reject(error);
    },
  };
}

const options = { maxRetries: 3, retryDelayMs: 100, budgetMs: 20_000, signal: calm };

describe('withRetries', () => {
  it('repeats with doubled waits until it works', async () => {
    const clock = new FakeClock();
    const { at, run } = attempts(clock, [cut, cut, cut]);
    const result = withRetries(run, { ...options, clock });
    await clock.sleepers();
    await clock.advance(10_000);
    expect([await result, at]).toEqual(['done', [0, 100, 300, 700]]);
  });

  it('gives up with the last error after maxRetries', async () => {
    const clock = new FakeClock();
    const last = new UpstreamError('UPSTREAM_TIMEOUT', 'last');
    const { at, run } = attempts(clock, [cut, last, cut]);
    const result = rejectsWith(
      withRetries(run, { ...options, maxRetries: 1, clock }),
      UpstreamError,
      'UPSTREAM_TIMEOUT',
    );
    await clock.sleepers();
    await clock.advance(10_000);
    expect([await result, at.length]).toEqual([last, 2]);
  });

  it('starts no attempt when the budget is spent', async () => {
    const clock = new FakeClock();
    const { at, run } = attempts(clock, [cut]);
    await rejectsWith(withRetries(run, { ...options, budgetMs: 100, clock }), UpstreamError, 'UPSTREAM_UNREACHABLE');
    expect(at.length).toBe(1);
  });

  it('stops waiting when aborted', async () => {
    const clock = new FakeClock();
    const abort = new AbortController();
    const { at, run } = attempts(clock, [cut]);
    const result = rejectsWith(withRetries(run, { ...options, clock, signal: abort.signal }), MirrorError, 'CANCELLED');
    await clock.sleepers();
    abort.abort();
    await result;
    expect(at.length).toBe(1);
  });
});

describe('what may pass by itself', () => {
  const systemError = (code: string): Error => toUpstreamError(Object.assign(new Error('x'), { code }), 'up.test');

  it.each([
    ['a refused connection', systemError('ECONNREFUSED'), true],
    ['a reset connection', systemError('UND_ERR_SOCKET'), true],
    ['a resolver in trouble', systemError('EAI_AGAIN'), true],
    ['an unknown host', systemError('ENOTFOUND'), false],
    ['a certificate nobody trusts', systemError('SELF_SIGNED_CERT_IN_CHAIN'), false],
    ['500', new UpstreamError('UPSTREAM_FAILED', 'x', { status: 500 }), true],
    ['501', new UpstreamError('UPSTREAM_FAILED', 'x', { status: 501 }), false],
    ['503 with Retry-After', new UpstreamError('UPSTREAM_FAILED', 'x', { status: 503, retryAfterMs: 1 }), false],
    ['408', new UpstreamError('UPSTREAM_TIMEOUT', 'x', { status: 408 }), true],
    ['429', new UpstreamError('UPSTREAM_LIMITED', 'x', { status: 429 }), false],
    ['401', new UpstreamError('UPSTREAM_UNAUTHORIZED', 'x', { status: 401 }), false],
    ['nonsense', new UpstreamError('UPSTREAM_INVALID', 'x'), false],
    ['not found', new RequestError('MANIFEST_UNKNOWN', 'x'), false],
    ['a bug', new TypeError('x'), false],
  ])('%s: %s', (_, error, expected) => {
    expect(isPassing(error)).toBe(expected);
  });
});
