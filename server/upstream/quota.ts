import type { Quota, ResponseHeaders } from './client.types.ts';

/**
 * Reads the pull quota out of an answer's headers, as Docker Hub sends them: `ratelimit-limit: 100;w=21600`,
 * `ratelimit-remaining: 76;w=21600`, `docker-ratelimit-source: <address or account>`. Undefined when it has none.
 * The upstream controls every character.
 */
export function readQuota(headers: ResponseHeaders, now: number): Quota | undefined {
  const limit = readAmount(headers['ratelimit-limit']);
  const remaining = readAmount(headers['ratelimit-remaining']);
  if (limit === undefined || remaining === undefined) return undefined;
  const source = headers['docker-ratelimit-source'];
  return {
    limit: limit.amount,
    remaining: remaining.amount,
    windowSeconds: limit.windowSeconds ?? remaining.windowSeconds ?? 0,
    source: typeof source === 'string' && /^[\x20-\x7e]{1,128}$/.test(source) ? source : undefined,
    seenAt: now,
  };
}

function readAmount(
  value: string | readonly string[] | undefined,
): { amount: number; windowSeconds: number | undefined } | undefined {
  const match = typeof value === 'string' ? /^\s*(\d{1,15})\s*(?:;.*?\bw=(\d{1,12}).*)?$/.exec(value) : null;
  if (match === null) return undefined;
  return { amount: Number(match[1]), windowSeconds: match[2] === undefined ? undefined : Number(match[2]) };
}

/** No upstream can lock itself out for longer than this with `Retry-After`. */
const longestRetryAfterMs = 24 * 3_600_000;

/** Reads `Retry-After` (RFC 9110 §10.2.3), seconds or a date, as milliseconds from now; undefined when it is neither. */
export function readRetryAfter(headers: ResponseHeaders, now: number): number | undefined {
  const value = headers['retry-after'];
  if (typeof value !== 'string') return undefined;
  const ms = /^\s*\d{1,12}\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestRetryAfterMs);
}
