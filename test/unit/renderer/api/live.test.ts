import { describe, expect, it } from 'vitest';
import { feedLimit, mergeDashboardHealth, mergeRequests, mergeUpstreamHealth } from '../../../../renderer/api/live.ts';
import { dashboardFixture, requestFixture, requestsFixture, upstreamsFixture } from '../../../e2e/support/fixtures.ts';

const now = 1_700_000_000_000;
const failing = { state: 'failing', requests: 5, failures: 5, bytesReceived: 0, lastError: 'no route' } as const;

describe('mergeRequests', () => {
  it('puts newer rows on top and knows each request once, the later word counting', () => {
    const old = requestsFixture(now, 3);
    const newer = requestFixture(50, now + 1000);
    const corrected = { ...old[1]!, bytes: 777 };
    const { requests } = mergeRequests({ requests: old }, [newer, corrected]);
    expect(requests.map(({ id, bytes }) => [id, bytes])).toEqual([
      [newer.id, newer.bytes],
      [old[0]!.id, old[0]!.bytes],
      [old[1]!.id, 777],
      [old[2]!.id, old[2]!.bytes],
    ]);
  });

  it('keeps a bounded number of rows and lets the oldest go', () => {
    const { requests } = mergeRequests({ requests: requestsFixture(now, feedLimit) }, [requestFixture(5000, now + 1)]);
    expect([requests.length, requests[0]?.at]).toEqual([feedLimit, now + 1]);
  });

  it('begins with nothing', () => {
    expect(mergeRequests(undefined, []).requests).toEqual([]);
  });
});

describe('health events', () => {
  it('replace the health of the upstreams they name and leave the others', () => {
    const list = { upstreams: upstreamsFixture(now), locked: false };
    const event = {
      upstreams: [
        { name: 'ghcr.io', health: failing },
        { name: 'unknown.test', health: failing },
      ],
    };
    const merged = mergeUpstreamHealth(list, event);
    expect(merged?.upstreams.map(({ name, health }) => [name, health.state])).toEqual([
      ['ghcr.io', 'failing'],
      ['docker.io', 'ok'],
      ['quay.io', 'open'],
      ['registry.k8s.io', 'unknown'],
    ]);
    const dashboard = mergeDashboardHealth(dashboardFixture(now, 2, 60_000), event);
    expect(dashboard?.upstreams[0]?.health).toEqual(failing);
  });

  it('wait for the list when it is not loaded yet', () => {
    expect([
      mergeUpstreamHealth(undefined, { upstreams: [] }),
      mergeDashboardHealth(undefined, { upstreams: [] }),
    ]).toEqual([undefined, undefined]);
  });
});
