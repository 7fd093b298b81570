import { describe, expect, test } from 'vitest';
import { duration, formatDuration, parseDuration, parseSize, size } from '../../../../server/config/quantities.ts';

describe('durations', () => {
  test.each([
    ['0s', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['1.5s', 1500],
    ['1d12h30m15s250ms', 131_415_250],
    [' 5m ', 300_000],
  ])('%j is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
    expect(duration.parse(text)).toBe(ms);
  });

  test.each(['', '5', 'm', '5 m', '-5m', '5M', '5min', '1h 30m', '1,5s', '.5s', '5m!', '1e3s', 'Infinitys', 'NaN'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
      const { success, error } = duration.safeParse(text);
      expect([success, error?.issues.map((issue) => issue.message)]).toEqual([
        false,
        [`"${text}" is not a duration such as "30s", "5m" or "24h"`],
      ]);
    },
  );

  test.each([
    [0, '0s'],
    [1, '1ms'],
    [1500, '1500ms'],
    [90_000, '90s'],
    [60_000, '1m'],
    [3_600_000, '1h'],
    [172_800_000, '2d'],
  ])('%i ms is written %s and read back', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
    expect(parseDuration(text)).toBe(ms);
  });
});

describe('sizes', () => {
  test.each([
    ['0 B', 0],
    ['1 B', 1],
    ['700MB', 700_000_000],
    ['512 MiB', 536_870_912],
    ['5 GiB', 5_368_709_120],
    ['1.5 KiB', 1536],
    ['2 TB', 2_000_000_000_000],
    ['1TiB', 1_099_511_627_776],
    [' 1 KB ', 1000],
  ])('%j is %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
    expect(size.parse(text)).toBe(bytes);
  });

  test.each(['', '5', 'GiB', '-1 GiB', '5 gib', '5 Gi', '5 K', '1 iB', '5 G i B', '1,5 GB', '1 GB 2 MB', '0x10 B'])(
    '%j is none',
    (text) => {
      expect(parseSize(text)).toBeUndefined();
      const { success, error } = size.safeParse(text);
      expect([success, error?.issues.map((issue) => issue.message)]).toEqual([
        false,
        [`"${text}" is not a size such as "500 MB" or "5 GiB"`],
      ]);
    },
  );
});
