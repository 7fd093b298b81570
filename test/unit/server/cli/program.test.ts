import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../../server/cli/program.ts';
import { serveFlags } from '../../../../server/config/flags.ts';
import { fakeIo } from './fake-io.ts';
import type { FakeIo } from './fake-io.ts';

const directory = mkdtempSync(join(tmpdir(), 'zhi-cli-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function cli(...argv: string[]): Promise<{ code: number; io: FakeIo }> {
  const io = fakeIo({ HOME: directory }, directory);
  return { code: await runCli(argv, io), io };
}

/** Flags for a doctor that passes wherever the tests run. */
const quiet = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];

describe('help', () => {
  it.each([['help'], ['--help'], ['-h'], ['-help']])(
    '%s lists the commands and what is not built yet',
    async (word) => {
      const { code, io } = await cli(word);
      expect(code).toBe(0);
      expect(io.stdout.join('\n')).toMatch(/serve.*doctor.*Not built yet: sync, export, import\./s);
      expect(io.stderr).toEqual([]);
    },
  );

  it.each([
    ['help', 'serve'],
    ['serve', '--help'],
    ['serve', '-h'],
    ['serve', '-help'],
  ])('%s %s names every flag, and no refused one among them', async (...argv) => {
    const { code, io } = await cli(...argv);
    const text = io.stdout.join('\n');
    expect(code).toBe(0);
    for (const name of [...serveFlags.map((flag) => flag.name), 'data-dir', 'settings', 'log-level'])
      expect(text).toContain(`--${name} `);
    expect(text).toContain('Not built yet, and refused: --upstream-marketplace');
    expect(text).not.toMatch(/^ +--upstream-marketplace/m);
  });

  it('comes on standard error with exit code 2 when there is no command', async () => {
    const { code, io } = await cli();
    expect(code).toBe(2);
    expect(io.stdout).toEqual([]);
    expect(io.stderr.join('\n')).toContain('Usage: zhi-mirror');
  });
});

describe('wrong input', () => {
  it.each<[string[], RegExp[]]>([
    [['serv'], [/^"serv" is not a command; did you mean serve\?$/]],
    [['frobnicate'], [/^"frobnicate" is not a command; there are serve, doctor, .+\.$/]],
    [['constructor'], [/^"constructor" is not a command/]],
    [['sync', '--config', 'x'], [/^"sync" is not built yet/]],
    [['export'], [/^"export" is not built yet/]],
    [['import'], [/^"import" is not built yet/]],
    [['imprt'], [/did you mean import\? It is not built yet/]],
    [['--listen', ':1', 'serve'], [/^--listen stands before the command/]],
    [['help', 'nothing'], [/^"nothing" is not a command/]],
    [['serve', '--lisen', ':1'], [/^--lisen is not a flag of "serve"; did you mean --listen\?$/]],
    [['serve', '-lisen=:1'], [/^--lisen is not a flag/]],
    [['serve', '--frobnicate'], [/^--frobnicate is not a flag of "serve"; "zhi-mirror serve --help" lists them\.$/]],
    [['serve', '--json'], [/^--json is not a flag of "serve"/]],
    [['serve', 'now'], [/^"now" is one word too many/]],
    [['serve', '--listen'], [/^--listen needs a value, as in "--listen ADDRESS"\.$/]],
    [['serve', '--settings'], [/^--settings needs a value, as in "--settings FILE"\.$/]],
    [['serve', '--policy', 'p.yaml'], [/^--policy .*p\.yaml does not exist\.$/]],
    [['serve', '-policy'], [/^--policy needs a value, as in "--policy FILE"\.$/]],
    [['serve', '--policy', '/'], [/^--policy \/ is a folder, not a file\.$/]],
    [['policy', 'tst', 'x'], [/^"policy tst" is not a command; there are policy test, policy lint,/]],
    [['policy', 'test'], [/^"policy test" needs a reference/]],
    [['policy', 'lint', 'no.yaml'], [/no\.yaml does not exist\.$/]],
    [
      ['policy', 'replay', '--days', '0', '--as', 'ci'],
      [/^--as has no effect on "policy replay"/, /^--days must be a number of days/],
    ],
    [
      ['serve', '--upstream-marketplace', 'https://m.test'],
      [/^--upstream-marketplace is refused: the marketplace is not built yet/],
    ],
    [['serve', '--settings', 'no.yaml'], [/^--settings: no\.yaml does not exist\.$/]],
    [
      ['serve', '--tls-cert', 'no.crt'],
      [/^--tls-cert .*no\.crt does not exist\.$/, /^--tls-key is missing/],
    ],
    [
      ['serve', '--tls-client-ca', '/', '--tls-min-version', '1.3'],
      [/^--tls-client-ca \/ is a folder/, /^--tls-client-ca has no effect/, /^--tls-min-version has no effect/],
    ],
    [
      ['serve', '--upstream-tls-key', 'no.key'],
      [/^--upstream-tls-cert is missing/, /^--upstream-tls-key .*no\.key does not exist\.$/],
    ],
    [['serve', '--audit', '.'], [/^--audit .* is a folder, not a file\.$/]],
    [
      ['serve', '--data-dir', '/dev/null', '--storage', '/dev/null/x'],
      [/^--data-dir \/dev\/null is a file, not a folder\.$/],
    ],
    [
      ['serve', '--oops', '-listen', '5050', '--log-level=loud', '--policy', 'no.yaml'],
      [
        /^--oops is not a flag/,
        /^--log-level must be one of/,
        /^--listen "5050" is not an address/,
        /^--policy .*no\.yaml does not exist\.$/,
      ],
    ],
  ])('%j: one sentence per problem, exit code 2', async (argv, expected) => {
    const { code, io } = await cli(...argv);
    expect(io.stderr).toEqual(expected.map((pattern) => expect.stringMatching(pattern) as string));
    expect({ code, stdout: io.stdout }).toEqual({ code: 2, stdout: [] });
  });
});

describe('doctor', () => {
  const checks = [
    'node',
    'settings',
    'data-directory',
    'free-space',
    'lock',
    'database',
    'mirror-port',
    'admin-port',
    'certificate',
  ];

  it("takes Go's spellings of flags", async () => {
    for (const argv of [['-data-dir', 'd1'], ['-data-dir=d1'], ['--data-dir=d1'], ['--data-dir', 'd1']]) {
      const { code, io } = await cli('doctor', ...quiet, ...argv);
      expect({ code, found: io.stdout.some((line) => line.includes(join(directory, 'd1'))) }).toEqual({
        code: 0,
        found: true,
      });
    }
  });

  it('prints its checks as JSON', async () => {
    const { code, io } = await cli('doctor', '--json', ...quiet);
    const report = JSON.parse(io.stdout.join('\n')) as { ok: boolean; checks: { check: string; state: string }[] };
    expect({ code, ok: report.ok }).toEqual({ code: 0, ok: true });
    expect(report.checks.map(({ check }) => check)).toEqual(checks);
  });

  it('says what is wrong with a policy file, and what a sound one holds', async () => {
    writeFileSync(join(directory, 'wrong.yaml'), 'publisher: {}\n');
    writeFileSync(join(directory, 'sound.yaml'), 'artifacts: { blocked: ["team/app"] }\n');
    const wrong = await cli('doctor', ...quiet, '--policy', 'wrong.yaml');
    const sound = await cli('doctor', ...quiet, '--policy', 'sound.yaml');
    expect([wrong.code, sound.code]).toEqual([1, 0]);
    expect(wrong.io.stdout.find((line) => line.startsWith('FAIL'))).toMatch(/wrong\.yaml:1:1: publisher /);
    expect(sound.io.stdout.filter((line) => /^\S+ +policy /.test(line))).toEqual([
      expect.stringContaining('sound.yaml: 1 rule'),
      expect.stringContaining('sound.yaml:1:24: artifacts.blocked[0] "team/app" names no registry'),
    ]);
  });

  it('fails with exit code 1 on settings that are wrong, and says what', async () => {
    const { code, io } = await cli('doctor', '--listen', 'nonsense');
    expect(code).toBe(1);
    expect(io.stdout.filter((line) => line.startsWith('FAIL'))).toEqual([
      expect.stringContaining('--listen "nonsense"'),
    ]);
  });
});
