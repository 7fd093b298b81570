import type { AuditEvent, Outcome } from '../audit/events.ts';

/** What a client asked for: a manifest, or a blob. */
export type RequestKind = 'manifest' | 'blob';

export interface RequestCount {
  readonly kind: RequestKind;
  readonly outcome: Outcome;
  readonly count: number;
}

/** Requests since the start by what was asked for and how it ended, for the metrics. One map look-up per request. */
export class RequestCounts {
  readonly #manifests = new Map<Outcome, number>();
  readonly #blobs = new Map<Outcome, number>();

  /** Counts a recorded event; only pulls count. */
  note({ event, outcome }: AuditEvent): void {
    const counts = event === 'artifact_pull' ? this.#manifests : event === 'blob_pull' ? this.#blobs : undefined;
    counts?.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }

  list(): RequestCount[] {
    const of = (kind: RequestKind, counts: ReadonlyMap<Outcome, number>): RequestCount[] =>
      [...counts].map(([outcome, count]) => ({ kind, outcome, count }));
    return [...of('manifest', this.#manifests), ...of('blob', this.#blobs)];
  }
}
