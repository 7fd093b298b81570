import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openAuditLog } from '../../../server/audit/audit-log.ts';
import type { AuditLog, AuditLogOptions } from '../../../server/audit/audit-log.ts';
import { openDatabase } from '../../../server/db/database.ts';
import type { MirrorError } from '../../../server/errors.ts';
import { systemClock } from '../../../server/lib/clock.ts';
import { atTestEnd, tempDirectory } from '../../support/cleanup.ts';

/** A log under test with what it said. */
export interface OpenLog {
  readonly log: AuditLog;
  readonly file: string;
  readonly databasePath: string;
  readonly errors: MirrorError[];
  /** Resolves with the next error the log reports. */
  readonly nextError: () => Promise<MirrorError>;
}

/** Opens a log on a fresh state database, or on the one named; closed at the end of the test. */
export async function openLog(options: Partial<AuditLogOptions> = {}): Promise<OpenLog> {
  const directory = options.databasePath === undefined ? await tempDirectory() : dirname(options.databasePath);
  const databasePath = options.databasePath ?? join(directory, 'state.db');
  openDatabase(databasePath).close();
  const errors: MirrorError[] = [];
  let waiting: ((error: MirrorError) => void)[] = [];
  const onError = (error: MirrorError): void => {
    errors.push(error);
    for (const resolve of waiting) resolve(error);
    waiting = [];
  };
  const file = options.file ?? join(directory, 'audit.jsonl');
  const log = await openAuditLog({ clock: systemClock, onError, ...options, file, databasePath });
  atTestEnd(() => log.close());
  return { log, file, databasePath, errors, nextError: () => new Promise((resolve) => waiting.push(resolve)) };
}

/** Request ids of the whole lines of a file, in order. Fails at a line that is not JSON. */
export async function idsInFile(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8');
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error(`${file} does not end with a whole line`);
  return lines.map((line) => (JSON.parse(line) as { request_id: string }).request_id);
}

/** Request ids of the whole index, oldest first, page by page. */
export async function idsInIndex(log: AuditLog): Promise<string[]> {
  const ids: string[] = [];
  let before: number | undefined;
  do {
    const page = await log.search({ limit: 1000, before });
    ids.push(...page.rows.map(({ id }) => id));
    before = page.next;
  } while (before !== undefined);
  return ids.reverse();
}
