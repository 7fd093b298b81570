import { get } from 'node:http';
import { describe, expect, test } from 'vitest';
import { mediaTypes } from '../../../server/oci/media-types.ts';
import { raw } from '../../support/ask.ts';
import type { Seen } from '../../support/ask.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import {
  artifact,
  bigImage,
  dockerImage,
  helmChart,
  image,
  index,
  linuxArm64,
  oddImage,
} from '../../support/image-builder.ts';
import type { Graph } from '../../support/image-builder.ts';
import { registryMissing, startRegistry } from '../../support/registry.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';
import { zhiFixture } from '../../support/zhi-fixture.ts';

const app = image();
const kinds: readonly (readonly [string, Graph])[] = [
  ['an OCI image', app],
  ['an OCI index', index([image({ layers: ['a'] }), image({ layers: ['b'], platform: linuxArm64 })])],
  ['an index of indexes', index([index([image({ layers: ['deep'] })])])],
  ['a Docker schema 2 image', dockerImage({ layers: ['docker'] })],
  [
    'a Docker manifest list',
    index([dockerImage({ layers: ['a'] }), dockerImage({ layers: ['b'], platform: linuxArm64 })], { docker: true }),
  ],
  ['an artifact with a subject', artifact({ type: 'application/vnd.example.sbom', subject: app })],
  ['a Helm chart', helmChart()],
  ['an image with an empty layer, a layer twice and non-ASCII annotations', oddImage()],
  ['an image named by sha512 below its tag', index([image({ layers: ['long'], algorithm: 'sha512' })])],
  ['a zhi plugin', zhiFixture().index],
];

const codeIn = (answer: Seen): unknown =>
  (JSON.parse(answer.body.toString()) as { errors: { code: string }[] }).errors[0]?.code;

describe('byte identity', () => {
  test.each(kinds)(
    '%s comes through with its digest and every byte, cold, warm and by digest',
    async (_name, graph) => {
      const upstream = await startFakeUpstream();
      upstream.add('acme/app', 'v1', graph);
      const mirror = await startTempMirror({ upstream });
      for (const name of ['acme/app:v1', 'acme/app:v1', `acme/app@${graph.digest}`]) {
        const pulled = await mirror.pull(name);
        expect([pulled.digest, pulled.mediaType, pulled.bytes.equals(graph.bytes)]).toEqual([
          graph.digest,
          graph.mediaType,
          true,
        ]);
      }
      const blobs = upstream.requests.filter((seen) => seen.kind === 'blob');
      expect([blobs.length, upstream.count({ kind: 'manifest' })]).toEqual([graph.blobs.size, graph.manifests.size]);
      await upstream.stop();
      expect((await mirror.pull('acme/app:v1')).digest).toBe(graph.digest);
    },
  );

  test.skipIf(registryMissing() !== undefined)('holds with a real registry as upstream', async () => {
    const registry = await startRegistry({ proxy: true });
    const graphs = kinds.slice(0, 7).map(([, graph]) => graph);
    for (const [i, graph] of graphs.entries()) await registry.push('acme/app', `v${String(i)}`, graph);
    const mirror = await startTempMirror({ upstream: registry });
    for (const [i, graph] of graphs.entries())
      expect((await mirror.pull(`acme/app:v${String(i)}`)).digest).toBe(graph.digest);
    await registry.stop();
    for (const [i, graph] of graphs.entries())
      expect((await mirror.pull(`acme/app:v${String(i)}`)).digest).toBe(graph.digest);
  });
});

/** The same with a Host of the test's own. */
function getAs(mirror: TempMirror, host: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(`${mirror.url}${path}`, { headers: { host }, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', reject);
  });
}

test('a repository is reached by default, host prefix, ns and intercepted Host, and is held once', async () => {
  const upstream = await startFakeUpstream();
  const hub = await startFakeUpstream();
  upstream.add('acme/app', 'v1', app);
  hub.add('library/alpine', '3', image({ layers: ['alpine'] }));
  const mirror = await startTempMirror({
    upstream,
    upstreamSettings: { interceptHosts: ['registry.acme.test'] },
    settings: { upstreams: [{ name: 'docker.io', urls: [hub.url] }] },
  });
  await mirror.pull('acme/app:v1');
  await mirror.pull('up.test/acme/app:v1');
  await mirror.pull('acme/app:v1', { query: 'ns=up.test' });
  expect(await getAs(mirror, 'registry.acme.test', '/v2/acme/app/manifests/v1')).toBe(200);
  expect(upstream.count({ kind: 'manifest' })).toBe(1);
  await mirror.pull('docker.io/alpine:3');
  await mirror.pull('docker.io/library/alpine:3');
  await mirror.pull('library/alpine:3', { query: 'ns=docker.io' });
  await mirror.pull('registry-1.docker.io/library/alpine:3');
  expect(hub.count({ kind: 'manifest' })).toBe(1);
  expect(JSON.parse((await mirror.get('/v2/_catalog')).body.toString())).toEqual({
    repositories: ['docker.io/library/alpine', 'up.test/acme/app'],
  });
  expect((await mirror.get('/v2/acme/app/manifests/v1?ns=nobody.test')).status).toBe(404);
});

describe('golden requests of the zhi client', () => {
  const fixture = zhiFixture();
  const base = `/v2/${fixture.repository}`;
  const accept = [mediaTypes.ociManifest, mediaTypes.ociIndex, mediaTypes.dockerManifest, mediaTypes.dockerList].join(
    ', ',
  );

  async function start(): Promise<{
    readonly upstream: Awaited<ReturnType<typeof startFakeUpstream>>;
    readonly mirror: TempMirror;
  }> {
    const upstream = await startFakeUpstream({ auth: { kind: 'anonymous-bearer' } });
    upstream.add(fixture.repository, 'v1.0.0', fixture.index);
    upstream.add(fixture.repository, 's1', fixture.single);
    return { upstream, mirror: await startTempMirror({ upstream }) };
  }

  test('G1: the version check', async () => {
    const { mirror } = await start();
    for (const answer of [await mirror.get('/v2/'), await mirror.head('/v2/')]) {
      expect([answer.status, answer.headers['docker-distribution-api-version']]).toEqual([200, 'registry/2.0']);
    }
  });

  test('G2–G6: HEAD and GET by tag, children, blobs; then all of it without the upstream', async () => {
    const { upstream, mirror } = await start();
    const child = fixture.amd64;
    const run = async (): Promise<void> => {
      const expected = {
        status: 200,
        headers: {
          'content-type': mediaTypes.ociIndex,
          'content-length': '491',
          'docker-content-digest': fixture.index.digest,
        },
      };
      expect(await mirror.head(`${base}/manifests/v1.0.0`, { accept })).toMatchObject({
        ...expected,
        body: Buffer.alloc(0),
      });
      expect(await mirror.get(`${base}/manifests/v1.0.0`, { accept })).toMatchObject({
        ...expected,
        body: fixture.index.bytes,
      });
      expect(await mirror.get(`${base}/manifests/${child.digest}`, { accept: mediaTypes.ociManifest })).toMatchObject({
        status: 200,
        headers: { 'content-type': mediaTypes.ociManifest, 'content-length': '392' },
        body: child.bytes,
      });
      const blobs = await Promise.all(
        [child.config!, ...child.layers].map(({ digest }) => mirror.get(`${base}/blobs/${digest}`)),
      );
      expect(blobs.map((blob) => [blob.status, blob.headers['content-length']])).toEqual([
        [200, '66'],
        [200, '9'],
      ]);
    };
    await run();
    expect(
      upstream.requests
        .filter((seen) => seen.status === 200 && seen.kind !== 'token')
        .map((seen) => `${seen.method} ${seen.kind}`)
        .sort(),
    ).toEqual(['GET blob', 'GET blob', 'GET manifest', 'GET manifest', 'HEAD manifest']);
    await upstream.stop();
    await run();
  });

  test('G8: a cold HEAD of a large blob costs a HEAD upstream and no byte', async () => {
    const { upstream, mirror } = await start();
    const big = bigImage({ sizeBytes: 200_000_000 });
    upstream.add('acme/big', 'v1', big);
    const answer = await mirror.head(`/v2/acme/big/blobs/${big.layers[0]!.digest}`);
    expect([answer.status, answer.headers['content-length'], answer.headers['docker-content-digest']]).toEqual([
      200,
      '200000000',
      big.layers[0]!.digest,
    ]);
    expect([upstream.count({ kind: 'blob', method: 'GET' }), upstream.bytesSent({ kind: 'blob' })]).toEqual([0, 0]);
  });

  test('G11, G12, G14: unknown and malformed references', async () => {
    const { mirror } = await start();
    const answers = await Promise.all(
      [
        'manifests/nope',
        `manifests/sha256:${'1'.repeat(64)}`,
        `blobs/sha256:${'1'.repeat(64)}`,
        'blobs/sha256:XYZ',
        'manifests/sha256:abc',
      ].map((path) => mirror.get(`${base}/${path}`)),
    );
    expect(answers.map((answer) => [answer.status, codeIn(answer)])).toEqual([
      [404, 'MANIFEST_UNKNOWN'],
      [404, 'MANIFEST_UNKNOWN'],
      [404, 'BLOB_UNKNOWN'],
      [400, 'DIGEST_INVALID'],
      [400, 'DIGEST_INVALID'],
    ]);
  });

  test('G35: path tricks never leave the store', async () => {
    const { upstream, mirror } = await start();
    await mirror.pull(`${fixture.repository}:v1.0.0`);
    upstream.clearRequests();
    const tricks = [
      '/v2/a/../b/manifests/x',
      '/v2/%2e%2e/%2e%2e/manifests/x',
      '/v2//manifests/x',
      '/v2/a//b/manifests/x',
      '/v2/a/manifests/..%2f..%2fmirror.db',
      '/v2/a/blobs/sha256:..%2f..%2fmirror.db',
      '/v2/%00/manifests/x',
      '/v2/a/manifests/%E0%A4%A',
    ];
    for (const trick of tricks) {
      const answer = await raw(mirror.url, `GET ${trick} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect([trick, /^HTTP\/1\.1 (?:400|404) /.test(answer)]).toEqual([trick, true]);
    }
    expect(upstream.count()).toBe(0);
  });
});

describe('conditions and ranges of what is held', () => {
  async function start(): Promise<{
    readonly mirror: TempMirror;
    readonly manifest: string;
    readonly blob: string;
    readonly bytes: Buffer;
  }> {
    const upstream = await startFakeUpstream();
    const bytes = Buffer.from('0123456789'.repeat(10_000));
    const graph = image({ layers: [{ content: bytes }] });
    upstream.add('acme/app', 'v1', graph);
    const mirror = await startTempMirror({ upstream });
    await mirror.pull('acme/app:v1');
    return {
      mirror,
      manifest: '/v2/acme/app/manifests/v1',
      blob: `/v2/acme/app/blobs/${graph.layers[0]!.digest}`,
      bytes,
    };
  }

  test('If-None-Match with the entity tag answers 304 without a body', async () => {
    const { mirror, manifest, blob } = await start();
    for (const path of [manifest, blob]) {
      const etag = String((await mirror.get(path)).headers.etag);
      for (const value of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const answer = await mirror.get(path, { 'if-none-match': value });
        expect([answer.status, answer.body.length, answer.headers.etag]).toEqual([304, 0, etag]);
      }
      expect((await mirror.get(path, { 'if-none-match': '"other"' })).status).toBe(200);
    }
  });

  test('Range answers the part, 416 outside, and the whole where a range may be ignored', async () => {
    const { mirror, blob, bytes } = await start();
    const ranges = [
      'bytes=0-9',
      'bytes=99990-',
      'bytes=-10',
      'bytes=5-5',
      'bytes=0-9999999',
      'bytes=100000-',
      'bytes=9-5',
      'bytes=-0',
      'bytes=0-1,4-5',
      'lines=1-2',
    ];
    const answers = await Promise.all(ranges.map((range) => mirror.get(blob, { range })));
    expect(
      answers.map((answer) => [
        answer.status,
        answer.headers['content-range'] ?? '',
        answer.status === 416 ? 0 : answer.body.length,
      ]),
    ).toEqual([
      [206, 'bytes 0-9/100000', 10],
      [206, 'bytes 99990-99999/100000', 10],
      [206, 'bytes 99990-99999/100000', 10],
      [206, 'bytes 5-5/100000', 1],
      [206, 'bytes 0-99999/100000', 100_000],
      [416, 'bytes */100000', 0],
      // a range whose end lies before its start is invalid, and an invalid Range is ignored (RFC 9110 §14.1.1)
      [200, '', 100_000],
      [416, 'bytes */100000', 0],
      [200, '', 100_000],
      [200, '', 100_000],
    ]);
    expect(answers[0]!.body.equals(bytes.subarray(0, 10))).toBe(true);
  });
});

test('the audit has exactly one line for each request, with what happened to it', async () => {
  const upstream = await startFakeUpstream();
  upstream.add('acme/app', 'v1', app);
  const mirror = await startTempMirror({ upstream });
  const layer = app.layers[0]!;
  const agent = { 'user-agent': 'test/1' };
  const requests: readonly (readonly ['GET' | 'HEAD', string, Record<string, unknown>])[] = [
    [
      'HEAD',
      'manifests/v1',
      { artifact: 'up.test/acme/app:v1', digest: app.digest, cached: false, outcome: 'miss', status: 200, bytes: 0 },
    ],
    [
      'GET',
      'manifests/v1',
      {
        artifact: 'up.test/acme/app:v1',
        digest: app.digest,
        cached: false,
        outcome: 'miss',
        status: 200,
        bytes: app.bytes.length,
      },
    ],
    ['GET', 'manifests/v1', { cached: true, outcome: 'hit', status: 200, bytes: app.bytes.length }],
    ['GET', 'manifests/v1', { cached: true, outcome: 'hit', status: 200, bytes: app.bytes.length }],
    ['HEAD', 'manifests/v1', { cached: true, outcome: 'hit', status: 200, bytes: 0 }],
    [
      'GET',
      `manifests/${app.digest}`,
      { artifact: `up.test/acme/app@${app.digest}`, cached: true, outcome: 'hit', status: 200 },
    ],
    [
      'GET',
      `blobs/${layer.digest}`,
      { event: 'blob_pull', digest: layer.digest, cached: false, outcome: 'miss', status: 200, bytes: layer.size },
    ],
    [
      'GET',
      `blobs/${layer.digest}`,
      { event: 'blob_pull', digest: layer.digest, cached: true, outcome: 'hit', status: 200, bytes: layer.size },
    ],
    ['HEAD', `blobs/${layer.digest}`, { event: 'blob_pull', cached: true, outcome: 'hit', status: 200, bytes: 0 }],
    ['GET', 'manifests/v9', { cached: false, outcome: 'failed', status: 404, code: 'MANIFEST_UNKNOWN', bytes: 0 }],
  ];
  for (const [method, path] of requests) await mirror.get(`/v2/acme/app/${path}`, agent, { method });
  const lines = await mirror.audit({ user_agent: 'test/1' }, requests.length);
  expect(lines).toMatchObject(
    requests.map(([method, path, fields]) => ({
      event: path.startsWith('blobs') ? 'blob_pull' : 'artifact_pull',
      method,
      client_ip: '127.0.0.1',
      upstream: 'up.test',
      request_id: expect.any(String) as string,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
      ...fields,
    })),
  );
  expect(new Set(lines.map((line) => line['request_id'])).size).toBe(requests.length);
});
