import { hostname } from 'node:os';
import type { MirrorConfig } from './app.types.ts';
import { openAuditLog } from './audit/audit-log.ts';
import type { AuditLog } from './audit/audit-log.ts';
import { AuditForwarders } from './audit/forward/forwarders.ts';
import { openIdentity } from './audit/identity.ts';
import type { Identity } from './audit/identity.ts';
import { verifyOwnLog } from './audit/verify-own.ts';
import type { VerifyReport } from './audit/verify.types.ts';
import type { Database } from './db/database.ts';
import type { MirrorError } from './errors.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import type { Layout } from './storage/layout.ts';

/** What proves the audit log, and brings it to others. */
export interface AuditProof {
  readonly identity: Omit<Identity, 'privateKey'>;
  readonly forwarders: AuditForwarders;
  /** Reads the whole log and says what is wrong with it. */
  verify(signal: AbortSignal): Promise<VerifyReport>;
}

/** The log and what proves it. */
export interface AuditParts {
  readonly audit: AuditLog;
  readonly proof: AuditProof;
}

/**
 * Opens the log with the mirror's key; nothing is sent to receivers before `forwarders.start()`.
 * @throws ConfigError (CONFIG_INVALID), StorageError
 */
export async function openAudit(
  { settings, version }: MirrorConfig,
  opened: { readonly db: Database; readonly layout: Layout; readonly clock: Clock; readonly log: Log },
): Promise<AuditParts> {
  const { db, layout, clock, log } = opened;
  const { rotateSize, rotateDaily, keepFor, forward } = settings.audit;
  const file = settings.audit.file === '' ? layout.auditFile : settings.audit.file;
  const databasePath = layout.database;
  const onError = (error: MirrorError): void => {
    log.error(error.message, { error });
  };
  const { privateKey, ...identity } = openIdentity(db, layout.identityKey, clock.now());
  const rules = { rotateBytes: rotateSize, rotateDaily, keepForMs: keepFor };
  const audit = await openAuditLog({ file, databasePath, clock, rules, signingKey: privateKey, onError });
  const sender = { hostname: hostname(), version, fingerprint: identity.fingerprint };
  return {
    audit,
    proof: {
      identity,
      forwarders: new AuditForwarders({ receivers: forward, file, databasePath, sender, audit, clock, onError }),
      verify: async (signal) => {
        await audit.flush();
        return verifyOwnLog(databasePath, file, { signal });
      },
    },
  };
}
