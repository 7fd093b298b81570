import { describe, expect, it } from 'vitest';
import {
  durationText,
  formatBytes,
  formatCount,
  formatDateTime,
  formatDayTime,
  formatElapsed,
  formatHour,
  formatPercent,
  formatPlural,
  formatRelative,
  formatTimeOfDay,
  shortArtifact,
  shortDigest,
} from '../../../renderer/format.ts';
import { parseDuration } from '../../../server/config/quantities.ts';

/** Numbers and units stay on one line; the tests read better with ordinary spaces. */
const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ');
const digest = `sha256:${'3f1a9c0b'.repeat(8)}`;
const at = Date.UTC(2026, 10, 21, 14, 5, 9);

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1,023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [1_048_575, '1 MiB'],
    [5_242_880, '5 MiB'],
    [12_582_912, '12 MiB'],
    [161_061_273, '154 MiB'],
    [1_556_925_645, '1.45 GiB'],
    [2 ** 50 * 3, '3 PiB'],
    [2 ** 60 * 5000, '5,120,000 PiB'],
    [-2048, '-2 KiB'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(plain(formatBytes(bytes, 'en'))).toBe(text);
  });

  it('uses the decimal sign of the locale', () => {
    expect(plain(formatBytes(1536, 'de'))).toBe('1,5 KiB');
  });

  it('has a dash for what is not a number', () => {
    expect(formatBytes(Number.NaN)).toBe('–');
  });
});

describe('formatPercent', () => {
  it.each([
    [null, '–'],
    [0, '0%'],
    [1, '100%'],
    [0.938, '94%'],
    [0.9996, '99.9%'],
    [0.0001, '0.5%'],
  ])('writes %s as %s: it is never rounded up to everything or down to nothing', (share, text) => {
    expect(formatPercent(share, 'en')).toBe(text);
  });
});

describe('formatElapsed', () => {
  it.each([
    [0, '0 ms'],
    [0.4, '<1 ms'],
    [38.2, '38 ms'],
    [999.6, '1 s'],
    [1240, '1.2 s'],
    [59_960, '1 min'],
    [125_000, '2 min 5 s'],
    [11_400_000, '3 h 10 min'],
    [187_200_000, '2 d 4 h'],
    [-1, '–'],
  ])('writes %d ms as %s', (durationMs, text) => {
    expect(plain(formatElapsed(durationMs, 'en'))).toBe(text);
  });
});

describe('durationText', () => {
  it('is read back by the settings as the same time', () => {
    const times = [0, 1, 250, 1500, 3000, 90_000, 300_000, 5_400_000, 86_400_000];
    expect(times.map((ms) => parseDuration(durationText(ms)))).toEqual(times);
    expect([durationText(90_000), durationText(300_000), durationText(250)]).toEqual(['90s', '5m', '250ms']);
  });
});

describe('formatRelative', () => {
  it.each([
    [0, 'just now'],
    [-9999, 'just now'],
    [-45_000, '45 sec. ago'],
    [-300_000, '5 min. ago'],
    [-7_200_000, '2 hr. ago'],
    [-90_000_000, 'yesterday'],
    [-6 * 86_400_000, '6 days ago'],
    [-70 * 86_400_000, '2 mo. ago'],
    [-800 * 86_400_000, '2 yr. ago'],
    [25_000, 'in 25 sec.'],
    [7_200_000, 'in 2 hr.'],
  ])('writes a moment %d ms from now as %s', (offset, text) => {
    expect(formatRelative(at + offset, at, 'en')).toBe(text);
  });
});

describe('times', () => {
  it('are written in the zone and locale they are shown in', () => {
    expect([
      formatTimeOfDay(at, 'en', 'UTC'),
      formatHour(at, 'en', 'Europe/Berlin'),
      plain(formatDayTime(at, 'en', 'UTC')),
      plain(formatDateTime(at, 'de', 'UTC')),
    ]).toEqual(['14:05:09', '15:05', 'Nov 21, 14:05:09', '21.11.2026, 14:05:09']);
  });

  it('show midnight as 00, not as 24', () => {
    expect(formatTimeOfDay(Date.UTC(2026, 0, 1), 'en-US', 'UTC')).toBe('00:00:00');
  });
});

describe('counts', () => {
  it('are grouped, and their nouns agree', () => {
    expect([
      formatCount(12_034, 'en'),
      formatPlural(1, 'client', 'clients'),
      formatPlural(0, 'client', 'clients', 'en'),
    ]).toEqual(['12,034', '1 client', '0 clients']);
  });
});

describe('digests', () => {
  it('are shortened to what is recognised, whatever stands before them', () => {
    expect([
      shortDigest(digest),
      shortDigest('sha256:abc'),
      shortArtifact(`ghcr.io/a/b@${digest}`),
      shortArtifact('a:1'),
    ]).toEqual(['sha256:3f1a9c0b3f1a…', 'sha256:abc', 'ghcr.io/a/b@sha256:3f1a9c0b3f1a…', 'a:1']);
  });
});
