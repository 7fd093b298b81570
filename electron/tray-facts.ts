/** A pull quota an upstream told us about. */
export interface TrayQuota {
  readonly upstream: string;
  readonly limit: number;
  readonly remaining: number;
  /** Latest moment at which the window of the quota ends, in milliseconds since the epoch. */
  readonly resetsAt: number;
}

/** What the tray shows beyond the status: slow figures, read now and then from the admin API's dashboard. */
export interface TrayFacts {
  /** Share of requests served from what was held today, 0 to 1. */
  readonly hitRatio?: number;
  readonly quotas: readonly TrayQuota[];
}

/** Nothing known yet; the menu leaves the rows out. */
export const noFacts: TrayFacts = { quotas: [] };

/**
 * Reads the answer of `GET /api/v1/dashboard`. Never throws: what is missing or of another shape is left out, because the
 * menu is better without a row than with a wrong one.
 */
export function parseTrayFacts(dashboard: unknown): TrayFacts {
  const hitRatio = numberAt(recordAt(dashboard, 'today'), 'hitRatio');
  const upstreams = recordAt(dashboard, 'upstreams');
  const quotas = Array.isArray(upstreams) ? upstreams.flatMap((upstream) => parseQuota(upstream)) : [];
  return { ...(hitRatio === undefined ? {} : { hitRatio }), quotas };
}

/** Asks the admin API at `adminUrl`. Answers with nothing known on any failure, so the tray never waits on it. */
export async function fetchTrayFacts(
  adminUrl: string,
  signal: AbortSignal,
  get: typeof fetch = fetch,
): Promise<TrayFacts> {
  try {
    const answer = await get(new URL('api/v1/dashboard?range=1h', adminUrl), { signal });
    return answer.ok ? parseTrayFacts(await answer.json()) : noFacts;
  } catch {
    return noFacts;
  }
}

function parseQuota(upstream: unknown): TrayQuota[] {
  const name = recordAt(upstream, 'name');
  const quota = recordAt(recordAt(upstream, 'health'), 'quota');
  const limit = numberAt(quota, 'limit');
  const remaining = numberAt(quota, 'remaining');
  const windowSeconds = numberAt(quota, 'windowSeconds');
  const seenAt = numberAt(quota, 'seenAt');
  if (typeof name !== 'string' || limit === undefined || remaining === undefined) return [];
  if (windowSeconds === undefined || seenAt === undefined) return [];
  return [{ upstream: name, limit, remaining, resetsAt: seenAt + windowSeconds * 1000 }];
}

function numberAt(value: unknown, key: string): number | undefined {
  const found = recordAt(value, key);
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}

function recordAt(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}
