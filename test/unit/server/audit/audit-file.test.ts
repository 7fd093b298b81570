import { readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AuditFile } from '../../../../server/audit/audit-file.ts';
import { LineEncoder } from '../../../../server/audit/audit-line.ts';
import { atTestEnd, tempDirectory } from '../../../support/cleanup.ts';
import { pull } from './audit-events.ts';

const now = Date.UTC(2026, 2, 1, 10, 0, 0, 7);
const line = new LineEncoder().encode(pull());

function open(path: string): AuditFile {
  const file = new AuditFile(path, now);
  atTestEnd(() => Promise.resolve(file.close()));
  return file;
}

describe('the audit file', () => {
  it('is created with its folders, for nobody else to read', async () => {
    const path = join(await tempDirectory(), 'a', 'b', 'audit.jsonl');
    open(path);
    const modes = await Promise.all(
      [path, join(path, '..')].map(async (each) => ((await stat(each)).mode & 0o777).toString(8)),
    );
    expect(modes).toEqual(['600', '700']);
  });

  it('keeps what is there and appends', async () => {
    const path = join(await tempDirectory(), 'audit.jsonl');
    await writeFile(path, line);
    expect(open(path).append(Buffer.from(line))).toMatchObject({ taken: line.length });
    expect(await readFile(path, 'utf8')).toBe(line + line);
  });

  it.each([
    { what: 'half a line', torn: line.slice(0, 60) },
    { what: 'half a line with half a character', torn: Buffer.from(`${line.slice(0, 60)}ä`).subarray(0, -1) },
    { what: 'a tail longer than one read', torn: 'x'.repeat(200_000) },
  ])('moves $what aside, byte for byte, and keeps every whole line', async ({ torn }) => {
    const directory = await tempDirectory();
    const path = join(directory, 'audit.jsonl');
    await writeFile(path, Buffer.concat([Buffer.from(line + line), Buffer.from(torn)]));
    const file = open(path);
    expect(await readdir(directory)).toEqual(['audit.jsonl', 'audit.jsonl.torn-20260301T100000007Z']);
    expect(file.tornPath).toBe(`${path}.torn-20260301T100000007Z`);
    expect(await readFile(file.tornPath ?? '')).toEqual(Buffer.from(torn));
    expect(await readFile(path, 'utf8')).toBe(line + line);
  });

  it('moves aside a file that is nothing but half a line', async () => {
    const path = join(await tempDirectory(), 'audit.jsonl');
    await writeFile(path, '{"eve');
    open(path);
    expect(await readFile(path, 'utf8')).toBe('');
  });

  it('completes a line that lacks only its end', async () => {
    const directory = await tempDirectory();
    const path = join(directory, 'audit.jsonl');
    await writeFile(path, line + line.trimEnd());
    expect(open(path).tornPath).toBeUndefined();
    expect(await readFile(path, 'utf8')).toBe(line + line);
  });

  it('notices that it was renamed, replaced or removed', async () => {
    const path = join(await tempDirectory(), 'audit.jsonl');
    const file = open(path);
    expect(file.isRotated()).toBe(false);
    await rename(path, `${path}.1`);
    expect(file.isRotated()).toBe(true);
    await writeFile(path, '');
    expect(file.isRotated()).toBe(true);
    await rename(`${path}.1`, path);
    expect(file.isRotated()).toBe(false);
  });
});
