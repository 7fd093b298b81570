import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readTextFile, unreadableReason } from '../../../../server/lib/text-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'zhi-text-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function reasonFor(path: string): string {
  try {
    return `read ${readTextFile(path, 10)}`;
  } catch (error) {
    return unreadableReason(error);
  }
}

it('reads a small file and says why it does not read another', () => {
  writeFileSync(join(directory, 'small'), 'grüße');
  writeFileSync(join(directory, 'large'), 'x'.repeat(11));
  expect(reasonFor(join(directory, 'small'))).toBe('read grüße');
  expect(reasonFor(join(directory, 'large'))).toBe('is too large to be such a file');
  expect(reasonFor('/dev/zero')).toBe('is too large to be such a file');
  expect(reasonFor(directory)).toBe('is a folder, not a file');
  expect(reasonFor(join(directory, 'none'))).toBe('does not exist');
  expect(reasonFor(join(directory, 'small', 'below'))).toBe('does not exist');
});
