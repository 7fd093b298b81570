import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { openDatabase } from '../db/database.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import type { Checkpoint } from './checkpoint-store.ts';
import { identityKeys } from './identity.ts';
import type { IdentityKey } from './identity.ts';
import { logFiles } from './log-files.ts';
import { verifyLog } from './verify.ts';
import type { VerifyReport } from './verify.types.ts';

/** What the database of a mirror knows of its log. */
export interface LogKnowledge {
  readonly keys: readonly IdentityKey[];
  readonly last: Checkpoint | undefined;
}

/** Reads what the database knows, beside a running mirror or without one; undefined when there is no database that knows. */
export function readLogKnowledge(databasePath: string, file: string): LogKnowledge | undefined {
  if (!existsSync(databasePath)) return undefined;
  const db = openDatabase(databasePath, { migrate: false });
  try {
    if (Number(db.pragma('user_version', { simple: true })) < firstVersion) return undefined;
    return { keys: identityKeys(db), last: new CheckpointStore(db, dirname(databasePath), file).load() };
  } finally {
    db.close();
  }
}

/** Proves the whole log of a mirror, against the keys and the last checkpoint that its database knows. */
export async function verifyOwnLog(
  databasePath: string,
  file: string,
  options: { readonly fingerprint?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<VerifyReport> {
  // first what must be there, then what is there: a running mirror goes on writing
  const known = readLogKnowledge(databasePath, file);
  const { fingerprint, signal } = options;
  return verifyLog({
    files: logFiles(file).map(({ path }) => path),
    keys: fingerprint === undefined ? known?.keys.map((key) => key.fingerprint) : [fingerprint],
    isWhole: true,
    last: known?.last,
    signal,
  });
}

/** The version of the database that knows keys and checkpoints. */
const firstVersion = 8;
