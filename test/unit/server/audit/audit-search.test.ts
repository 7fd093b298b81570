import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AuditIndex } from '../../../../server/audit/audit-index.ts';
import { LineEncoder } from '../../../../server/audit/audit-line.ts';
import type { AuditPage, AuditQuery } from '../../../../server/audit/audit-rows.ts';
import { AuditSearch } from '../../../../server/audit/audit-search.ts';
import type { AuditEvent } from '../../../../server/audit/events.ts';
import { routes } from '../../../../server/api/contract.ts';
import { openDatabase } from '../../../../server/db/database.ts';
import { atTestEnd, tempDirectory } from '../../../support/cleanup.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { digestA, pull } from './audit-events.ts';

/** An index of these events, in order; request ids are their numbers from 1. */
async function searchOf(
  events: readonly Partial<AuditEvent>[],
  clock: { monotonic(): number } = new FakeClock(),
): Promise<AuditSearch> {
  const db = openDatabase(join(await tempDirectory(), 'state.db'));
  atTestEnd(() => Promise.resolve(void db.close()));
  const encoder = new LineEncoder();
  const lines = events.map((event, index) => encoder.encode(pull({ requestId: String(index + 1), ...event })));
  new AuditIndex(db, '/').addLines(Buffer.from(lines.join('')));
  return new AuditSearch(db, clock);
}

const ids = (page: AuditPage): string[] => page.rows.map(({ id }) => id);

describe('a search of the audit', () => {
  it('gives pages newest first that meet without gap or overlap', async () => {
    const search = await searchOf(Array.from({ length: 5 }, () => ({})));
    const pages: string[][] = [];
    let before: number | undefined;
    do {
      const page = search.search({ limit: 2, before });
      pages.push(ids(page));
      before = page.next;
    } while (before !== undefined);
    expect(pages).toEqual([['5', '4'], ['3', '2'], ['1']]);
  });

  it('has no next page when the last row is on this one', async () => {
    const search = await searchOf([{}, {}]);
    const page = search.search({ limit: 2 });
    expect({ ids: ids(page), next: page.next }).toEqual({ ids: ['2', '1'], next: undefined });
  });

  it('answers in the shape of the contract', async () => {
    const search = await searchOf([
      {},
      { event: 'config_change', method: undefined, status: undefined, bytes: undefined },
    ]);
    const page = search.search({});
    expect(routes.searchAudit.response.parse(page)).toEqual(page);
  });

  const events: Partial<AuditEvent>[] = [
    { artifact: 'ghcr.io/org/app:1', clientIp: '10.0.0.1', user: 'alice' },
    { artifact: 'docker.io/library/alpine:3', clientIp: '10.0.0.2', user: undefined, outcome: 'miss' },
    { artifact: 'ghcr.io/org/100%_sure:1', clientIp: '192.168.7.7', user: 'bob', event: 'blob_pull' },
    { artifact: 'ghcr.io/org/app:2', clientIp: '10.0.0.2', user: 'Alice', digest: `sha256:${'b'.repeat(64)}` },
    {
      artifact: 'ghcr.io/a\\b',
      clientIp: '10.0.0.3',
      user: undefined,
      upstream: 'bob',
      userAgent: 'bob',
      digest: undefined,
    },
  ];

  it.each<{ query: AuditQuery; found: string[] }>([
    { query: { text: 'app' }, found: ['4', '1'] },
    { query: { text: 'ALPINE' }, found: ['2'] },
    { query: { text: '10.0.0.2' }, found: ['4', '2'] },
    { query: { text: 'alice' }, found: ['4', '1'] },
    { query: { text: 'bob' }, found: ['3'] },
    { query: { text: '0%_s' }, found: ['3'] },
    { query: { text: '%' }, found: ['3'] },
    { query: { text: '_' }, found: ['3'] },
    { query: { text: '\\' }, found: ['5'] },
    { query: { text: '  app ' }, found: ['4', '1'] },
    { query: { text: "'; DROP TABLE audit; --" }, found: [] },
    { query: { text: '' }, found: ['5', '4', '3', '2', '1'] },
    { query: { outcome: 'miss' }, found: ['2'] },
    { query: { event: 'blob_pull' }, found: ['3'] },
    { query: { event: 'unheard_of' }, found: [] },
    { query: { digest: digestA }, found: ['3', '2', '1'] },
    { query: { digest: 'sha256:unknown' }, found: [] },
    { query: { text: '10.0.0', digest: digestA, outcome: 'hit' }, found: ['1'] },
    { query: { text: 'app', before: 4 }, found: ['1'] },
    { query: { before: 1 }, found: [] },
    { query: { before: 1e12 }, found: ['5', '4', '3', '2', '1'] },
  ])('finds $found with $query', async ({ query, found }) => {
    const search = await searchOf(events);
    expect(ids(search.search(query))).toEqual(found);
  });

  it('finds what came since the same text was last searched', async () => {
    const db = openDatabase(join(await tempDirectory(), 'state.db'));
    atTestEnd(() => Promise.resolve(void db.close()));
    const index = new AuditIndex(db, '/');
    const search = new AuditSearch(db, new FakeClock());
    const add = (artifact: string): void => index.addLines(Buffer.from(new LineEncoder().encode(pull({ artifact }))));
    const count = (text: string): number => search.search({ text }).rows.length;
    add('first/app:1');
    expect(count('app')).toBe(1);
    add('second/app:1');
    expect(count('app')).toBe(2);
    expect(count('second')).toBe(1);
    expect(count('app')).toBe(2);
  });

  it('is empty on an empty index', async () => {
    const search = await searchOf([]);
    expect([search.search({}), search.search({ text: 'x' }), search.recent(5)]).toEqual([
      { rows: [] },
      { rows: [] },
      [],
    ]);
  });

  it('stops for time and goes on at the cursor: every row is found, none twice', async () => {
    // time is up at every look: each call does one window of texts or rows
    let time = 0;
    const search = await searchOf(
      Array.from({ length: 60_000 }, (_, index) => ({
        artifact: `repository/${String(index)}:1`,
        clientIp: index % 20_000 === 5 ? 'rare' : 'often',
      })),
      { monotonic: () => (time += 1000) },
    );
    const found: string[] = [];
    let before: number | undefined;
    let calls = 0;
    do {
      const page = search.search({ text: 'rare', before, limit: 10 });
      found.push(...ids(page));
      before = page.next;
      calls += 1;
    } while (before !== undefined);
    expect(found).toEqual(['40006', '20006', '6']);
    // half the texts; the other half and the newest rows; the other rows
    expect(calls).toBe(3);
  });
});

describe('the clients in the index', () => {
  it('are those who pulled since, most recent first, with what they use', async () => {
    const search = await searchOf([
      { clientIp: '10.0.0.1', at: 1000, outcome: 'hit' },
      { clientIp: '10.0.0.1', at: 3000, outcome: 'miss', userAgent: 'crane' },
      { clientIp: '10.0.0.2', at: 2000, outcome: 'stale', userAgent: undefined },
      { clientIp: '10.0.0.3', at: 999 },
      { clientIp: '10.0.0.4', at: 5000, event: 'config_change' },
    ]);
    expect(search.clients(1000)).toEqual([
      { clientIp: '10.0.0.1', lastSeenAt: 3000, requests: 2, hits: 1, userAgent: 'crane' },
      { clientIp: '10.0.0.2', lastSeenAt: 2000, requests: 1, hits: 1, userAgent: undefined },
    ]);
  });
});
