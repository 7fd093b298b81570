import { publicKeyPem } from '../../audit/signing.ts';
import { RequestError } from '../../errors.ts';
import type { Actor, Admin, Handlers } from '../call.ts';
import type { RouteResponse } from '../contract.ts';
import type { AdminParts } from '../parts.ts';

/** What proves the audit log, and who else gets it. */
export function auditProofRoutes({
  parts,
}: Admin): Pick<Handlers, 'getAuditProof' | 'verifyAudit' | 'getForwarders' | 'testForwarder'> {
  const { audit, proof } = parts;
  return {
    getAuditProof: () => {
      const { fingerprint, publicKey, createdAt } = proof.identity;
      const key = { fingerprint, pem: publicKeyPem(publicKey), createdAt };
      return { lastSeq: audit.lastSeq, key, missing: audit.missing };
    },

    verifyAudit: async ({ signal }): Promise<RouteResponse<'verifyAudit'>> => {
      const report = await proof.verify(signal);
      return {
        ...report,
        ok: report.problemsTotal === 0,
        files: [...report.files],
        keys: [...report.keys],
        problems: [...report.problems],
      };
    },

    getForwarders: () => ({ forwarders: proof.forwarders.states() }),

    testForwarder: async ({ body: { name }, actor }) => {
      if (!proof.forwarders.states().some((state) => state.name === name))
        throw new RequestError('NOT_FOUND', `There is no receiver "${name}".`, { value: name });
      const { error, durationMs } = await proof.forwarders.test(name);
      recordTest(parts, actor, name, error);
      return { ok: error === undefined, error, durationMs };
    },
  };
}

function recordTest({ audit, clock }: AdminParts, actor: Actor, name: string, error: string | undefined): void {
  audit.record({
    event: 'audit_forward_test',
    at: clock.now(),
    artifact: name,
    clientIp: actor.clientIp,
    cached: false,
    outcome: error === undefined ? 'ok' : 'failed',
    userAgent: actor.userAgent,
    requestId: actor.requestId,
    detail: error ?? 'the receiver took it',
  });
}
