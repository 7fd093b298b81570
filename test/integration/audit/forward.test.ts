import { createHmac } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttp } from 'node:http';
import { createServer as createTcp } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTls } from 'node:tls';
import { expect, it } from 'vitest';
import { settings } from '../../../server/config/schema.ts';
import type { AuditReceiver } from '../../../server/config/audit-receiver.ts';
import { AuditForwarders } from '../../../server/audit/forward/forwarders.ts';
import { systemClock } from '../../../server/lib/clock.ts';
import { atTestEnd, tempDirectory } from '../../support/cleanup.ts';
import { testAuthority } from '../../support/test-authority.ts';
import { pull } from '../../unit/server/audit/audit-events.ts';
import { openLog } from './open-log.ts';
import type { OpenLog } from './open-log.ts';

const sender = { hostname: 'mirror-1', version: '1.2.3', fingerprint: 'ab'.repeat(32) };

function receiver(input: Record<string, unknown>): AuditReceiver {
  const [first] = settings.parse({ audit: { forward: [{ name: 'siem', ...input }] } }).audit.forward;
  if (first === undefined) throw new Error('no receiver');
  return first;
}

function forward(opened: OpenLog, to: AuditReceiver): AuditForwarders {
  const { log: audit, file, databasePath } = opened;
  const forwarders = new AuditForwarders({
    receivers: [to],
    file,
    databasePath,
    sender,
    audit,
    clock: systemClock,
    onError: () => undefined,
  });
  forwarders.start();
  atTestEnd(() => forwarders.close());
  return forwarders;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      resolve((server.address() as AddressInfo).port);
    }),
  );
}

/** A syslog receiver that reads frames with octet counting; gives request ids as they come. */
function readFrames(frames: string[]): (socket: Socket) => void {
  return (socket) => {
    let rest = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const space = rest.indexOf(0x20);
        const length = Number(rest.subarray(0, space).toString());
        if (space < 0 || rest.length < space + 1 + length) return;
        frames.push(rest.subarray(space + 1, space + 1 + length).toString());
        rest = rest.subarray(space + 1 + length);
      }
    });
  };
}

async function recorded(count: number): Promise<OpenLog> {
  const opened = await openLog();
  for (let index = 1; index <= count; index += 1) opened.log.record(pull({ requestId: String(index) }));
  await opened.log.flush();
  return opened;
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index + 1));
const idIn = (text: string): string | undefined => /"request_id":"(\w+)"/.exec(text)?.[1];

it('sends the log as syslog over TLS, and once more only what a broken connection made doubtful', async () => {
  const authority = testAuthority();
  const ca = join(await tempDirectory(), 'ca.pem');
  await writeFile(ca, authority.ca);
  const frames: string[] = [];
  const sockets: Socket[] = [];
  const server = createTls(authority.issue(), (socket) => {
    sockets.push(socket);
    readFrames(frames)(socket);
  });
  const port = await listen(server);
  atTestEnd(() => Promise.resolve(void server.close()));
  const opened = await recorded(1200);
  forward(opened, receiver({ type: 'syslog', url: `tls://127.0.0.1:${String(port)}`, ca }));
  await expect.poll(() => frames.length, { timeout: 20_000 }).toBe(1200);
  expect(frames.map(idIn)).toEqual(ids(1200));
  for (const socket of sockets) socket.destroy();
  opened.log.record(pull({ requestId: '1201' }));
  await expect.poll(() => frames.map(idIn).at(-1), { timeout: 20_000 }).toBe('1201');
  // in order, each at least once, doubles with the number to drop them by
  expect([...new Set(frames.map(idIn))]).toEqual(ids(1201));
  expect(frames.every((frame) => /\[meta sequenceId="\d+"\]/.test(frame))).toBe(true);
});

it('sends the log as syslog over TCP once the receiver is there', async () => {
  const frames: string[] = [];
  const server = createTcp(readFrames(frames));
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  const opened = await recorded(10);
  const forwarders = forward(opened, receiver({ type: 'syslog', url: `tcp://127.0.0.1:${String(port)}` }));
  await expect.poll(() => forwarders.states()[0]?.error, { timeout: 10_000 }).toContain('ECONNREFUSED');
  expect(forwarders.states()[0]).toMatchObject({ name: 'siem', seq: 0, linesBehind: 10, skipped: 0 });
  const again = createTcp(readFrames(frames));
  await new Promise<void>((resolve) => again.listen(port, '127.0.0.1', resolve));
  atTestEnd(() => Promise.resolve(void again.close()));
  await expect.poll(() => frames.map(idIn), { timeout: 20_000 }).toEqual(ids(10));
});

it('sends the log as signed CloudEvents, again when the answer is an error, in halves when it is too large', async () => {
  const events: { id: string; type: string; data: { request_id: string } }[] = [];
  const signatures: boolean[] = [];
  let requests = 0;
  const server = createHttp((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      requests += 1;
      const body = Buffer.concat(parts).toString();
      const at = String(request.headers['x-zhi-timestamp']);
      const own = `sha256=${createHmac('sha256', 'key').update(`${at}.${body}`).digest('hex')}`;
      signatures.push(request.headers['x-zhi-signature'] === own);
      const batch = JSON.parse(body) as typeof events;
      const status = requests === 1 ? 500 : batch.length > 30 ? 413 : 204;
      if (status === 204) events.push(...batch);
      response.writeHead(status).end();
    });
  });
  const port = await listen(server);
  atTestEnd(() => Promise.resolve(void server.close()));
  const opened = await recorded(100);
  const url = `http://127.0.0.1:${String(port)}/audit?token=secret`;
  const forwarders = forward(opened, receiver({ type: 'webhook', url, secret: 'key' }));
  await expect.poll(() => events.length, { timeout: 20_000 }).toBe(100);
  expect(events.map(({ id, data }) => [id, data.request_id])).toEqual(ids(100).map((id) => [id, id]));
  expect([signatures.every(Boolean), events[0]?.type]).toEqual([true, 'zhi.mirror.audit.artifact_pull']);
  expect(forwarders.states()[0]?.target).toBe(`http://127.0.0.1:${String(port)}/audit?…`);
});

it('appends the log to a file, goes on where it was after a restart, and tests a receiver', async () => {
  const opened = await recorded(5);
  const copy = join(await tempDirectory(), 'copy.jsonl');
  const to = receiver({ type: 'file', file: copy });
  const first = forward(opened, to);
  const copied = async (): Promise<string> => readFile(copy, 'utf8').catch(() => '');
  await expect.poll(copied, { timeout: 10_000 }).toBe(await readFile(opened.file, 'utf8'));
  await first.close();
  opened.log.record(pull({ requestId: '6' }));
  await opened.log.flush();
  const second = forward(opened, to);
  await expect.poll(copied, { timeout: 10_000 }).toBe(await readFile(opened.file, 'utf8'));
  expect((await second.test('siem')).error).toBeUndefined();
  expect((await copied()).split('\n').at(-2)).toContain('"event":"audit_forward_test"');
});
