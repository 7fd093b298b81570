import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../../../server/errors.ts';
import { answers } from '../../../../renderer/features/dashboard/answers.ts';
import { explainRequest } from '../../../../renderer/features/dashboard/explain.ts';
import {
  bytesPlot,
  hitRatioPlot,
  quotaPlot,
  ratios,
  requestPlot,
} from '../../../../renderer/features/dashboard/plots.ts';
import { namesWithoutHost } from '../../../../renderer/features/dashboard/setup-list.tsx';
import { filterRequests } from '../../../../renderer/features/dashboard/request-filter.ts';
import { dashboardFixture, requestFixture, requestsFixture, statusFixture } from '../../../e2e/support/fixtures.ts';

const status = { ...statusFixture(0), attention: [] };
const dashboard = dashboardFixture(0, 4, 60_000);
const verdicts = (...input: Parameters<typeof answers>) => answers(...input).map(({ verdict }) => verdict);

describe('the three answers', () => {
  it('are good for a mirror that serves, is used and encrypts', () => {
    expect(verdicts({ ...status, tls: true }, dashboard)).toEqual(['good', 'good', 'good']);
  });

  it('say no to "up" when it does not listen, with the reason', () => {
    const [up] = answers({ ...status, listenError: 'Port 5050 is in use.' }, dashboard);
    expect(up).toMatchObject({ verdict: 'bad', answer: 'No', detail: 'Port 5050 is in use.' });
    expect(verdicts({ ...status, listening: false }, dashboard)[0]).toBe('bad');
  });

  it('count a failing upstream against "up", any other problem against "safe"', () => {
    const item = { id: 'a', severity: 'error' as const, title: 'quay.io does not answer', detail: '' };
    const safe = { ...status, tls: true };
    expect(verdicts({ ...safe, attention: [{ ...item, link: '/upstreams' }] }, dashboard)).toEqual([
      'partly',
      'good',
      'good',
    ]);
    expect(verdicts({ ...safe, attention: [{ ...item, title: 'A blob is damaged' }] }, dashboard)).toEqual([
      'good',
      'good',
      'bad',
    ]);
  });

  it('admit that plain HTTP on the network is not encrypted, and that loopback needs no encryption', () => {
    expect(verdicts(status, dashboard)[2]).toBe('partly');
    expect(verdicts({ ...status, addresses: ['127.0.0.1:5050', 'localhost:5050', '[::1]:5050'] }, dashboard)[2]).toBe(
      'good',
    );
  });

  it('notice a disk below its floor', () => {
    const disk = { ...status.disk, freeBytes: status.disk.floorBytes - 1 };
    expect(verdicts({ ...status, tls: true, disk }, dashboard)[2]).toBe('partly');
  });

  it('do not call an unused mirror used', () => {
    const unused = { ...dashboard, today: { ...dashboard.today, requests: 0 } };
    expect([verdicts(status, unused)[1], verdicts(status, undefined)[1]]).toEqual(['unknown', 'unknown']);
  });
});

describe('explainRequest', () => {
  const row = requestFixture(0, 0);

  it.each([
    ['hit', /Served from the cache/],
    ['miss', /^Fetched from ghcr\.io/],
    ['stale', /perhaps out of date/],
    ['failed', /^Failed with status/],
    ['denied', /^Denied/],
    ['ok', /mirror itself/],
  ] as const)('has a title and a reason for %s', (outcome, title) => {
    const { title: said, reasons } = explainRequest({ ...row, outcome });
    expect(said).toMatch(title);
    expect(reasons.length).toBeGreaterThan(0);
  });

  it('tells what the mirror noted and that HEAD sends no content', () => {
    const { reasons } = explainRequest({ ...row, outcome: 'stale', method: 'HEAD', detail: 'connection refused' });
    expect(reasons).toContain('The mirror noted: connection refused');
    expect(reasons.at(-1)).toMatch(/HEAD/);
  });

  it('has its own words and advice for every way an upstream can fail', () => {
    const upstreamCodes = errorCodes.filter((code) => code.startsWith('UPSTREAM_') || code === 'CONTENT_MISMATCH');
    const said = upstreamCodes.map((code) => explainRequest({ ...row, outcome: 'failed', status: 502, code }));
    expect(said.filter(({ advice }) => advice === undefined || advice.includes('request id'))).toEqual([]);
    expect(new Set(said.map(({ reasons }) => reasons[0])).size).toBe(upstreamCodes.length);
  });

  it('speaks of a change of settings as that, with what changed', () => {
    const change = { ...row, event: 'config_change', outcome: 'ok' as const, method: '', detail: 'ttl: 5m → 1h' };
    expect(explainRequest(change)).toEqual({
      title: 'Change of settings',
      reasons: ['The mirror noted: ttl: 5m → 1h'],
    });
  });

  it('points to the log for a code it does not know', () => {
    expect(explainRequest({ ...row, outcome: 'failed', code: 'INTERNAL' }).advice).toContain(row.id);
  });
});

describe('filterRequests', () => {
  const rows = requestsFixture(0, 24);

  it('finds every word anywhere in a row, in any case', () => {
    const found = filterRequests(rows, { text: 'POSTGRES 192.168.1.41', outcome: '' });
    expect(found.length).toBeGreaterThan(0);
    expect(found.every((row) => row.artifact.includes('postgres') && row.clientIp === '192.168.1.41')).toBe(true);
  });

  it('keeps only the outcome asked for, and everything without a filter', () => {
    expect(filterRequests(rows, { text: '', outcome: 'failed' }).map(({ outcome }) => outcome)).toEqual([
      'failed',
      'failed',
    ]);
    expect(filterRequests(rows, { text: '  ', outcome: '' })).toEqual(rows);
  });
});

describe('plots', () => {
  const zero = { requests: 0, hits: 0, misses: 0, stale: 0, failed: 0, bytesServed: 0, bytesFetched: 0 };
  const points = [
    { ...zero, at: 0 },
    { ...zero, at: 1, requests: 11, hits: 6, misses: 2, stale: 2, failed: 1, bytesServed: 4096, bytesFetched: 1024 },
  ];

  it('leave a gap in the hit ratio where nothing was asked for', () => {
    expect(ratios(points)).toEqual([null, 0.8]);
  });

  it('say in a sentence what they show', () => {
    expect([requestPlot(points, 'hour').summary, hitRatioPlot(points, 'hour').summary]).toEqual([
      '11 requests in the last hour, 1 of them failed.',
      '80% of requests in the last hour were answered from the cache.',
    ]);
    expect(bytesPlot(points, 'hour').summary.replaceAll('\u00a0', ' ')).toBe(
      '4 KiB served to clients and 1 KiB fetched from upstreams in the last hour; 3 KiB saved.',
    );
  });

  it('show requests that are neither hit, miss, stale nor failed only when there are some', () => {
    expect(requestPlot(points, 'hour').series.map(({ label }) => label)).not.toContain('Other');
    const other = requestPlot([{ ...zero, at: 0, requests: 3 }], 'hour').series.at(-1);
    expect([other?.label, other?.values]).toEqual(['Other', [3]]);
  });
});

describe('the plot of the pull quota', () => {
  const times = [0, 1, 2].map((at) => ({ ...dashboard.series[0]!, at }));
  const course = (upstream: string, remaining: readonly number[], limit = 100) => ({
    upstream,
    points: remaining.map((left, at) => ({ at: at * 2, remaining: left, limit })),
  });

  it('shows what each upstream last told, with gaps where it told nothing, and says it in words', () => {
    const plot = quotaPlot(times, [course('docker.io', [80, 60]), course('a.test', [199, 200], 200)], 'hour');
    expect(plot?.series.map(({ label, values, spansGaps }) => [label, values, spansGaps])).toEqual([
      ['docker.io', [80, null, 60], true],
      ['a.test', [199, null, 200], true],
    ]);
    expect([plot?.top, plot?.summary]).toEqual([
      200,
      'docker.io: 60 of 100 pulls left when it last told, at least 60 in the last hour. a.test: 200 of 200 pulls left when it last told, at least 199 in the last hour.',
    ]);
  });

  it('is none when no upstream told anything', () => {
    expect([quotaPlot(times, [], 'hour'), quotaPlot(times, [course('docker.io', [])], 'hour')]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('draws those with the least left, and says how many it leaves out', () => {
    const courses = [9, 8, 7, 6, 5, 4, 3].map((left) => course(`u${String(left)}.test`, [left]));
    const plot = quotaPlot(times, courses, 'hour');
    expect(plot?.series.map(({ label }) => label)).toEqual(['u3.test', 'u4.test', 'u5.test', 'u6.test', 'u7.test']);
    expect(plot?.summary).toMatch(/ 2 more are not drawn\.$/);
  });
});

describe('what is left to set up', () => {
  it('names the default upstream, and says what to write where there is none', () => {
    expect([namesWithoutHost('ghcr.io'), namesWithoutHost('')]).toEqual([
      'names without a host go to ghcr.io.',
      'there is no default, so clients write the upstream’s name in front of every repository.',
    ]);
  });
});
