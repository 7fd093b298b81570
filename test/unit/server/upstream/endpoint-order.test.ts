import { beforeEach, describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../../server/errors.ts';
import { EndpointOrder } from '../../../../server/upstream/endpoint-order.ts';
import { endpointsOf } from '../../../../server/upstream/names.ts';
import { throwsWith } from '../../../support/expect-code.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const [first, second] = endpointsOf('up.test', ['https://a.test', 'https://b.test']) as [never, never];

describe('EndpointOrder', () => {
  let clock: FakeClock;
  let order: EndpointOrder;

  beforeEach(() => {
    clock = new FakeClock();
    order = new EndpointOrder({ name: 'up.test', endpoints: [first, second], waitMs: 30_000, clock });
  });

  it('puts a URL that failed behind the others until the wait is over', async () => {
    order.demote(first);
    expect(order.candidates()).toEqual([second, first]);
    await clock.advance(30_000);
    expect(order.candidates()).toEqual([first, second]);
  });

  it('leaves out a URL that asked for it, and refuses when all did', async () => {
    order.limit(first, new UpstreamError('UPSTREAM_LIMITED', 'limits pulls', { retryAfterMs: 60_000 }));
    expect(order.candidates()).toEqual([second]);
    expect(order.limitedMs).toBeUndefined();
    order.limit(second, new UpstreamError('UPSTREAM_FAILED', 'failed', { status: 503, retryAfterMs: 10_000 }));
    const refusal = throwsWith(() => order.candidates(), UpstreamError, 'UPSTREAM_FAILED');
    expect(refusal).toMatchObject({ status: 503, retryAfterMs: 10_000 });
    await clock.advance(10_000);
    expect(order.candidates()).toEqual([second]);
  });

  it('holds a limit without a time for the usual wait', () => {
    expect(order.limit(first, new UpstreamError('UPSTREAM_LIMITED', 'limits pulls')).retryAfterMs).toBe(30_000);
  });

  it('forgets everything on demand', () => {
    order.limit(first, new UpstreamError('UPSTREAM_LIMITED', 'limits pulls'));
    order.demote(second);
    order.reset();
    expect(order.candidates()).toEqual([first, second]);
  });
});
