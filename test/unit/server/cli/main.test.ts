import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../../..');
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zhi-home-'));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real program, as a process of its own, in an empty home directory. */
function spawnCli(...argv: string[]): Promise<Outcome> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [join(root, 'server/cli/main.ts'), ...argv],
      { cwd: home, env: { HOME: home, PATH: process.env['PATH'] } },
      (_, stdout, stderr) => {
        done({ code: child.exitCode ?? -1, stdout, stderr });
      },
    );
  });
}

it('prints its version', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  for (const flag of ['--version', '-version'])
    expect(await spawnCli(flag)).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

it('prints help with exit code 0', async () => {
  expect(await spawnCli('--help')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('serve') as string,
    stderr: '',
  });
});

it('ends with 2 and one line per problem on wrong input, and makes no data directory', async () => {
  writeFileSync(join(home, 'm.yaml'), 'listn: 1\noffline: maybe\n');
  expect(await spawnCli('serve', '--settings', 'm.yaml', '--policy', 'p.yaml', '-listen', 'x')).toEqual({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(
      /^(?:(?:m\.yaml:1:1: listn|m\.yaml:2:10: offline|--listen "x"|--policy) .*\n){4}$/,
    ) as string,
  });
  expect(readdirSync(home)).toEqual(['m.yaml']);
});

it.each([
  [['nonsense'], 2],
  [['sync'], 2],
  [['doctor', '--listen', 'x'], 1],
  [['doctor', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'], 0],
])('%j ends with %i and leaves the home directory empty', async (argv, code) => {
  expect((await spawnCli(...argv)).code).toBe(code);
  expect(readdirSync(home)).toEqual([]);
});
