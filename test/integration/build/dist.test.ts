import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RunningProcess } from '../../support/child-process.ts';
import { tempDirectory } from '../../support/cleanup.ts';

const root = join(import.meta.dirname, '../../..');
const dist = join(root, 'dist');

/** `npm test` has built it. */
describe('what is built', () => {
  it('starts as a program by itself', async () => {
    const { mode } = await stat(join(dist, 'server/cli.js'));
    const text = await readFile(join(dist, 'server/cli.js'), 'utf8');
    expect([mode & 0o111, text.split('\n')[0]]).toEqual([0o111, '#!/usr/bin/env node']);
  });

  it('has every worker thread at the path of its source', async () => {
    const workers = async (folder: string, ending: string): Promise<string[]> =>
      (await readdir(folder, { recursive: true }))
        .filter((name) => name.endsWith(ending))
        .map((name) => name.slice(0, -3));
    const built = await workers(join(dist, 'server'), '-worker.js');
    expect(built.toSorted()).toEqual((await workers(join(root, 'server'), '-worker.ts')).toSorted());
    expect(built).not.toEqual([]);
  });

  it("has one copy of the server: Electron's main process imports it", async () => {
    const main = await readFile(join(dist, 'electron/main.js'), 'utf8');
    const imported = [...main.matchAll(/from\s*"(\.[^"]+)"/g)].map(([, path]) => path ?? '');
    expect(imported).toHaveLength(1);
    expect((await stat(join(dist, 'electron', imported[0] ?? ''))).isFile()).toBe(true);
    expect(main.includes('better-sqlite3')).toBe(false);
  });

  it('has a preload script that a sandbox loads: CommonJS, and nothing but electron', async () => {
    const preload = await readFile(join(dist, 'electron/preload.cjs'), 'utf8');
    const required = [...preload.matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name);
    expect([...new Set(required)]).toEqual(['electron']);
    expect(preload).not.toMatch(/^\s*import\b/m);
  });

  it('has a window that asks for nothing beyond its own files', async () => {
    const page = await readFile(join(dist, 'renderer/index.html'), 'utf8');
    const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
    expect(links).not.toEqual([]);
    expect(links.filter((link) => !/^(?:\.?\/)/.test(link) || link.startsWith('//'))).toEqual([]);
  });
});

describe('npm start without a desktop', () => {
  it('says in one line why, serves with the arguments given, and ends with 0 when asked to', async () => {
    const home = await tempDirectory('zhi-start');
    const args = [
      join(root, 'build/start.mjs'),
      '--headless',
      '--listen',
      '127.0.0.1:0',
      '--admin-listen',
      '127.0.0.1:0',
    ];
    const child = new RunningProcess(process.execPath, args, {
      cwd: home,
      env: { PATH: process.env['PATH'], HOME: home },
    });
    const [, mirror = ''] = await child.printed(/^Mirror: (\S+)$/m);
    const answer = await fetch(`${mirror}/v2/`);
    expect(answer.status).toBe(200);
    process.kill(child.pid, 'SIGTERM');
    expect(await child.exited).toBe(0);
    expect(child.output.split('\n').filter((line) => line.startsWith('zhi-mirror: no desktop'))).toEqual([
      'zhi-mirror: no desktop window (--headless was given); running the same mirror with its web UI instead',
    ]);
  });
});
