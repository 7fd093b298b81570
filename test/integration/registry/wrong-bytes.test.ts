import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentOf, randomContent, bytesOf } from '../../support/content.ts';
import type { FakeUpstream } from '../../support/fake-upstream/upstream.ts';
import type { Fault } from '../../support/fake-upstream/fault.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import type { Graph } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';
import { hasBlobFile, storedContent } from './stored-content.ts';

const sizes = { small: 5000, middle: 600_000, large: 5_000_000 } as const;

function appOf(size: number, seed = ''): { readonly graph: Graph; readonly bytes: Buffer; readonly digest: string } {
  const content = randomContent(`wrong bytes ${String(size)} ${seed}`, size);
  const graph = image({ layers: [{ content }] });
  return { graph, bytes: bytesOf(content), digest: graph.layers[0]!.digest };
}

/** How a fault bends a blob of `size` bytes. */
const faults: readonly (readonly [string, (size: number) => Fault])[] = [
  ['a wrong first byte', () => ({ flipByteAt: 0 })],
  ['a wrong middle byte', (size) => ({ flipByteAt: Math.floor(size / 2) })],
  ['a wrong last byte', () => ({ flipByteAt: -1 })],
  ['a wrong last byte and no Content-Length', () => ({ flipByteAt: -1, chunked: true })],
  [
    'a byte too few and a Content-Length that agrees',
    (size) => ({ content: contentOf(Buffer.alloc(size - 1, 7)), lengthOff: -1 }),
  ],
  ['a byte too few for its Content-Length', () => ({ lengthOff: 1 })],
  ['a byte too many for its Content-Length', () => ({ lengthOff: -1 })],
  ['no byte at all', () => ({ content: contentOf(''), chunked: true })],
];

describe('a blob from upstream', () => {
  let upstream: FakeUpstream;
  let mirror: TempMirror;

  beforeAll(async () => {
    upstream = await startFakeUpstream();
    mirror = await startTempMirror({ upstream });
  });

  afterAll(async () => {
    await mirror.stop();
    const { incoming } = await storedContent(mirror.dataDirectory);
    await upstream.stop();
    await rm(mirror.dataDirectory, { recursive: true });
    expect(incoming).toEqual([]);
  });

  const cases = Object.entries(sizes).flatMap(([name, size]) =>
    ['known', 'unknown'].flatMap((known) =>
      faults.map(([what, faultOf]) => [name, known, what, size, faultOf] as const),
    ),
  );

  test.each(cases)(
    '%s, of %s size, with %s: never completes, is never kept, comes well the next time',
    async (name, known, what, size, faultOf) => {
      const { graph, bytes, digest } = appOf(size, `${known} ${what}`);
      const repository = `acme/${name}-${known}`;
      upstream.add(repository, what.replaceAll(' ', '-'), graph);
      if (known === 'known') await mirror.get(`/v2/${repository}/manifests/${what.replaceAll(' ', '-')}`);
      const script = upstream.script({ match: { kind: 'blob', method: 'GET' }, fault: faultOf(size) });
      const path = `/v2/${repository}/blobs/${digest}`;
      const first = await mirror.get(path);
      // broken off, or refused in words while nothing was sent
      expect([
        [200, 'ECONNRESET'],
        [502, undefined],
        [503, undefined],
      ]).toContainEqual([first.status, first.broken]);
      expect(hasBlobFile(mirror.dataDirectory, digest)).toBe(false);
      script.remove();
      // at once, on the heels of the broken one
      const second = await mirror.get(path);
      expect([second.status, second.broken, second.body.equals(bytes)]).toEqual([200, undefined, true]);
    },
  );
});

async function start(graph: Graph): Promise<{ readonly upstream: FakeUpstream; readonly mirror: TempMirror }> {
  const upstream = await startFakeUpstream();
  upstream.add('acme/app', 'v1', graph);
  return { upstream, mirror: await startTempMirror({ upstream, upstreamSettings: { ttl: '0s' } }) };
}

test('a range of a blob in flight does not complete before the whole blob is proved', async () => {
  const { graph, digest, bytes } = appOf(sizes.large);
  const { upstream, mirror } = await start(graph);
  const path = `/v2/acme/app/blobs/${digest}`;
  upstream.script({ match: { kind: 'blob' }, times: 1, fault: { flipByteAt: 10 } });
  const wrong = await mirror.get(path, { range: 'bytes=0-99999' });
  expect([wrong.status, wrong.broken]).toEqual([206, 'ECONNRESET']);
  const right = await mirror.get(path, { range: 'bytes=10-99999' });
  expect([right.status, right.broken, right.body.equals(bytes.subarray(10, 100_000))]).toEqual([206, undefined, true]);
});

test('a small blob of wrong bytes is refused in words, since nothing went out before it was proved', async () => {
  const { graph, digest } = appOf(sizes.small);
  const { upstream, mirror } = await start(graph);
  upstream.script({ match: { kind: 'blob' }, times: 1, fault: { flipByteAt: 10 } });
  const answer = await mirror.get(`/v2/acme/app/blobs/${digest}`);
  expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([
    502,
    { errors: [{ code: 'UPSTREAM_INVALID' }] },
  ]);
});

test('every follower of a download of wrong bytes is broken off, and all may try again at once', async () => {
  const { graph, digest, bytes } = appOf(sizes.large);
  const { upstream, mirror } = await start(graph);
  upstream.script({ match: { kind: 'blob' }, times: 1, fault: { flipByteAt: -1 } });
  const pullUntilWell = async (): Promise<string> => {
    const breaks: string[] = [];
    for (;;) {
      const answer = await mirror.get(`/v2/acme/app/blobs/${digest}`);
      if (answer.status === 200 && answer.broken === undefined && answer.body.equals(bytes)) return breaks.join();
      breaks.push(`${String(answer.status)} ${answer.broken ?? ''}`);
    }
  };
  const pulls = await Promise.all(Array.from({ length: 10 }, pullUntilWell));
  expect(new Set(pulls)).toEqual(new Set(['200 ECONNRESET']));
  expect(upstream.count({ kind: 'blob', method: 'GET' })).toBe(2);
});

test('a size that is unknown at first and told when a broken download resumes does not spoil the proof', async () => {
  const { graph, digest, bytes } = appOf(200_000);
  const { upstream, mirror } = await start(graph);
  upstream.script({ match: { kind: 'blob' }, times: 1, fault: { chunked: true, cutAt: 150_000 } });
  const answer = await mirror.get(`/v2/acme/app/blobs/${digest}`);
  expect([answer.status, answer.broken, answer.body.equals(bytes)]).toEqual([200, undefined, true]);
});

test('a manifest that is not what its digest says is a 502, is not kept, and comes well the next time', async () => {
  const graph = image();
  const { upstream, mirror } = await start(graph);
  upstream.script({ match: { kind: 'manifest' }, times: 2, fault: { flipByteAt: 20 } });
  for (const reference of ['v1', graph.digest]) {
    const answer = await mirror.get(`/v2/acme/app/manifests/${reference}`);
    expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([
      502,
      { errors: [{ code: 'UPSTREAM_INVALID' }] },
    ]);
  }
  expect((await storedContent(mirror.dataDirectory)).manifests).toEqual([]);
  expect((await mirror.pull('acme/app:v1')).digest).toBe(graph.digest);
});

test('wrong bytes behind a tag that is held never replace what is held', async () => {
  const old = image();
  const { upstream, mirror } = await start(old);
  await mirror.pull('acme/app:v1');
  const moved = image({ layers: ['moved'] });
  upstream.add('acme/app', 'v1', moved);
  upstream.script({ match: { kind: 'manifest', method: 'GET' }, times: 1, fault: { flipByteAt: 20 } });
  const answer = await mirror.get('/v2/acme/app/manifests/v1');
  expect([answer.status, answer.headers['docker-content-digest'], answer.headers.warning]).toEqual([
    200,
    old.digest,
    expect.stringContaining('110'),
  ]);
  await mirror.stop();
  expect((await storedContent(mirror.dataDirectory)).manifests).toEqual([old.digest]);
});

test('wrong bytes that were then cut off are found out when the download resumes; after that it comes well', async () => {
  const { graph, digest, bytes } = appOf(sizes.large);
  const upstream = await startFakeUpstream();
  upstream.add('acme/app', 'v1', graph);
  const mirror = await startTempMirror({ upstream, upstreamSettings: { maxRetries: 0 } });
  upstream.script({ match: { kind: 'blob' }, times: 1, fault: { flipByteAt: 10, cutAt: 3_000_000 } });
  const path = `/v2/acme/app/blobs/${digest}`;
  expect(await mirror.get(path)).toMatchObject({ status: 200, broken: 'ECONNRESET' });
  expect(await mirror.get(path)).toMatchObject({ status: 200, broken: 'ECONNRESET' });
  const answer = await mirror.get(path);
  expect([answer.status, answer.broken, answer.body.equals(bytes)]).toEqual([200, undefined, true]);
});

test('more bytes than the blob has, left by an earlier download, are thrown away before anybody reads them', async () => {
  const { graph, digest, bytes } = appOf(sizes.large);
  const { mirror } = await start(graph);
  await writeFile(
    join(mirror.dataDirectory, 'incoming', `${digest.replace(':', '-')}.part`),
    Buffer.alloc(sizes.large + 1),
  );
  const answer = await mirror.get(`/v2/acme/app/blobs/${digest}`);
  expect([answer.status, answer.broken, answer.body.equals(bytes)]).toEqual([200, undefined, true]);
});
