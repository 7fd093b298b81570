import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { diagnose } from '../../../../server/cli/diagnostics.ts';
import type { Diagnosis } from '../../../../server/cli/diagnostics.ts';
import { checkNode } from '../../../../server/cli/doctor.ts';
import { loadSettings } from '../../../../server/config/load.ts';
import type { Settings } from '../../../../server/config/schema.ts';
import { openDatabase } from '../../../../server/db/database.ts';
import { makeCertificates } from '../tls/certificates.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'zhi-doctor-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const now = Date.UTC(2026, 0, 30);

function settingsFor(flags: Record<string, string> = {}): Settings {
  return loadSettings({
    flags: { listen: '127.0.0.1:0', 'admin-listen': '127.0.0.1:0', 'data-dir': directory, ...flags },
    env: {},
    cwd: '/',
  }).settings;
}

async function find(check: Diagnosis['check'], settings = settingsFor(), at = now): Promise<Diagnosis | undefined> {
  return (await diagnose(settings, at)).find((diagnosis) => diagnosis.check === check);
}

it('finds a fresh machine in order and changes nothing', async () => {
  const data = join(directory, 'not', 'yet');
  const found = await diagnose(settingsFor({ 'data-dir': data }), now);
  expect(found.filter(({ state }) => state === 'failed')).toEqual([]);
  expect(readdirSync(directory)).toEqual([]);
});

it('fails on less free space than the floor', async () => {
  expect(await find('free-space', { ...settingsFor(), freeSpaceFloor: Number.MAX_SAFE_INTEGER })).toMatchObject({
    state: 'failed',
  });
});

it('fails on a data directory below a file', async () => {
  writeFileSync(join(directory, 'file'), '');
  expect(await find('data-directory', settingsFor({ 'data-dir': join(directory, 'file', 'data') }))).toMatchObject({
    state: 'failed',
  });
});

it.each([
  ['a current database', 1, 'passed'],
  ['one of a newer version', 9999, 'failed'],
])('tells %s', async (_, version, state) => {
  const db = openDatabase(join(directory, 'mirror.db'));
  db.pragma(`user_version = ${String(version)}`);
  db.close();
  expect(await find('database')).toMatchObject({ state });
});

it('tells a file that is no database', async () => {
  writeFileSync(join(directory, 'mirror.db'), 'hello'.repeat(1000));
  expect(await find('database')).toMatchObject({ state: 'failed' });
});

it('tells a running mirror from a lock that a crash left', async () => {
  writeFileSync(join(directory, 'mirror.lock'), `${String(process.pid)} 1`);
  expect(await find('lock')).toMatchObject({
    state: 'passed',
    detail: expect.stringContaining(`process ${String(process.pid)}`) as string,
  });
  writeFileSync(join(directory, 'mirror.lock'), '999999999 1');
  expect(await find('lock')).toMatchObject({
    state: 'passed',
    detail: expect.stringContaining('no zhi-mirror') as string,
  });
});

it('names the next free port of one in use, unless the running mirror has it', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings = settingsFor({ listen: `127.0.0.1:${String(port)}` });
  expect(await find('mirror-port', settings)).toMatchObject({
    state: 'failed',
    detail: expect.stringMatching(/in use; \d+ is free/) as string,
  });
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'mirror.lock'), `${String(process.pid)} 1`);
  expect(await find('mirror-port', settings)).toMatchObject({
    state: 'passed',
    detail: expect.stringContaining('running') as string,
  });
  await new Promise((resolve) => server.close(resolve));
});

it('says that an address is not of this machine', async () => {
  expect(await find('mirror-port', settingsFor({ listen: '192.0.2.1:5050' }))).toMatchObject({
    state: 'failed',
    detail: expect.stringContaining('not an address of this machine') as string,
  });
});

it('tells when the certificate expires or has expired', async () => {
  const made = makeCertificates();
  const settings = settingsFor({ 'tls-cert': made.file('ec.crt'), 'tls-key': made.file('ec.key') });
  expect(await find('certificate', settings, new Date().getTime())).toMatchObject({
    state: 'passed',
    detail: expect.stringContaining('localhost') as string,
  });
  expect(await find('certificate', settings, new Date().getTime() + 3 * 86_400_000)).toMatchObject({
    state: 'failed',
    detail: expect.stringContaining('expired') as string,
  });
  made.remove();
});

it.each([
  ['24.0.0', 'passed'],
  ['26.1.0', 'passed'],
  ['22.19.0', 'passed'],
  ['22.18.9', 'failed'],
  ['23.11.0', 'failed'],
  ['20.19.0', 'failed'],
])('Node %s: %s', (version, state) => {
  expect(checkNode(version).state).toBe(state);
});
