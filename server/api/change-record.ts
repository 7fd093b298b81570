import type { AuditEventName } from '../audit/events.ts';
import type { Actor } from './call.ts';
import type { AdminParts } from './parts.ts';

/** Something a person changed. Neither part may hold a secret. */
export interface Change {
  readonly event: Extract<AuditEventName, 'config_change' | 'artifact_delete' | 'artifact_restore' | 'tag_rollback'>;
  /** The thing that changed: `upstream ghcr.io`, `ghcr.io/org/app:v1`, … */
  readonly subject: string;
  readonly detail: string;
  readonly digest?: string | undefined;
}

/** Writes what somebody changed in the window into the audit log. */
export function recordChange(
  { audit, clock }: Pick<AdminParts, 'audit' | 'clock'>,
  actor: Actor,
  change: Change,
): void {
  audit.record({
    event: change.event,
    at: clock.now(),
    artifact: change.subject,
    clientIp: actor.clientIp,
    digest: change.digest,
    cached: false,
    outcome: 'ok',
    userAgent: actor.userAgent,
    requestId: actor.requestId,
    detail: change.detail,
  });
}
