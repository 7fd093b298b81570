import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bytesOf, randomContent } from '../../support/content.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import type { FakeUpstream } from '../../support/fake-upstream/upstream.ts';
import { image } from '../../support/image-builder.ts';
import { smallDisk, smallDiskMissing } from '../../support/small-disk.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';
import { hasBlobFile, storedContent } from './stored-content.ts';

const mebibyte = 1024 * 1024;
const size = 12 * mebibyte;
const content = randomContent('more than the disk has', size);
const bytes = bytesOf(content);
const large = image({ layers: [{ content }] });
const digest = large.layers[0]!.digest;
const path = `/v2/acme/large/blobs/${digest}`;

describe.skipIf(smallDiskMissing() !== undefined)('a full disk', () => {
  async function start(settings: {
    readonly diskBytes: number;
    readonly freeSpaceFloor: string;
  }): Promise<{ readonly upstream: FakeUpstream; readonly mirror: TempMirror }> {
    const upstream = await startFakeUpstream();
    upstream.add('acme/large', 'v1', large);
    upstream.add('acme/small', 'v1', image({ layers: ['small'] }));
    const mirror = await startTempMirror({
      upstream,
      dataDirectory: await smallDisk(settings.diskBytes),
      settings: { freeSpaceFloor: settings.freeSpaceFloor },
      upstreamSettings: { ttl: '0s' },
    });
    return { upstream, mirror };
  }

  test('that fills in mid-download stops caching, not serving; every follower gets every byte', async () => {
    const { upstream, mirror } = await start({ diskBytes: 8 * mebibyte, freeSpaceFloor: '1 B' });
    const answers = await Promise.all(Array.from({ length: 5 }, () => mirror.get(path)));
    expect(answers.map((answer) => [answer.status, answer.broken, answer.body.equals(bytes)])).toEqual(
      Array.from({ length: 5 }, () => [200, undefined, true]),
    );
    expect(upstream.count({ kind: 'blob', method: 'GET' })).toBe(1);
    expect(hasBlobFile(mirror.dataDirectory, digest)).toBe(false);
    // what could not be kept makes room again; the test's limit ends a wait in vain
    while ((await readdir(join(mirror.dataDirectory, 'incoming'))).length > 0) await new Promise(setImmediate);
    expect((await mirror.pull('acme/small:v1')).blobs).toHaveLength(2);
    await mirror.stop();
    expect(await storedContent(mirror.dataDirectory)).toMatchObject({ blobs: { length: 2 }, incoming: [] });
  });

  test('below the floor is not written to, pulls go on, and caching resumes when there is room', async () => {
    const { upstream, mirror } = await start({ diskBytes: 40 * mebibyte, freeSpaceFloor: '20 MiB' });
    const ballast = join(mirror.dataDirectory, 'ballast');
    await writeFile(ballast, Buffer.alloc(15 * mebibyte));
    for (let i = 0; i < 2; i += 1) expect((await mirror.pull('acme/large:v1')).blobBytes).toBeGreaterThan(size);
    expect([hasBlobFile(mirror.dataDirectory, digest), upstream.count({ kind: 'blob', reference: digest })]).toEqual([
      false,
      2,
    ]);
    await rm(ballast);
    await mirror.pull('acme/large:v1');
    await mirror.pull('acme/large:v1');
    expect(upstream.count({ kind: 'blob', reference: digest })).toBe(3);
    await mirror.stop();
    expect((await storedContent(mirror.dataDirectory)).blobs).toContain(digest);
  });

  test('with no room for a row either: new content passes through and what is held is served', async () => {
    const { upstream, mirror } = await start({ diskBytes: 8 * mebibyte, freeSpaceFloor: '1 B' });
    await mirror.pull('acme/small:v1');
    const ballast = join(mirror.dataDirectory, 'ballast');
    await writeFile(ballast, Buffer.alloc(16 * mebibyte)).catch(() => undefined);
    const other = image({ layers: ['another', 'and one more'] });
    const moved = image({ layers: ['moved'] });
    upstream.add('acme/other', 'v1', other);
    for (let i = 0; i < 3; i += 1) {
      expect((await mirror.pull('acme/other:v1')).digest).toBe(other.digest);
      expect((await mirror.pull('acme/large:v1')).digest).toBe(large.digest);
      expect((await mirror.pull('acme/small:v1')).blobs).toHaveLength(2);
    }
    upstream.add('acme/small', 'v1', moved);
    expect((await mirror.pull('acme/small:v1')).digest).toBe(moved.digest);
    expect((await mirror.get('/v2/acme/small/tags/list')).status).toBe(200);
    await upstream.stop();
    expect((await mirror.get('/v2/acme/small/manifests/v1')).status).toBe(200);
    await upstream.start(Number(new URL(upstream.url).port));
    await rm(ballast);
    expect((await mirror.pull('acme/other:v1')).digest).toBe(other.digest);
    await mirror.stop();
    const { blobs } = await storedContent(mirror.dataDirectory);
    expect(other.layers.every((layer) => blobs.includes(layer.digest))).toBe(true);
  });

  test('lets ranges and leaving clients follow what only passes through, beside the others', async () => {
    const { upstream, mirror } = await start({ diskBytes: 40 * mebibyte, freeSpaceFloor: '1 GiB' });
    const spans = [
      [0, size],
      [100, 200],
      [8_000_000, size],
    ] as const;
    const gone = new AbortController();
    const leaving = mirror.get(path, {}, { signal: gone.signal }).catch(() => 'left');
    const pulls = spans.map(([from, to]) =>
      mirror.get(path, from === 0 ? {} : { range: `bytes=${String(from)}-${String(to - 1)}` }),
    );
    await upstream.received({ kind: 'blob' });
    gone.abort();
    await leaving;
    const parts = await Promise.all(pulls);
    expect(parts.map((part, i) => [part.broken, part.body.equals(bytes.subarray(...spans[i]!))])).toEqual(
      spans.map(() => [undefined, true]),
    );
  });

  test.each([
    [100, 200],
    [8_000_000, size],
  ])('lets a range from %i to %i alone follow what only passes through', async (from, to) => {
    const { mirror } = await start({ diskBytes: 40 * mebibyte, freeSpaceFloor: '1 GiB' });
    const part = await mirror.get(path, { range: `bytes=${String(from)}-${String(to - 1)}` });
    expect([part.status, part.broken, part.body.equals(bytes.subarray(from, to))]).toEqual([206, undefined, true]);
  });
});
