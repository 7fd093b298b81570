import { expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';
import { image } from '../../support/image-builder.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from '../api/admin-client.ts';

const everyMs = 600_000;
const alone = { upstreamRegistry: '', upstreams: [] };

test('a round begins by itself when scrub.every has passed since the content was proved, and not before', async () => {
  const clock = new FakeClock();
  const mirror = await startTempMirror({ clock, settings: { ...alone, scrub: { every: '10m', rate: '0 B' } } });
  await pushGraph(mirror.url, 'team/own', 'v1', image());
  const pushedAt = clock.now();
  const admin = new AdminClient(mirror.adminUrl);
  const waiting = await admin.call('getScrub');
  expect({ running: waiting.running, nextAt: waiting.nextAt }).toEqual({ running: false, nextAt: pushedAt + everyMs });
  await clock.advance(everyMs - 60_000);
  expect((await admin.call('getScrub')).startedAt).toBeUndefined();
  await clock.advance(60_000);
  const first = await ended(admin, clock);
  expect(first).toMatchObject({ startedAt: pushedAt + everyMs, checkedBlobs: 2, unrepaired: 0 });
  expect(first.nextAt).toBeGreaterThanOrEqual(pushedAt + 2 * everyMs);
});

test('never begins by itself when scrub.every is 0', async () => {
  const clock = new FakeClock();
  const mirror = await startTempMirror({ clock, settings: { ...alone, scrub: { every: '0s' } } });
  await pushGraph(mirror.url, 'team/own', 'v1', image());
  await clock.advance(everyMs);
  const { running, startedAt, nextAt } = await new AdminClient(mirror.adminUrl).call('getScrub');
  expect({ running, startedAt, nextAt }).toEqual({ running: false, startedAt: undefined, nextAt: undefined });
});

test('reads no faster than scrub.rate says', async () => {
  const clock = new FakeClock();
  const mirror = await startTempMirror({ clock, settings: { ...alone, scrub: { rate: '64 KiB' } } });
  await pushGraph(mirror.url, 'team/own', 'v1', image({ layers: [Buffer.alloc(640 * 1024, 'slow')] }));
  const admin = new AdminClient(mirror.adminUrl);
  await clock.advance(1);
  const { startedAt = 0 } = await admin.call('startScrub', { body: {} });
  const { lastFinishedAt = 0 } = await ended(admin, clock);
  // 640 KiB at 64 KiB a second, of which the last quarter of a second is not waited for
  expect(lastFinishedAt - startedAt).toBeGreaterThanOrEqual(9_500);
});

/** Moves the clock on, a little at a time, until the round has ended. */
async function ended(admin: AdminClient, clock: FakeClock) {
  for (;;) {
    await clock.advance(50);
    const state = await admin.call('getScrub');
    if (!state.running && state.lastFinishedAt !== undefined) return state;
  }
}
