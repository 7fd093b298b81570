import { readdirSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { bytesOf, randomContent } from '../../support/content.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import type { FakeUpstreamOptions } from '../../support/fake-upstream/upstream.ts';
import type { FakeUpstream } from '../../support/fake-upstream/upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror, TempMirrorOptions } from '../../support/temp-mirror.ts';
import { storedContent } from './stored-content.ts';

const size = 3_000_000;
const content = randomContent('shared blob', size);
const bytes = bytesOf(content);
const app = image({ layers: [{ content }] });
const digest = app.layers[0]!.digest;
const path = `/v2/acme/app/blobs/${digest}`;
const gets = { kind: 'blob', method: 'GET' } as const;

interface Stage {
  readonly upstream: FakeUpstream;
  readonly mirror: TempMirror;
}

async function start(options: TempMirrorOptions = {}, upstreamOptions: FakeUpstreamOptions = {}): Promise<Stage> {
  const upstream = await startFakeUpstream(upstreamOptions);
  upstream.add('acme/app', 'v1', app);
  return { upstream, mirror: await startTempMirror({ upstream, ...options }) };
}

/** A client that reads as the test says. */
async function openPull(mirror: TempMirror, headers: Readonly<Record<string, string>> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(`${mirror.url}${path}`, { agent: false, headers }, resolve).on('error', reject).end();
  });
}

async function readAtLeast(response: IncomingMessage, count: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let length = 0; length < count;) {
    const part = response.read() as Buffer | null;
    if (part === null) await new Promise((resolve) => response.once('readable', resolve));
    else {
      parts.push(part);
      length += part.length;
    }
  }
  return Buffer.concat(parts);
}

/** Files of the data directory this process has open. */
function openFiles(mirror: TempMirror): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter(
      (target) =>
        target.startsWith(`${mirror.dataDirectory}/blobs/`) || target.startsWith(`${mirror.dataDirectory}/incoming/`),
    );
}

async function noFilesOpen(mirror: TempMirror): Promise<void> {
  // closing a file is another thread's work; the test's limit ends a wait in vain
  while (openFiles(mirror).length > 0) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets go what an upstream holds. */
function gate(): { readonly until: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return {
    until: promise,
    open: () => {
      resolve(undefined);
    },
  };
}

describe('many clients of one cold blob', () => {
  test('cause one upstream GET and all get every byte', async () => {
    const { upstream, mirror } = await start();
    const answers = await Promise.all(Array.from({ length: 50 }, () => mirror.get(path)));
    expect(answers.every((answer) => answer.status === 200 && answer.body.equals(bytes))).toBe(true);
    expect([upstream.count(gets), upstream.count()]).toEqual([1, 1]);
    expect(await mirror.audit({ event: 'blob_pull' }, 50)).toHaveLength(50);
    await noFilesOpen(mirror);
  });

  test('that arrive mid-way follow from the first byte, without another request', async () => {
    const { upstream, mirror } = await start();
    const { until, open } = gate();
    upstream.script({ match: gets, fault: { hold: { at: 2_500_000, until } } });
    const early = await openPull(mirror);
    const first = await readAtLeast(early, 2_000_000);
    const late = await openPull(mirror);
    const second = await readAtLeast(late, 2_000_000);
    open();
    const rests = await Promise.all([readAtLeast(early, size - first.length), readAtLeast(late, size - second.length)]);
    expect([Buffer.concat([first, rests[0]]).equals(bytes), Buffer.concat([second, rests[1]]).equals(bytes)]).toEqual([
      true,
      true,
    ]);
    expect(upstream.count(gets)).toBe(1);
  });

  test('get headers and first bytes while the upstream is still sending, but not the end before it is proved', async () => {
    const { upstream, mirror } = await start();
    const { until, open } = gate();
    upstream.script({ match: gets, fault: { hold: { at: size - 1, until } } });
    const early = await openPull(mirror);
    const seen = await readAtLeast(early, size - 16 * 1024);
    expect([early.headers['content-length'], seen.length]).toEqual([String(size), size - 16 * 1024]);
    open();
    const rest = await readAtLeast(early, 16 * 1024);
    expect(Buffer.concat([seen, rest]).equals(bytes)).toBe(true);
  });

  test('read ranges of it, and ask for what it does not have, while it is in flight', async () => {
    const { upstream, mirror } = await start();
    const { until, open } = gate();
    upstream.script({ match: gets, fault: { hold: { at: 1_000_000, until } } });
    const whole = mirror.get(path);
    await upstream.received(gets);
    const ranges = ['bytes=0-9', 'bytes=1500000-1500009', 'bytes=-5', `bytes=${String(size - 1)}-`].map((range) =>
      mirror.get(path, { range }),
    );
    const outside = mirror.get(path, { range: `bytes=${String(size)}-` });
    const known = mirror.get(path, { 'if-none-match': `"${digest}"` });
    open();
    const parts = await Promise.all(ranges);
    expect(parts.map((part) => [part.status, part.headers['content-range'], part.body.toString('hex')])).toEqual(
      [
        [0, 9],
        [1_500_000, 1_500_009],
        [size - 5, size - 1],
        [size - 1, size - 1],
      ].map(([from = 0, to = 0]) => [
        206,
        `bytes ${String(from)}-${String(to)}/${String(size)}`,
        bytes.subarray(from, to + 1).toString('hex'),
      ]),
    );
    expect([
      (await outside).status,
      (await outside).headers['content-range'],
      (await known).status,
      (await known).body.length,
    ]).toEqual([416, `bytes */${String(size)}`, 304, 0]);
    expect((await whole).body.equals(bytes)).toBe(true);
    expect(upstream.count(gets)).toBe(1);
    await noFilesOpen(mirror);
  });
});

test('a client that leaves cancels nothing: the download ends well and is kept', async () => {
  const { upstream, mirror } = await start();
  const { until, open } = gate();
  upstream.script({ match: gets, fault: { hold: { at: 1_000_000, until } } });
  const only = await openPull(mirror);
  await readAtLeast(only, 500_000);
  only.destroy();
  expect(await mirror.audit({ code: 'CANCELLED' })).toMatchObject([
    { event: 'blob_pull', outcome: 'failed', status: 499 },
  ]);
  open();
  const answer = await mirror.get(path);
  expect([answer.status, answer.body.equals(bytes), upstream.count(gets)]).toEqual([200, true, 1]);
  await noFilesOpen(mirror);
  await mirror.stop();
  expect((await storedContent(mirror.dataDirectory)).blobs).toEqual([digest]);
});

describe('a download the upstream cuts off', () => {
  test('goes on by Range while the client waits, byte for byte', async () => {
    const { upstream, mirror } = await start();
    upstream.script({ match: gets, times: 1, fault: { cutAt: 1_000_000 } });
    const answer = await mirror.get(path);
    expect([answer.status, answer.broken, answer.body.equals(bytes)]).toEqual([200, undefined, true]);
    expect(upstream.requests.map((seen) => [seen.headers.range?.replace(/\d+/, 'n'), seen.status])).toEqual([
      [undefined, 200],
      ['bytes=n-', 206],
    ]);
  });

  test('breaks the transfer when it stays broken, keeps what came, and the next pull asks for the rest alone', async () => {
    const { upstream, mirror } = await start({ upstreamSettings: { maxRetries: 0 } });
    upstream.script({ match: gets, times: 1, fault: { cutAt: 1_000_000 } });
    const broken = await mirror.get(path);
    expect([broken.status, broken.broken]).toEqual([200, 'ECONNRESET']);
    upstream.clearRequests();
    const answer = await mirror.get(path);
    expect([answer.status, answer.body.equals(bytes)]).toEqual([200, true]);
    expect(upstream.requests.map((seen) => [/^bytes=\d{5,}-$/.test(seen.headers.range ?? ''), seen.status])).toEqual([
      [true, 206],
    ]);
    expect(upstream.bytesSent()).toBeLessThan(size);
  });

  test('goes on after a restart of the mirror', async () => {
    const { upstream, mirror } = await start({ upstreamSettings: { maxRetries: 0 } });
    upstream.script({ match: gets, times: 1, fault: { cutAt: 1_000_000 } });
    await mirror.get(path);
    await mirror.restart();
    upstream.clearRequests();
    expect((await mirror.get(path)).body.equals(bytes)).toBe(true);
    expect(upstream.requests.map((seen) => seen.status)).toEqual([206]);
  });

  test('comes well from an upstream that ignores Range', async () => {
    const { upstream, mirror } = await start({}, { ranges: false });
    upstream.script({ match: gets, times: 1, fault: { cutAt: 1_000_000 } });
    const answer = await mirror.get(path);
    expect([answer.status, answer.broken, answer.body.equals(bytes)]).toEqual([200, undefined, true]);
    expect(upstream.count(gets)).toBe(2);
  });

  test('is answered in words when nothing came before it broke', async () => {
    const { upstream, mirror } = await start();
    const script = upstream.script({ match: gets, fault: { reset: 'after-headers' } });
    const answer = await mirror.get(path);
    expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([
      503,
      { errors: [{ code: 'UNAVAILABLE' }] },
    ]);
    script.remove();
    expect((await mirror.get(path)).body.equals(bytes)).toBe(true);
  });

  test('is tried again when the connection is reset before any answer', async () => {
    const { upstream, mirror } = await start();
    upstream.script({ match: gets, times: 1, fault: { reset: 'at-once' } });
    expect((await mirror.get(path)).body.equals(bytes)).toBe(true);
  });
});

test('a redirect to a blob host is followed without the credentials', async () => {
  const { upstream, mirror } = await start({}, { auth: { kind: 'anonymous-bearer' } });
  upstream.script({ match: { kind: 'blob' }, fault: { redirect: true } });
  expect((await mirror.get(path)).body.equals(bytes)).toBe(true);
  expect(
    upstream.requests
      .filter((seen) => seen.kind === 'blob-host')
      .map((seen) => [seen.status, seen.headers.authorization]),
  ).toEqual([[200, undefined]]);
});

test('a blob is served only under a repository that holds it, or whose upstream has it', async () => {
  const { upstream, mirror } = await start();
  upstream.add('acme/other', 'v1', image({ layers: ['another'] }));
  upstream.add('acme/twin', 'v1', app);
  await mirror.pull('acme/app:v1');
  const foreign = await mirror.get(`/v2/acme/other/blobs/${digest}`);
  expect([foreign.status, JSON.parse(foreign.body.toString())]).toMatchObject([
    404,
    { errors: [{ code: 'BLOB_UNKNOWN' }] },
  ]);
  upstream.clearRequests();
  const twin = await mirror.get(`/v2/acme/twin/blobs/${digest}`);
  expect([twin.status, twin.body.equals(bytes)]).toEqual([200, true]);
  expect(upstream.requests.map((seen) => seen.method)).toEqual(['HEAD']);
  await upstream.stop();
  expect((await mirror.get(`/v2/acme/other/blobs/${digest}`)).status).not.toBe(200);
  expect((await mirror.get(`/v2/acme/twin/blobs/${digest}`)).status).toBe(200);
});
