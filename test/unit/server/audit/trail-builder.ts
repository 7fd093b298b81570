import { join } from 'node:path';
import { LineEncoder } from '../../../../server/audit/audit-line.ts';
import { Progress } from '../../../../server/audit/audit-channel.ts';
import type { TrailRules } from '../../../../server/audit/audit-channel.ts';
import { AuditTrail } from '../../../../server/audit/audit-trail.ts';
import { CheckpointStore } from '../../../../server/audit/checkpoint-store.ts';
import { fingerprintOf, makeKeyPair, signerOf } from '../../../../server/audit/signing.ts';
import type { Signer } from '../../../../server/audit/signing.ts';
import { verifyOwnLog } from '../../../../server/audit/verify-own.ts';
import type { VerifyReport } from '../../../../server/audit/verify.types.ts';
import { openDatabase } from '../../../../server/db/database.ts';
import type { Database } from '../../../../server/db/database.ts';
import { atTestEnd, tempDirectory } from '../../../support/cleanup.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { pull } from './audit-events.ts';

/** A log on disk with its database and key, to be written, changed behind its back and verified. */
export interface TestTrail {
  readonly trail: AuditTrail;
  readonly clock: FakeClock;
  readonly directory: string;
  readonly file: string;
  readonly databasePath: string;
  readonly db: Database;
  readonly signer: Signer;
  /** Appends pulls with these request ids, as the writer does. */
  readonly write: (from: number, to: number) => void;
  /** Opens the same log again, as the next start does. */
  readonly reopen: () => AuditTrail;
  readonly verify: () => Promise<VerifyReport>;
}

const oneFile: TrailRules = { rotateBytes: 0, rotateDaily: false, keepForMs: 0 };

export async function openTrail(rules: Partial<TrailRules> = {}): Promise<TestTrail> {
  const directory = await tempDirectory();
  const file = join(directory, 'audit.jsonl');
  const databasePath = join(directory, 'mirror.db');
  const db = openDatabase(databasePath);
  const clock = new FakeClock();
  const signer = signerOf(makeKeyPair().privateKey);
  db.prepare('INSERT INTO identity_keys (fingerprint, public_key, created_at) VALUES (?, ?, 0)').run(
    fingerprintOf(signer.publicKey),
    signer.publicKey,
  );
  const open = (): AuditTrail => {
    const store = new CheckpointStore(db, directory, file);
    const trail = new AuditTrail({
      path: file,
      clock,
      progress: new Progress(),
      rules: { ...oneFile, ...rules },
      signer,
      store,
    });
    atTestEnd(() => Promise.resolve(trail.close()));
    return trail;
  };
  const trail = open();
  atTestEnd(() => Promise.resolve(void db.close()));
  return {
    trail,
    clock,
    directory,
    file,
    databasePath,
    db,
    signer,
    write: (from, to) => writePulls(trail, clock, from, to),
    reopen: open,
    verify: () => verifyOwnLog(databasePath, file),
  };
}

/** Appends pulls with these request ids. */
export function writePulls(trail: AuditTrail, clock: FakeClock, from: number, to: number): void {
  const encoder = new LineEncoder();
  const lines = Array.from({ length: to - from + 1 }, (_, index) =>
    encoder.encode(pull({ at: clock.now(), requestId: String(from + index) })),
  );
  trail.append(Buffer.from(lines.join('')));
}
