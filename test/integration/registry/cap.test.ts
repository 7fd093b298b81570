import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { randomContent } from '../../support/content.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import type { Graph } from '../../support/image-builder.ts';
import { codeOf } from '../../support/pull-graph.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { smallDisk, smallDiskMissing } from '../../support/small-disk.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { bytesIn, streamPastCap } from '../../soak/cap.ts';
import { hasBlobFile, storedContent } from './stored-content.ts';

const mebibyte = 1024 * 1024;
const large = (seed: string, size = 4 * mebibyte): Graph => image({ layers: [{ content: randomContent(seed, size) }] });

describe('a storage cap', () => {
  test('is never exceeded by more than the blobs in flight, under ten times as many bytes of pulls', async () => {
    const capBytes = 32 * mebibyte;
    const result = await streamPastCap({
      capBytes,
      streamBytes: 10 * capBytes,
      layerBytes: mebibyte,
      layersPerImage: 4,
      clients: 4,
    });
    const { mirror, upstream, last } = result;
    expect(result.looks).toBeGreaterThan(50);
    expect(result.worstBytes).toBeGreaterThan(capBytes / 2);
    expect(result.worstBytes).toBeLessThanOrEqual(capBytes + result.inFlightBytes);
    // what came last was kept, all of it
    const before = upstream.count({ kind: 'blob' });
    await mirror.pull(last);
    expect(upstream.count({ kind: 'blob' })).toBe(before);
    await mirror.stop();
    await storedContent(mirror.dataDirectory);
    expect(bytesIn(mirror.dataDirectory)).toBeGreaterThan(capBytes / 2);
  }, 120_000);

  test('keeps what is pulled again and again, and lets go what was pulled once', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/often', 'v1', large('often'));
    const mirror = await startTempMirror({ upstream, settings: { storageCap: '14 MiB' } });
    for (let i = 0; i < 8; i += 1) {
      upstream.add(`acme/once-${String(i)}`, 'v1', large(String(i)));
      await mirror.pull(`acme/once-${String(i)}:v1`);
      await mirror.pull('acme/often:v1');
    }
    const { digest } = large('often').layers[0]!;
    expect(upstream.count({ kind: 'blob', reference: digest })).toBe(1);
    await mirror.stop();
    const { blobs } = await storedContent(mirror.dataDirectory);
    expect(blobs).toContain(digest);
    expect(blobs).not.toContain(large('0').layers[0]!.digest);
  });

  test('passes on what is larger than itself, and evicts nothing for it', async () => {
    const upstream = await startFakeUpstream();
    const small = large('small', mebibyte);
    const huge = large('huge', 12 * mebibyte);
    upstream.add('acme/small', 'v1', small);
    upstream.add('acme/huge', 'v1', huge);
    const mirror = await startTempMirror({ upstream, settings: { storageCap: '8 MiB' } });
    await mirror.pull('acme/small:v1');
    expect((await mirror.pull('acme/huge:v1')).digest).toBe(huge.digest);
    expect([
      hasBlobFile(mirror.dataDirectory, small.layers[0]!.digest),
      hasBlobFile(mirror.dataDirectory, huge.layers[0]!.digest),
    ]).toEqual([true, false]);
  });

  test('never costs pushed content: pulls make room for a push, and a push that cannot fit is refused', async () => {
    const upstream = await startFakeUpstream();
    const pulled = large('pulled', 6 * mebibyte);
    upstream.add('acme/pulled', 'v1', pulled);
    const mirror = await startTempMirror({ upstream, settings: { storageCap: '10 MiB' } });
    await mirror.pull('acme/pulled:v1');
    const pushed = large('pushed', 8 * mebibyte);
    await pushGraph(mirror.url, 'team/app', 'v1', pushed);
    expect(hasBlobFile(mirror.dataDirectory, pulled.layers[0]!.digest)).toBe(false);
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const refused = await post(`${mirror.url}/v2/team/app/blobs/uploads/?digest=sha256:${'a'.repeat(64)}`, headers);
      expect(refused).toEqual({ status: 507, code: 'UNAVAILABLE', namesCap: true });
    }
    expect((await mirror.pull('acme/pulled:v1')).digest).toBe(pulled.digest);
    expect((await mirror.pull('team/app:v1')).digest).toBe(pushed.digest);
    await mirror.stop();
    expect(bytesIn(`${mirror.dataDirectory}/incoming`)).toBe(0);
  });

  test('gives nothing up for bytes that a push only announces', async () => {
    const upstream = await startFakeUpstream();
    const pulled = large('pulled', 6 * mebibyte);
    upstream.add('acme/pulled', 'v1', pulled);
    const mirror = await startTempMirror({ upstream, settings: { storageCap: '10 MiB' } });
    await mirror.pull('acme/pulled:v1');
    // what is still under way does not go anyway
    await mirror.pull('acme/pulled:v1');
    const leave = await announce(`${mirror.url}/v2/team/app/blobs/uploads/?digest=sha256:${'a'.repeat(64)}`, {
      announcedBytes: 9 * mebibyte,
      sentBytes: mebibyte,
    });
    await mirror.pull('acme/pulled:v1');
    leave();
    expect(upstream.count({ kind: 'blob', reference: pulled.layers[0]!.digest })).toBe(1);
  });

  test('counts a download that broke off, and gives it up first', async () => {
    const upstream = await startFakeUpstream();
    const broken = large('broken', 6 * mebibyte);
    upstream.add('acme/broken', 'v1', broken);
    const mirror = await startTempMirror({
      upstream,
      settings: { storageCap: '10 MiB' },
      upstreamSettings: { maxRetries: 0 },
    });
    upstream.script({
      match: { kind: 'blob', reference: broken.layers[0]!.digest },
      fault: { cutAt: 5 * mebibyte },
    });
    await expect(mirror.pull('acme/broken:v1')).rejects.toThrow();
    const other = large('other', 8 * mebibyte);
    upstream.add('acme/other', 'v1', other);
    await mirror.pull('acme/other:v1');
    await mirror.stop();
    const { blobs, incoming } = await storedContent(mirror.dataDirectory);
    expect([blobs.includes(other.layers[0]!.digest), incoming]).toEqual([true, []]);
  });
});

describe.skipIf(smallDiskMissing() !== undefined)('a free-space floor', () => {
  test('costs what was pulled longest ago before it stops caching', async () => {
    const upstream = await startFakeUpstream();
    const images = ['one', 'two', 'three'].map((name) => large(name, 8 * mebibyte));
    for (const [at, graph] of images.entries()) upstream.add(`acme/app-${String(at)}`, 'v1', graph);
    const mirror = await startTempMirror({
      upstream,
      dataDirectory: await smallDisk(44 * mebibyte),
      settings: { freeSpaceFloor: '20 MiB' },
    });
    for (const at of images.keys()) await mirror.pull(`acme/app-${String(at)}:v1`);
    await mirror.stop();
    const { blobs } = await storedContent(mirror.dataDirectory);
    expect(images.map((graph) => blobs.includes(graph.layers[0]!.digest))).toEqual([false, true, true]);
  });
});

/** Begins a push and sends only a part of it; resolves, when that part was taken, with what breaks it off. */
async function announce(
  url: string,
  { announcedBytes, sentBytes }: { readonly announcedBytes: number; readonly sentBytes: number },
): Promise<() => void> {
  const request = httpRequest(url, {
    method: 'POST',
    agent: false,
    headers: { 'content-length': announcedBytes, expect: '100-continue' },
  });
  request.on('error', () => undefined);
  await new Promise((resolve) => request.once('continue', resolve));
  await new Promise((resolve) => request.write(Buffer.alloc(sentBytes), resolve));
  return () => request.destroy();
}

/** Pushes 4 MiB in one request, with or without saying how many. */
async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly code: string | undefined; readonly namesCap: boolean }> {
  const request = httpRequest(url, { method: 'POST', agent: false, headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) =>
    request.once('response', resolve).once('error', reject),
  );
  request.end(Buffer.alloc(4 * mebibyte));
  const answer = await answered;
  let text = '';
  for await (const part of answer) text += String(part);
  return { status: answer.statusCode ?? 0, code: codeOf(text), namesCap: text.includes('10 MiB') };
}
