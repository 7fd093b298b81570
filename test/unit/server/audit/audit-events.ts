import type { AuditEvent } from '../../../../server/audit/events.ts';

export const digestA = `sha256:${'a'.repeat(64)}`;

/** A pull as the registry records it, with what the test changes. */
export function pull(changes: Partial<AuditEvent> = {}): AuditEvent {
  return {
    event: 'artifact_pull',
    at: Date.UTC(2026, 0, 30, 10, 15, 30),
    artifact: 'ghcr.io/zhi-project/zhi-config-ansible:v1.2.0',
    clientIp: '10.0.1.42',
    user: 'deploy-pipeline',
    digest: digestA,
    cached: true,
    outcome: 'hit',
    method: 'GET',
    status: 200,
    bytes: 1543,
    durationMs: 0.5,
    userAgent: 'skopeo/1.18',
    requestId: 'request-1',
    upstream: 'ghcr.io',
    ...changes,
  };
}
