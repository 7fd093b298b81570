/**
 * The closed union of audit events; names are API: never renamed, never reused.
 * The first seven fields of a pull are those of the original's documented line.
 */
export const auditEventNames = [
  'artifact_pull',
  'blob_pull',
  'artifact_push',
  'artifact_delete',
  'artifact_restore',
  'tag_rollback',
  'artifact_import',
  'config_change',
  'mirror_start',
  'mirror_stop',
  'audit_gap',
  'blob_damaged',
  'blob_repaired',
  'audit_checkpoint',
  'audit_retention',
  'audit_truncated',
  'audit_forward_gap',
  'audit_forward_test',
] as const;

export type AuditEventName = (typeof auditEventNames)[number];

/** How a request ended, from the cache's point of view. */
export const outcomes = ['hit', 'miss', 'stale', 'failed', 'denied', 'ok'] as const;
export type Outcome = (typeof outcomes)[number];

/** One line of the audit log. Absent values are left out of the JSON. */
export interface AuditEvent {
  readonly event: AuditEventName;
  /** Milliseconds since the epoch; written as RFC 3339 in UTC. */
  readonly at: number;
  /** `registry/repository:tag`, `registry/repository@digest`, or the thing that changed. */
  readonly artifact: string;
  readonly clientIp: string;
  readonly user?: string | undefined;
  readonly digest?: string | undefined;
  readonly cached: boolean;
  readonly outcome: Outcome;
  /** HTTP method of a pull: HEAD or GET. */
  readonly method?: string | undefined;
  readonly status?: number | undefined;
  /** Error code when it failed or was denied. */
  readonly code?: string | undefined;
  /** Bytes of body sent to the client. */
  readonly bytes?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly userAgent?: string | undefined;
  readonly requestId: string;
  readonly upstream?: string | undefined;
  readonly detail?: string | undefined;
}
