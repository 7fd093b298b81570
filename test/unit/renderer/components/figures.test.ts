import { describe, expect, it } from 'vitest';
import { gapEdges, lonePositions, stack } from '../../../../renderer/components/plot-data.ts';
import { quotaDetail, quotaLevel, quotaResetAt, quotaText } from '../../../../renderer/components/quota.ts';
import { sparkPath } from '../../../../renderer/components/sparkline.tsx';

const seenAt = Date.UTC(2026, 10, 21, 12, 0, 0);
const quota = { limit: 100, remaining: 14, windowSeconds: 7200, source: '203.0.113.7', seenAt };
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

describe('stack', () => {
  it('adds each series to those below it and counts a gap as nothing', () => {
    const series = (values: (number | null)[]) => ({ label: '', color: 'ok', kind: 'bar' as const, values });
    expect(stack([series([1, 2]), series([null, 3]), series([4, 0])])).toEqual([
      [1, 2],
      [1, 5],
      [5, 5],
    ]);
  });
});

describe('quota', () => {
  it('is said with its source and the latest moment it is full again', () => {
    expect([
      quotaText(quota, 'en'),
      plain(quotaDetail(quota, seenAt + 1000, 'en', 'UTC')),
      quotaResetAt(quota),
    ]).toEqual([
      '14 of 100 pulls left',
      'counted on 203.0.113.7, window of 2 h, full again by 14:00 at the latest',
      seenAt + 7_200_000,
    ]);
  });

  it('claims nothing once its window is over', () => {
    expect(quotaDetail(quota, seenAt + 7_200_000, 'en', 'UTC')).toContain('the next answer tells the new figure');
  });

  it.each([
    [100, 'accent'],
    [25, 'warn'],
    [5, 'bad'],
    [0, 'bad'],
  ])('with %d of 100 left is %s', (remaining, tone) => {
    expect(quotaLevel({ ...quota, remaining }).tone).toBe(tone);
  });

  it('of a limit of zero is used up, not divided by', () => {
    expect(quotaLevel({ ...quota, limit: 0, remaining: 0 })).toEqual({ share: 0, tone: 'bad' });
  });
});

describe('gapEdges', () => {
  it.each([
    [
      [1, 1, 1],
      [0, 2],
    ],
    [
      [null, 1, 2, 3, null, 4, undefined],
      [1, 3, 5],
    ],
    [[null], []],
  ])('of %j are %j', (values, expected) => {
    expect(gapEdges(values)).toEqual(expected);
  });
});

describe('sparkPath', () => {
  it('begins anew after a gap and draws nothing for nothing', () => {
    expect([sparkPath([0, 1, null, 1], 1).match(/M/g)?.length, sparkPath([null], 1), sparkPath([], 1)]).toEqual([
      2,
      '',
      '',
    ]);
  });

  it('makes a dot of a value that stands alone, for a line has nothing to draw there', () => {
    expect(sparkPath([null, 1, null, 0, 0], 1).match(/h0/g)).toHaveLength(1);
  });
});

describe('lonePositions', () => {
  it.each([
    [[], []],
    [[1], [0]],
    [[null, 1, null], [1]],
    [
      [1, 1, null, 2, undefined, 0],
      [3, 5],
    ],
    [[null, null], []],
  ])('of %j are %j', (values, expected) => {
    expect(lonePositions(values)).toEqual(expected);
  });
});
