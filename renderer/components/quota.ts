import type { UpstreamView } from '../../server/api/contract.ts';
import { formatCount, formatElapsed, formatHour } from '../format.ts';

/** An upstream's pull quota in words. PURE. */

export type Quota = NonNullable<UpstreamView['health']['quota']>;

/** `37 of 100 pulls left`. */
export function quotaText(quota: Quota, locale?: string): string {
  return `${formatCount(quota.remaining, locale)} of ${formatCount(quota.limit, locale)} pulls left`;
}

/** When the window is over at the latest, ms since the epoch. The upstream tells the window's length, not its start. */
export function quotaResetAt(quota: Quota): number {
  return quota.seenAt + quota.windowSeconds * 1000;
}

/** On whom it is counted, and when it is full again. */
export function quotaDetail(quota: Quota, now: number, locale?: string, timeZone?: string): string {
  const source = quota.source === undefined ? '' : `counted on ${quota.source}, `;
  const window = formatElapsed(quota.windowSeconds * 1000, locale);
  const resetAt = quotaResetAt(quota);
  if (resetAt <= now) return `${source}window of ${window} is over; the next answer tells the new figure`;
  return `${source}window of ${window}, full again by ${formatHour(resetAt, locale, timeZone)} at the latest`;
}

/** Share left, and how worrying it is. */
export function quotaLevel(quota: Quota): { readonly share: number; readonly tone: 'accent' | 'warn' | 'bad' } {
  const share = quota.limit <= 0 ? 0 : quota.remaining / quota.limit;
  if (share <= 0.05) return { share, tone: 'bad' };
  return { share, tone: share <= 0.25 ? 'warn' : 'accent' };
}
