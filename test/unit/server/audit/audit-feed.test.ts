import { describe, expect, it } from 'vitest';
import { AuditFeed } from '../../../../server/audit/audit-feed.ts';
import { requestRow } from '../../../../server/api/contract.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { pull } from './audit-events.ts';

const ids = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);

function fill(feed: AuditFeed, from: number, to: number): void {
  for (let index = from; index <= to; index += 1) feed.push(pull({ requestId: String(index) }));
}

describe('the feed of the last requests', () => {
  it('gives the newest first, in the shape of the contract', () => {
    const feed = new AuditFeed(new FakeClock());
    fill(feed, 1, 3);
    const rows = feed.recent(2);
    expect(ids(rows)).toEqual(['3', '2']);
    expect(rows.map((row) => requestRow.parse(row))).toEqual(rows);
  });

  it('keeps the last 1000 and no more', () => {
    const feed = new AuditFeed(new FakeClock());
    fill(feed, 1, 2500);
    const rows = ids(feed.recent(5000));
    expect([rows.length, rows[0], rows.at(-1)]).toEqual([1000, '2500', '1501']);
  });

  it('holds what clients asked, not what happened to the mirror', () => {
    const feed = new AuditFeed(new FakeClock());
    feed.push(pull({ event: 'mirror_start' }));
    feed.push(pull({ event: 'config_change' }));
    feed.push(pull({ event: 'blob_pull', requestId: 'blob' }));
    expect(ids(feed.recent(10))).toEqual(['blob']);
  });

  it('delivers what is new every 250 ms, and nothing when nothing is', async () => {
    const clock = new FakeClock();
    const feed = new AuditFeed(clock);
    fill(feed, 1, 2);
    const heard: { ids: string[]; dropped: number }[] = [];
    feed.subscribe((rows, dropped) => heard.push({ ids: ids(rows), dropped }));
    fill(feed, 3, 4);
    await clock.advance(249);
    expect(heard).toEqual([]);
    await clock.advance(1000);
    expect(heard).toEqual([{ ids: ['4', '3'], dropped: 0 }]);
  });

  it('delivers the newest 200 of a burst and says how many it left out', async () => {
    const clock = new FakeClock();
    const feed = new AuditFeed(clock);
    const heard: unknown[] = [];
    feed.subscribe((rows, dropped) => heard.push([rows.length, rows[0]?.id, dropped]));
    fill(feed, 1, 3000);
    await clock.advance(250);
    expect(heard).toEqual([[200, '3000', 2800]]);
  });

  it('stops for who left and goes on for who stayed', async () => {
    const clock = new FakeClock();
    const feed = new AuditFeed(clock);
    const heard: string[] = [];
    const leave = feed.subscribe(() => heard.push('first'));
    feed.subscribe(() => heard.push('second'));
    leave();
    fill(feed, 1, 1);
    await clock.advance(250);
    expect(heard).toEqual(['second']);
  });
});
