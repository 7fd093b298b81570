import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RunningProcess } from '../../support/child-process.ts';
import { tempDirectory } from '../../support/cleanup.ts';

const build = join(import.meta.dirname, '../../../build');

/** Stands for npm: notes its arguments, and installs a Node and the record of what it installed. */
const fakeNpm = `#!/bin/sh
echo "$@" >> "$NPM_CALLS"
[ -n "$NPM_FAILS" ] && { echo 'npm error no network' >&2; exit 1; }
mkdir -p node_modules/node/bin node_modules/.bin
printf '#!/bin/sh\\nexec "%s" "$@"\\n' "$REAL_NODE" > node_modules/node/bin/node
chmod +x node_modules/node/bin/node
cp package-lock.json node_modules/.package-lock.json
`;

const lock = (version: string): string =>
  JSON.stringify({ packages: { '': {}, 'node_modules/thing': { version, integrity: `sha512-${version}` } } });

/** A checkout with nothing installed, and an npm of ours. */
async function checkout(): Promise<{
  run: (env?: NodeJS.ProcessEnv) => Promise<string>;
  directory: string;
  calls: string;
}> {
  const directory = await tempDirectory('zhi-checkout');
  const calls = join(directory, 'calls');
  await Promise.all([mkdir(join(directory, 'build')), mkdir(join(directory, 'bin'))]);
  for (const file of ['bootstrap.mjs', 'lock.mjs']) await copyFile(join(build, file), join(directory, 'build', file));
  await writeFile(join(directory, 'package-lock.json'), lock('1.0.0'));
  await writeFile(join(directory, 'bin/npm'), fakeNpm);
  await chmod(join(directory, 'bin/npm'), 0o755);
  await writeFile(
    join(directory, 'build/hello.ts'),
    "console.log('hello', ...process.argv.slice(2)); process.exitCode = 7;",
  );
  await writeFile(calls, '');
  const run = async (env: NodeJS.ProcessEnv = {}): Promise<string> => {
    const path = `${join(directory, 'bin')}:/usr/bin:/bin`;
    const child = new RunningProcess(process.execPath, ['build/bootstrap.mjs', 'build/hello.ts', 'you'], {
      cwd: directory,
      env: { PATH: path, NPM_CALLS: calls, REAL_NODE: process.execPath, ...env },
    });
    const code = await child.exited;
    return `${child.output}exit ${String(code)}`;
  };
  return { run, directory, calls };
}

const installing = /^zhi-mirror: installing dependencies/m;

describe('the bootstrap', () => {
  it('installs once, says so in one line, and hands over arguments and exit code', async () => {
    const { run, calls } = await checkout();
    const first = await run();
    expect(first).toMatch(installing);
    expect(first).toContain('hello you\nexit 7');
    expect(await run()).toBe('hello you\nexit 7');
    expect((await readFile(calls, 'utf8')).trim().split('\n')).toHaveLength(1);
  });

  it('installs again when the lock asks for something else, and not for an install made by hand', async () => {
    const { run, directory, calls } = await checkout();
    await run();
    await writeFile(join(directory, 'package-lock.json'), lock('2.0.0'));
    expect(await run()).toMatch(installing);
    await writeFile(join(directory, 'package-lock.json'), lock('3.0.0'));
    await copyFile(join(directory, 'package-lock.json'), join(directory, 'node_modules/.package-lock.json'));
    expect(await run()).toBe('hello you\nexit 7');
    expect((await readFile(calls, 'utf8')).trim().split('\n')).toHaveLength(2);
  });

  it('asks npm to run no install script', async () => {
    const { run, calls } = await checkout();
    await run();
    expect(await readFile(calls, 'utf8')).toMatch(/^ci .*--ignore-scripts/);
  });

  it('says in a sentence that npm failed, ends with 1 and tries again the next time', async () => {
    const { run } = await checkout();
    const failed = await run({ NPM_FAILS: '1' });
    expect(failed).toContain('npm error no network');
    expect(failed).toMatch(/^zhi-mirror: dependencies could not be installed: .*\nexit 1$/m);
    expect(await run()).toMatch(/hello you\nexit 7$/);
  });

  it('takes over from an installation that was killed', async () => {
    const { run, directory } = await checkout();
    await mkdir(join(directory, '.cache'));
    // no process has this id: it is above what the kernel gives
    await writeFile(join(directory, '.cache/install.lock'), '99999999');
    expect(await run()).toContain('hello you\nexit 7');
    await rm(join(directory, '.cache'), { recursive: true });
  });
});
