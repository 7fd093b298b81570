import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { routeOf } from './route.ts';
import type { Route, RouteKind } from './route.ts';

/** A request as it came in, and what became of it. */
export interface RecordedRequest extends Route {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Status answered; undefined while unanswered, or when the connection was broken instead. */
  status: number | undefined;
  /** Bytes of body the system has taken for sending. */
  bytesSent: number;
  /** True when the answer went out to its end as announced. */
  completed: boolean;
}

/** Picks requests; every member given must match. */
export interface RequestFilter {
  readonly method?: string;
  readonly kind?: RouteKind;
  readonly repository?: string;
  /** Tag or digest. */
  readonly reference?: string;
  readonly status?: number;
}

/** Every request of one upstream, and how many downloads of one digest ran at once. */
export class RequestLog {
  readonly requests: RecordedRequest[] = [];
  readonly #downloads = new Map<string, { now: number; peak: number }>();
  #waiters: { readonly filter: RequestFilter; readonly count: number; readonly resolve: () => void }[] = [];

  record(request: IncomingMessage, kind?: RouteKind): RecordedRequest {
    const url = request.url ?? '/';
    const route = routeOf(url);
    const record: RecordedRequest = {
      ...route,
      kind: kind ?? route.kind,
      method: request.method ?? 'GET',
      url,
      headers: request.headers,
      status: undefined,
      bytesSent: 0,
      completed: false,
    };
    this.requests.push(record);
    this.#waiters = this.#waiters.filter((waiter) => {
      if (this.count(waiter.filter) < waiter.count) return true;
      waiter.resolve();
      return false;
    });
    return record;
  }

  count(filter: RequestFilter = {}): number {
    return this.find(filter).length;
  }

  find(filter: RequestFilter): RecordedRequest[] {
    return this.requests.filter((request) => matches(request, filter));
  }

  bytesSent(filter: RequestFilter = {}): number {
    return this.find(filter).reduce((sum, request) => sum + request.bytesSent, 0);
  }

  /** Resolves when `count` matching requests have come in (answered or not). */
  async received(filter: RequestFilter, count: number): Promise<void> {
    if (this.count(filter) >= count) return;
    await new Promise<void>((resolve) => this.#waiters.push({ filter, count, resolve }));
  }

  /** Counts a body under way until the returned function is called. */
  download(reference: string): () => void {
    const entry = this.#downloads.get(reference) ?? { now: 0, peak: 0 };
    this.#downloads.set(reference, entry);
    entry.now += 1;
    entry.peak = Math.max(entry.peak, entry.now);
    return () => {
      entry.now -= 1;
    };
  }

  downloads(reference: string): { readonly now: number; readonly peak: number } {
    return { ...(this.#downloads.get(reference) ?? { now: 0, peak: 0 }) };
  }

  clear(): void {
    this.requests.length = 0;
    for (const [reference, { now }] of this.#downloads) {
      if (now === 0) this.#downloads.delete(reference);
    }
  }
}

/** True when the request has every member the filter names. */
export function matches(request: RecordedRequest, filter: RequestFilter): boolean {
  return (Object.keys(filter) as (keyof RequestFilter)[]).every(
    (key) => filter[key] === undefined || request[key] === filter[key],
  );
}
