import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import type { RequestOptions } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeCertificates } from '../tls/certificates.ts';

const root = resolve(import.meta.dirname, '../../../..');
type Child = ChildProcessByStdio<null, Readable, Readable>;
let home: string;
const children: Child[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zhi-serve-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

/** The real program, serving in an empty home directory. */
function start(...flags: string[]): { child: Child; stderr: () => string } {
  const argv = [join(root, 'server/cli/main.ts'), 'serve', '--admin-listen', '127.0.0.1:0', ...flags];
  const child = spawn(process.execPath, argv, {
    cwd: home,
    env: { HOME: home, PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  return { child, stderr: () => text };
}

async function firstLines(child: Child, count: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === count) break;
  }
  return lines;
}

async function exitOf(child: Child): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

it.each(['SIGINT', 'SIGTERM'] as const)('serves where it says it does, and ends with 0 on %s', async (signal) => {
  const { child } = start('-listen=127.0.0.1:0');
  const lines = await firstLines(child, 3);
  const [windowUrl = '', mirrorUrl = ''] = lines.map((line) => line.replace(/^\w+: +/, ''));
  expect(lines).toEqual([
    expect.stringMatching(/^Window: http:\/\/127\.0\.0\.1:\d+\/$/),
    expect.stringMatching(/^Mirror: http:\/\/127\.0\.0\.1:\d+$/),
    expect.stringMatching(/^Pull: +\S/),
  ]);
  expect((await fetch(`${mirrorUrl}/v2/`)).status).toBe(200);
  expect((await fetch(`${windowUrl}api/v1/status`)).status).toBe(200);
  expect(existsSync(join(home, '.zhi/mirror/mirror.db'))).toBe(true);
  child.kill(signal);
  expect(await exitOf(child)).toBe(0);
});

/** Status of GET /v2/ over TLS, 0 when the connection is refused. */
function statusOver(url: string, options: RequestOptions): Promise<number> {
  return new Promise((done) => {
    get(`${url}/v2/`, { agent: false, ...options }, (answer) => {
      answer.resume();
      done(answer.statusCode ?? 0);
    }).on('error', () => {
      done(0);
    });
  });
}

it('serves TLS to clients with a certificate, as the flags of the original say', async () => {
  const made = makeCertificates();
  const tls = [
    '--tls-cert',
    made.file('ec.crt'),
    '--tls-key',
    made.file('ec.key'),
    '--tls-client-ca',
    made.file('ca.crt'),
  ];
  const suites = ['--tls-min-version', '1.3', '--tls-cipher-suites', 'TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384'];
  const { child } = start('--listen', '127.0.0.1:0', ...tls, ...suites);
  const [, mirror = ''] = await firstLines(child, 3);
  const url = mirror.replace('Mirror: ', '');
  const ca = readFileSync(made.file('ec.crt'));
  const client = { ca, cert: readFileSync(made.file('client.crt')), key: readFileSync(made.file('client.key')) };
  expect(url).toMatch(/^https:/);
  expect(await statusOver(url, client)).toBe(200);
  expect(await statusOver(url, { ca })).toBe(0);
  expect(await statusOver(url, { ...client, maxVersion: 'TLSv1.2' })).toBe(0);
  expect(await statusOver(url, { ...client, ciphers: 'TLS_CHACHA20_POLY1305_SHA256' })).toBe(0);
  made.remove();
});

it('ends with 2 and names the port in use and the next free one', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { child, stderr } = start('--listen', `127.0.0.1:${String(port)}`);
  expect(await exitOf(child)).toBe(2);
  expect(stderr()).toMatch(new RegExp(`port ${String(port)} is in use.*free.* ${String(port + 1).slice(0, -1)}`));
  await new Promise((closed) => other.close(closed));
});

it('ends with 2 on a data directory that another process serves, which goes on', async () => {
  const first = start('--listen', '127.0.0.1:0', '--data-dir', 'data');
  const [, mirror = ''] = await firstLines(first.child, 3);
  const second = start('--listen', '127.0.0.1:0', '--data-dir', 'data');
  expect(await exitOf(second.child)).toBe(2);
  expect(second.stderr()).toContain(String(first.child.pid));
  expect((await fetch(`${mirror.replace('Mirror: ', '')}/v2/`)).status).toBe(200);
});

it('ends with 2 on certificates that do not work, before anything is made', async () => {
  const { child, stderr } = start('--tls-cert', 'no.crt', '--tls-key', 'no.key');
  expect(await exitOf(child)).toBe(2);
  expect(stderr()).toMatch(/^--tls-cert .*\n--tls-key .*\n$/);
  expect(readdirSync(home)).toEqual([]);
});
