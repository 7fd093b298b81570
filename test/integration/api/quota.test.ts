import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from './admin-client.ts';

const saying = (remaining: number) => ({
  headers: { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': `${String(remaining)};w=21600` },
});

async function started() {
  const upstream = await startFakeUpstream();
  upstream.add('acme/app', ['v1', 'v2'], image());
  const clock = new FakeClock();
  const mirror = await startTempMirror({ upstream, clock });
  return { upstream, clock, mirror, admin: () => new AdminClient(mirror.adminUrl) };
}

describe('the course of the pull quota', () => {
  it('comes from ordinary traffic, per upstream and minute, and is there after a restart', async () => {
    const { upstream, clock, mirror, admin } = await started();
    const at = clock.now();
    expect((await admin().call('getDashboard')).quotas).toEqual([]);
    upstream.usual = saying(80);
    await mirror.pull('acme/app:v1');
    upstream.usual = saying(79);
    await mirror.get('/v2/acme/app/manifests/v2');
    await clock.advance(60_000);
    upstream.usual = saying(60);
    await mirror.get('/v2/acme/app/manifests/v3');
    const expected = [
      {
        upstream: 'up.test',
        points: [
          { at, remaining: 79, limit: 100 },
          { at: at + 60_000, remaining: 60, limit: 100 },
        ],
      },
    ];
    expect((await admin().call('getDashboard')).quotas).toEqual(expected);
    await mirror.restart();
    expect((await admin().call('getDashboard')).quotas).toEqual(expected);
    const { series, quotas } = await admin().call('getDashboard', { query: { range: '7d' } });
    expect(quotas.map(({ points }) => points.every((point) => series.some((one) => one.at === point.at)))).toEqual([
      true,
    ]);
  });

  it('does not come from a test of settings that are not saved', async () => {
    const { upstream, admin } = await started();
    upstream.usual = saying(80);
    const { steps } = await admin().call('testUpstream', {
      body: { upstream: { name: 'up.test', urls: [upstream.url] }, repository: 'acme/app', reference: 'v1' },
    });
    expect(steps.at(-1)).toMatchObject({ step: 'quota', state: 'passed' });
    expect((await admin().call('getDashboard')).quotas).toEqual([]);
  });
});
