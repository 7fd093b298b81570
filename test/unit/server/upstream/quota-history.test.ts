import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../../../server/db/database.ts';
import { QuotaHistory } from '../../../../server/upstream/quota-history.ts';
import { atTestEnd, tempDirectory } from '../../../support/cleanup.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const minute = 60_000;

async function state() {
  const db = openDatabase(join(await tempDirectory(), 'state.db'));
  atTestEnd(() => Promise.resolve(void db.close()));
  const clock = new FakeClock();
  const start = clock.now();
  const errors: string[] = [];
  const open = () => new QuotaHistory({ db, clock, onError: ({ code }) => errors.push(code) });
  const said = (remaining: number, limit = 100) => ({
    remaining,
    limit,
    windowSeconds: 21_600,
    source: undefined,
    seenAt: clock.now(),
  });
  const rows = () => db.prepare('SELECT count(*) FROM quota_history').pluck().get();
  return { db, clock, start, errors, open, said, rows };
}

describe('the history of pull quotas', () => {
  it('keeps the last word of each minute, per upstream, also over a restart', async () => {
    const { clock, start, open, said, rows } = await state();
    const history = open();
    history.note('docker.io', said(90));
    history.note('docker.io', said(89));
    history.note('a.test', said(5, 10));
    await clock.advance(2 * minute);
    history.note('docker.io', said(70));
    history.close();
    const again = open();
    again.note('docker.io', said(69));
    const expected = [
      { upstream: 'a.test', points: [{ at: start, remaining: 5, limit: 10 }] },
      {
        upstream: 'docker.io',
        points: [
          { at: start, remaining: 89, limit: 100 },
          { at: start + 2 * minute, remaining: 69, limit: 100 },
        ],
      },
    ];
    expect(again.series({ since: start, intervalMs: minute })).toEqual(expected);
    again.close();
    expect(open().series({ since: start, intervalMs: minute })).toEqual(expected);
    expect(rows()).toBe(3);
  });

  it('gives the last word of each interval and nothing from before the span', async () => {
    const { clock, start, open, said } = await state();
    const history = open();
    for (const remaining of [100, 90, 80, 70]) {
      history.note('docker.io', said(remaining));
      await clock.advance(5 * minute);
    }
    expect(history.series({ since: start + 5 * minute, intervalMs: 10 * minute })).toEqual([
      {
        upstream: 'docker.io',
        points: [
          { at: start + 5 * minute, remaining: 80, limit: 100 },
          { at: start + 15 * minute, remaining: 70, limit: 100 },
        ],
      },
    ]);
  });

  it('forgets after 7 days', async () => {
    const { clock, open, said, rows } = await state();
    const history = open();
    history.note('docker.io', said(90));
    history.persist();
    clock.jump(7 * 24 * 60 * minute + minute);
    history.note('docker.io', said(89));
    history.persist();
    expect(rows()).toBe(1);
  });

  it('reports a refusing disk once, keeps what it knows and stores it later', async () => {
    const { db, start, errors, open, said, rows } = await state();
    db.exec("CREATE TRIGGER refuse BEFORE INSERT ON quota_history BEGIN SELECT raise(ABORT, 'no'); END");
    const history = open();
    history.note('docker.io', said(90));
    history.persist();
    history.persist();
    expect([errors, history.series({ since: start, intervalMs: minute }).length]).toEqual([['STORAGE_FAILED'], 1]);
    db.exec('DROP TRIGGER refuse');
    history.close();
    expect(rows()).toBe(1);
  });
});
