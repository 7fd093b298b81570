import { beforeEach, describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../../server/errors.ts';
import { Breaker } from '../../../../server/upstream/breaker.ts';
import { throwsWith } from '../../../support/expect-code.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const failure = new UpstreamError('UPSTREAM_TIMEOUT', 'up.test did not answer in time');

describe('Breaker', () => {
  let clock: FakeClock;
  let breaker: Breaker;

  beforeEach(() => {
    clock = new FakeClock();
    breaker = new Breaker({ name: 'up.test', failures: 3, waitMs: 30_000, clock });
  });

  function fail(times: number): void {
    for (let i = 0; i < times; i += 1) breaker.enter().failed(failure);
  }

  function refusal(): UpstreamError {
    return throwsWith(() => breaker.enter(), UpstreamError, 'UPSTREAM_UNREACHABLE');
  }

  it('opens after consecutive failures and says until when and why', async () => {
    fail(3);
    await clock.advance(10_000);
    expect(refusal()).toMatchObject({ retryAfterMs: 20_000, cause: failure });
    expect(breaker.remainingMs).toBe(20_000);
  });

  it('counts only consecutive failures', () => {
    fail(2);
    breaker.enter().answered();
    fail(2);
    expect(breaker.enter().isProbe).toBe(false);
  });

  it('lets one probe through after the wait, and everything after its success', async () => {
    fail(3);
    await clock.advance(30_000);
    const probe = breaker.enter();
    expect(probe.isProbe).toBe(true);
    refusal();
    probe.answered();
    expect(breaker.enter().isProbe).toBe(false);
  });

  it('opens again when the probe fails', async () => {
    fail(3);
    await clock.advance(30_000);
    breaker.enter().failed(failure);
    expect(refusal().retryAfterMs).toBe(30_000);
  });

  it('lets another probe through when the first one left without an outcome', async () => {
    fail(3);
    await clock.advance(30_000);
    breaker.enter().left();
    expect(breaker.enter().isProbe).toBe(true);
  });

  it('does not wait longer because of requests that were sent before it opened', async () => {
    const late = breaker.enter();
    fail(3);
    await clock.advance(29_000);
    late.failed(failure);
    expect(refusal().retryAfterMs).toBe(1000);
  });

  it('closes on demand', () => {
    fail(3);
    breaker.reset();
    expect(breaker.enter().isProbe).toBe(false);
    expect(breaker.remainingMs).toBeUndefined();
  });

  it('does not care for jumps of the wall clock', () => {
    fail(3);
    clock.jump(-86_400_000);
    expect(refusal().retryAfterMs).toBe(30_000);
    clock.jump(2 * 86_400_000);
    expect(refusal().retryAfterMs).toBe(30_000);
  });

  it('lets one probe through early for what can wait for nothing else, half a second after the last failure', async () => {
    fail(3);
    breaker.hasten();
    refusal();
    await clock.advance(500);
    refusal();
    breaker.hasten();
    const probe = breaker.enter();
    expect(probe.isProbe).toBe(true);
    refusal();
    probe.failed(failure);
    breaker.hasten();
    expect(refusal().retryAfterMs).toBe(30_000);
  });

  it('tells once that it opened, whatever a person asks for, and once that an answer came', async () => {
    const said: string[] = [];
    breaker = new Breaker({
      name: 'up.test',
      failures: 3,
      waitMs: 30_000,
      clock,
      onDown: ({ code }) => said.push(code),
      onUp: () => said.push('up'),
    });
    breaker.enter().answered();
    fail(2);
    expect(said).toEqual([]);
    fail(1);
    await clock.advance(30_000);
    fail(1);
    breaker.reset();
    fail(3);
    expect(said).toEqual(['UPSTREAM_TIMEOUT']);
    breaker.reset();
    breaker.enter().answered();
    breaker.enter().answered();
    expect(said).toEqual(['UPSTREAM_TIMEOUT', 'up']);
  });
});
