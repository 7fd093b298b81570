import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

/** One line of the audit log as it stands in the file. */
export type AuditLine = Readonly<Record<string, unknown>>;

/** Reads the audit log once `count` lines have every member of `filter`; gives those lines in order. */
export async function auditLines(file: string, filter: AuditLine = {}, count = 1): Promise<readonly AuditLine[]> {
  for (;;) {
    const found = (await readLines(file)).filter((line) =>
      Object.keys(filter).every((key) => line[key] === filter[key]),
    );
    if (found.length >= count) return found;
    // the log is written in batches by the server's own clock; the test's limit ends a wait in vain
    await wait(10);
  }
}

async function readLines(file: string): Promise<AuditLine[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  });
  // the last piece may be half a line
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AuditLine);
}
