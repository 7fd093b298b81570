/** How sizes, times and counts are written everywhere in the window. All functions are pure; `locale` defaults to the system's. */

const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
/** Keeps number and unit on one line. */
const narrow = '\u00a0';

/** Bytes in binary units, three significant digits: `1.45 GiB`, `312 KiB`, `0 B`. */
export function formatBytes(bytes: number, locale?: string): string {
  if (!Number.isFinite(bytes)) return '–';
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 1023.5 && unit < binaryUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(bytes < 0 ? -value : value);
  return `${number}${narrow}${binaryUnits[unit] ?? 'B'}`;
}

/** A whole number with the locale's grouping: `12,034`. */
export function formatCount(count: number, locale?: string): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }).format(count);
}

/** `count` with the right form of a noun: `1 client`, `3 clients`. */
export function formatPlural(count: number, one: string, many: string, locale?: string): string {
  return `${formatCount(count, locale)} ${count === 1 ? one : many}`;
}

/** A share between 0 and 1 as a percentage; never rounds up to 100 % nor down to 0 %. `–` when there is none. */
export function formatPercent(share: number | null, locale?: string): string {
  if (share === null || !Number.isFinite(share)) return '–';
  const kept = share > 0.99 && share < 1 ? Math.floor(share * 1000) / 1000 : share > 0 && share < 0.005 ? 0.005 : share;
  const digits = kept > 0.99 && kept < 1 ? 1 : kept > 0 && kept < 0.01 ? 1 : 0;
  return new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: digits }).format(kept);
}

/** Milliseconds as a person reads them: `<1 ms`, `38 ms`, `1.2 s`, `2 min 5 s`, `3 h 10 min`, `2 d 4 h`. */
export function formatElapsed(durationMs: number, locale?: string): string {
  if (!Number.isFinite(durationMs) || durationMs < 0) return '–';
  if (durationMs < 1) return durationMs === 0 ? `0${narrow}ms` : `<1${narrow}ms`;
  if (durationMs < 999.5) return `${formatCount(durationMs, locale)}${narrow}ms`;
  if (durationMs < 59_950) {
    const seconds = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(durationMs / 1000);
    return `${seconds}${narrow}s`;
  }
  return formatLong(Math.round(durationMs / 1000), locale);
}

function formatLong(totalSeconds: number, locale: string | undefined): string {
  const steps = [
    [86_400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'min'],
    [60, 'min', 1, 's'],
  ] as const;
  for (const [size, unit, restSize, restUnit] of steps) {
    if (totalSeconds < size) continue;
    const whole = Math.floor(totalSeconds / size);
    const rest = Math.floor((totalSeconds % size) / restSize);
    const tail = rest === 0 ? '' : ` ${formatCount(rest, locale)}${narrow}${restUnit}`;
    return `${formatCount(whole, locale)}${narrow}${unit}${tail}`;
  }
  return `${formatCount(totalSeconds, locale)}${narrow}s`;
}

const relativeSteps = [
  [60_000, 1000, 'second'],
  [3_600_000, 60_000, 'minute'],
  [86_400_000, 3_600_000, 'hour'],
  [30 * 86_400_000, 86_400_000, 'day'],
  [365 * 86_400_000, 30 * 86_400_000, 'month'],
  [Infinity, 365 * 86_400_000, 'year'],
] as const;

/** A moment relative to `now`, both in ms since the epoch: `just now`, `5 min. ago`, `in 2 hr.`, `yesterday`. */
export function formatRelative(at: number, now: number, locale?: string): string {
  const difference = at - now;
  const distance = Math.abs(difference);
  if (distance < 10_000) return 'just now';
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  for (const [below, size, unit] of relativeSteps) {
    if (distance < below) return format.format(Math.sign(difference) * Math.floor(distance / size), unit);
  }
  return 'just now';
}

/** Time of day with seconds: `14:05:09`. */
export function formatTimeOfDay(at: number, locale?: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    ...zone(timeZone),
  }).format(at);
}

/** Hour and minute: `14:05`. */
export function formatHour(at: number, locale?: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...zone(timeZone),
  }).format(at);
}

/** Day and time with seconds, without the year, for long lists: `21 Nov, 14:05:09`. */
export function formatDayTime(at: number, locale?: string, timeZone?: string): string {
  const parts = {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  } as const;
  return new Intl.DateTimeFormat(locale, { ...parts, ...zone(timeZone) }).format(at);
}

/** Date and time in full, for tooltips and details. */
export function formatDateTime(at: number, locale?: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium', ...zone(timeZone) }).format(at);
}

function zone(timeZone: string | undefined): { timeZone?: string } {
  return timeZone === undefined ? {} : { timeZone };
}

const settingUnits = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** Milliseconds as settings write them, in the largest unit that fits without a rest: `250ms`, `5m`, `24h` is `1d`. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  const fitting = settingUnits.find(([, unitMs]) => ms % unitMs === 0);
  return fitting === undefined ? `${String(ms)}ms` : `${String(ms / fitting[1])}${fitting[0]}`;
}

/** `sha256:3f1a9c0b…` – enough to recognise a digest; the whole one is always one click away. */
export function shortDigest(digest: string): string {
  const colon = digest.indexOf(':');
  return colon < 0 || digest.length <= colon + 13 ? digest : `${digest.slice(0, colon + 13)}…`;
}

/** Shortens the digest at the end of `repository@digest`; everything else is left as it is. */
export function shortArtifact(artifact: string): string {
  const at = artifact.lastIndexOf('@');
  return at < 0 ? artifact : `${artifact.slice(0, at + 1)}${shortDigest(artifact.slice(at + 1))}`;
}
