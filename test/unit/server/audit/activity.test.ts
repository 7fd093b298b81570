import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dashboard } from '../../../../server/api/contract.ts';
import { Activity } from '../../../../server/audit/activity.ts';
import type { AuditEvent } from '../../../../server/audit/events.ts';
import { openDatabase } from '../../../../server/db/database.ts';
import type { Database } from '../../../../server/db/database.ts';
import { atTestEnd, tempDirectory } from '../../../support/cleanup.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { pull } from './audit-events.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

async function state(): Promise<{ db: Database; clock: FakeClock; open: () => Activity; errors: string[] }> {
  const db = openDatabase(join(await tempDirectory(), 'state.db'));
  atTestEnd(() => Promise.resolve(void db.close()));
  // about local noon: "today" has room on both sides in every time zone; a whole hour of UTC: where intervals begin
  const clock = new FakeClock(Math.floor(new Date(2026, 2, 4, 12).getTime() / hour) * hour);
  const errors: string[] = [];
  return { db, clock, errors, open: () => new Activity({ db, clock, onError: ({ code }) => errors.push(code) }) };
}

const at = (clock: FakeClock, changes: Partial<AuditEvent> = {}): AuditEvent =>
  pull({ at: clock.now(), bytes: 100, ...changes });

describe('the activity of the mirror', () => {
  it('counts pulls by outcome, and nothing else', async () => {
    const { clock, open } = await state();
    const activity = open();
    for (const outcome of ['hit', 'hit', 'miss', 'stale', 'failed', 'denied'] as const)
      activity.noteRequest(at(clock, { outcome }));
    activity.noteRequest(at(clock, { event: 'config_change', outcome: 'ok' }));
    activity.noteFetched(150);
    expect(activity.totals()).toEqual({
      requests: 6,
      hits: 2,
      misses: 1,
      stale: 1,
      failed: 1,
      bytesServed: 600,
      bytesFetched: 150,
    });
  });

  it.each([
    { range: '1h', points: 60, step: minute },
    { range: '24h', points: 144, step: 10 * minute },
    { range: '7d', points: 168, step: hour },
  ] as const)(
    'plots $range in $points intervals, the empty ones too, ending with now',
    async ({ range, points, step }) => {
      const { clock, open } = await state();
      const activity = open();
      const now = clock.now() + step - 1;
      activity.noteRequest(at(clock, { outcome: 'miss' }));
      activity.noteRequest(at(clock, { at: clock.now() - step }));
      activity.noteRequest(at(clock, { at: clock.now() - (points - 1) * step }));
      activity.noteRequest(at(clock, { at: clock.now() - (points - 1) * step - 1 }));
      activity.noteRequest(at(clock, { at: clock.now() + step }));
      const { intervalMs, series } = activity.series(range, now);
      const last = Math.floor(now / step) * step;
      expect([intervalMs, series.length, series[0]?.at, series.at(-1)?.at]).toEqual([
        step,
        points,
        last - (points - 1) * step,
        last,
      ]);
      const filled = series.flatMap((point, index) =>
        point.requests > 0 ? [[index, point.requests, point.misses]] : [],
      );
      expect(filled).toEqual([
        [0, 1, 0],
        [points - 2, 1, 0],
        [points - 1, 1, 1],
      ]);
      expect(series.map((point) => dashboard.shape.series.element.parse(point))).toEqual(series);
    },
  );

  it('sums up today since local midnight, in the shape of the contract', async () => {
    const { clock, open } = await state();
    const activity = open();
    activity.noteRequest(at(clock, { at: clock.now() - 12 * hour - 1, bytes: 5000 }));
    for (const outcome of ['hit', 'stale', 'hit', 'miss', 'failed'] as const)
      activity.noteRequest(at(clock, { outcome }));
    activity.noteFetched(120);
    const today = activity.today();
    expect(today).toEqual({
      requests: 5,
      hitRatio: 0.75,
      bytesServed: 500,
      bytesFetched: 120,
      bytesSaved: 380,
      clients: 1,
      failed: 1,
    });
    expect(dashboard.shape.today.parse(today)).toEqual(today);
  });

  it('never claims to have saved less than nothing, and has no hit ratio without answers', async () => {
    const { open } = await state();
    const activity = open();
    activity.noteFetched(1000);
    expect(activity.today()).toMatchObject({ bytesSaved: 0, hitRatio: null });
  });

  it('is stored every 10 seconds, not per request, and goes on after a restart in the same minute', async () => {
    const { db, clock, open } = await state();
    const stored = (): unknown => db.prepare('SELECT coalesce(sum(requests), 0) FROM activity').pluck().get();
    const activity = open();
    activity.noteRequest(at(clock));
    await clock.advance(9_999);
    expect(stored()).toBe(0);
    await clock.advance(1);
    expect(stored()).toBe(1);
    activity.noteRequest(at(clock));
    activity.close();
    const again = open();
    again.noteRequest(at(clock));
    again.close();
    expect(stored()).toBe(3);
    expect(open().today().requests).toBe(3);
  });

  it('forgets what is older than seven days, in memory and on disk', async () => {
    const { db, clock, open } = await state();
    const activity = open();
    activity.noteRequest(at(clock));
    activity.persist();
    await clock.advance(7 * day + minute);
    activity.noteRequest(at(clock));
    activity.close();
    expect(db.prepare('SELECT count(*) FROM activity').pluck().get()).toBe(1);
    expect(activity.series('7d', clock.now()).series.reduce((sum, { requests }) => sum + requests, 0)).toBe(1);
  });

  it('keeps what could not be stored, says so once and stores it later', async () => {
    const { db, clock, open, errors } = await state();
    const activity = open();
    activity.noteRequest(at(clock));
    db.exec('ALTER TABLE activity RENAME TO away');
    await clock.advance(30_000);
    expect(errors).toEqual(['STORAGE_FAILED']);
    db.exec('ALTER TABLE away RENAME TO activity');
    await clock.advance(10_000);
    expect(db.prepare('SELECT sum(requests) FROM activity').pluck().get()).toBe(1);
  });
});

describe('the clients of the last 24 hours', () => {
  it('are listed most recent first with their requests and hits', async () => {
    const { clock, open } = await state();
    const activity = open();
    activity.noteRequest(at(clock, { clientIp: '10.0.0.1', outcome: 'miss', userAgent: 'crane' }));
    await clock.advance(1000);
    activity.noteRequest(at(clock, { clientIp: '10.0.0.2', outcome: 'hit', userAgent: undefined }));
    activity.noteRequest(at(clock, { clientIp: '10.0.0.2', outcome: 'stale', userAgent: 'podman' }));
    const now = clock.now();
    expect(activity.clients()).toEqual([
      { clientIp: '10.0.0.2', lastSeenAt: now, requests: 2, hits: 2, userAgent: 'podman' },
      { clientIp: '10.0.0.1', lastSeenAt: now - 1000, requests: 1, hits: 0, userAgent: 'crane' },
    ]);
    expect([activity.clientsLast(500), activity.clientsLast(2000)]).toEqual([1, 2]);
  });

  it('lose the requests of more than a day ago while they go on', async () => {
    const { clock, open } = await state();
    const activity = open();
    for (let count = 0; count < 5; count += 1) activity.noteRequest(at(clock));
    await clock.advance(23 * hour);
    activity.noteRequest(at(clock));
    expect(activity.clients()[0]?.requests).toBe(6);
    await clock.advance(hour);
    activity.noteRequest(at(clock));
    expect(activity.clients()[0]?.requests).toBe(2);
    await clock.advance(day + 1);
    expect(activity.clients()).toEqual([]);
  });

  it('are at most 10,000, the longest silent forgotten first', async () => {
    const { clock, open } = await state();
    const activity = open();
    for (let index = 0; index < 10_000; index += 1)
      activity.noteRequest(at(clock, { clientIp: `client-${String(index)}` }));
    await clock.advance(2 * minute);
    activity.noteRequest(at(clock, { clientIp: 'client-0' }));
    activity.noteRequest(at(clock, { clientIp: 'new' }));
    expect([activity.clientsLast(day), activity.clientsLast(minute)]).toEqual([10_000, 2]);
  });

  it('come back from the index after a restart, without replacing who was seen since', async () => {
    const { clock, open } = await state();
    const activity = open();
    activity.noteRequest(at(clock, { clientIp: '10.0.0.1' }));
    activity.restoreClients([
      { clientIp: '10.0.0.2', lastSeenAt: clock.now() - hour, requests: 7, hits: 3, userAgent: 'crane' },
      { clientIp: '10.0.0.1', lastSeenAt: clock.now() - 2 * hour, requests: 9, hits: 9 },
    ]);
    expect(activity.clients().map(({ clientIp, requests }) => [clientIp, requests])).toEqual([
      ['10.0.0.1', 1],
      ['10.0.0.2', 7],
    ]);
  });
});
