import type { AuditEvent, AuditEventName, Outcome } from './events.ts';

const requestEvents: ReadonlySet<AuditEventName> = new Set([
  'artifact_pull',
  'blob_pull',
  'artifact_push',
  'artifact_delete',
]);

/** A recorded event as the window shows it (the contract's `requestRow`); what an event has not is empty or 0. */
export interface EventRow {
  readonly id: string;
  readonly at: number;
  readonly method: string;
  readonly event: string;
  readonly artifact: string;
  readonly digest?: string | undefined;
  readonly clientIp: string;
  readonly user?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly outcome: Outcome;
  readonly status: number;
  readonly code?: string | undefined;
  readonly bytes: number;
  readonly durationMs: number;
  readonly upstream?: string | undefined;
  readonly detail?: string | undefined;
}

/** What to look for; every given part must match. */
export interface AuditQuery {
  /** Part of an artifact's name, a client's address or a user, ASCII case ignored. */
  readonly text?: string | undefined;
  readonly outcome?: Outcome | undefined;
  readonly event?: string | undefined;
  readonly digest?: string | undefined;
  /** Only rows before this one. */
  readonly before?: number | undefined;
  /** Most rows of the page. Default: 100. */
  readonly limit?: number | undefined;
}

/** Rows, newest first. With `next` there may be more before it, even when this page holds none: the search stopped for time. */
export interface AuditPage {
  readonly rows: (EventRow & { readonly row: number })[];
  readonly next?: number | undefined;
}

/** What a client did, as far as the newest rows of the index tell. */
export interface ClientRecord {
  readonly clientIp: string;
  readonly lastSeenAt: number;
  readonly requests: number;
  readonly hits: number;
  readonly userAgent?: string | undefined;
}

/** True for what clients ask of the mirror, false for what happens to the mirror itself. */
export function isRequest(event: AuditEvent): boolean {
  return requestEvents.has(event.event);
}

/** The row of an event. */
export function toEventRow(event: AuditEvent): EventRow {
  return {
    id: event.requestId,
    at: event.at,
    method: event.method ?? '',
    event: event.event,
    artifact: event.artifact,
    digest: event.digest,
    clientIp: event.clientIp,
    user: event.user,
    userAgent: event.userAgent,
    outcome: event.outcome,
    status: event.status ?? 0,
    code: event.code,
    bytes: event.bytes ?? 0,
    durationMs: event.durationMs ?? 0,
    upstream: event.upstream,
    detail: event.detail,
  };
}
