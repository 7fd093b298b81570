import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../server/oci/digest.ts';
import { mediaTypes } from '../../../server/oci/media-types.ts';
import { ask } from '../../support/ask.ts';
import type { Seen } from '../../support/ask.ts';
import { contentOf } from '../../support/content.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { artifact, image, index } from '../../support/image-builder.ts';
import { pullGraph } from '../../support/pull-graph.ts';
import { pushGraph } from '../../support/push-graph.ts';

const layer = 'the layer of this test, 44 bytes in one line';
const app = image({ layers: [layer] });
const manifestPath = '/v2/acme/app/manifests/v1';
const blob = app.layers[0]!.digest;
const blobPath = `/v2/acme/app/blobs/${blob}`;

describe('content', () => {
  test('serves manifests by tag and digest and blobs with the headers of the specification', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    const byTag = await ask(`${upstream.url}${manifestPath}`);
    expect(byTag).toMatchObject({
      status: 200,
      body: app.bytes,
      headers: {
        'content-type': mediaTypes.ociManifest,
        'content-length': String(app.bytes.length),
        'docker-content-digest': app.digest,
      },
    });
    expect((await ask(`${upstream.url}/v2/acme/app/manifests/${app.digest}`)).body).toEqual(app.bytes);
    const head = await ask(`${upstream.url}${blobPath}`, { method: 'HEAD' });
    expect(head).toMatchObject({
      status: 200,
      headers: { 'content-length': '44', 'docker-content-digest': blob },
      body: Buffer.alloc(0),
    });
    expect((await ask(`${upstream.url}/v2/`)).headers['docker-distribution-api-version']).toBe('registry/2.0');
  });

  test('a whole index can be pulled and verified', async () => {
    const upstream = await startFakeUpstream();
    const top = index([app, image({ layers: ['other'] })]);
    upstream.add('acme/app', 'v1', top);
    const pulled = await pullGraph(upstream.url, 'acme/app:v1');
    expect(pulled).toMatchObject({ digest: top.digest, bytes: top.bytes });
    expect([...pulled.manifests].sort()).toEqual([...top.manifests.keys()].sort());
    expect([...pulled.blobs].sort()).toEqual([...top.blobs.keys()].sort());
  });

  test('refuses a manifest of a type the client does not accept', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    expect((await ask(`${upstream.url}${manifestPath}`, { headers: { accept: mediaTypes.ociIndex } })).status).toBe(
      404,
    );
  });

  test.each([
    ['/v2/acme/app/manifests/v2', 404, 'MANIFEST_UNKNOWN'],
    [`/v2/acme/app/blobs/${digestOf(Buffer.from('nothing'))}`, 404, 'BLOB_UNKNOWN'],
    ['/v2/acme/other/manifests/v1', 404, 'NAME_UNKNOWN'],
  ])('%s answers %i %s', async (path, status, code) => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    const answer = await ask(`${upstream.url}${path}`);
    expect({ status: answer.status, ...(JSON.parse(answer.body.toString()) as object) }).toMatchObject({
      status,
      errors: [{ code }],
    });
  });

  test('answers 401 for unknown repositories when told so', async () => {
    const upstream = await startFakeUpstream({ unknownRepository: 401 });
    expect((await ask(`${upstream.url}${manifestPath}`)).status).toBe(401);
  });

  test('takes pushes that pull back the same', async () => {
    const upstream = await startFakeUpstream();
    const top = index([app, image({ layers: ['other', ''] })]);
    await pushGraph(upstream.url, 'acme/pushed', ['v1', 'latest'], top);
    expect((await pullGraph(upstream.url, 'acme/pushed:latest')).digest).toBe(top.digest);
  });

  test('refuses a push whose bytes are not its digest', async () => {
    const upstream = await startFakeUpstream();
    const answer = await fetch(`${upstream.url}/v2/acme/app/blobs/uploads/?digest=${blob}`, {
      method: 'POST',
      body: 'other',
    });
    expect(answer.status).toBe(400);
  });
});

describe('lists', () => {
  test('pages tags with a Link to the next page until the last', async () => {
    const upstream = await startFakeUpstream({ pageSize: 2 });
    upstream.add('acme/app', ['a', 'b', 'c', 'd', 'e'], app);
    const pages: string[][] = [];
    for (let path: string | undefined = '/v2/acme/app/tags/list?n=100'; path !== undefined;) {
      const answer = await ask(`${upstream.url}${path}`);
      pages.push((JSON.parse(answer.body.toString()) as { tags: string[] }).tags);
      path = /^<(.+)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1];
    }
    expect(pages).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  test('lists repositories in the catalog', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('b/b', 'v1', app);
    upstream.add('a/a', 'v1', app);
    expect(JSON.parse((await ask(`${upstream.url}/v2/_catalog`)).body.toString())).toEqual({
      repositories: ['a/a', 'b/b'],
    });
  });

  test('has referrers by endpoint, by fallback tag, or not at all', async () => {
    const upstream = await startFakeUpstream();
    const signature = artifact({ type: 'application/vnd.example.signature', subject: app });
    const sbom = artifact({ type: 'application/vnd.example.sbom', subject: app });
    upstream.add('acme/app', 'v1', app);
    upstream.add('acme/app', undefined, signature);
    upstream.add('acme/app', undefined, sbom);
    const endpoint = `${upstream.url}/v2/acme/app/referrers/${app.digest}`;
    const fallback = `${upstream.url}/v2/acme/app/manifests/${app.digest.replace(':', '-')}`;
    const digests = ({ body }: Seen): string[] =>
      (JSON.parse(body.toString()) as { manifests: { digest: string }[] }).manifests.map((entry) => entry.digest);
    expect(digests(await ask(endpoint))).toEqual([signature.digest, sbom.digest]);
    const filtered = await ask(`${endpoint}?artifactType=application/vnd.example.sbom`);
    expect([digests(filtered), filtered.headers['oci-filters-applied']]).toEqual([[sbom.digest], 'artifactType']);
    expect((await ask(fallback)).status).toBe(404);
    upstream.behaviour.referrers = 'tag';
    expect((await ask(endpoint)).status).toBe(404);
    expect(digests(await ask(fallback))).toEqual([signature.digest, sbom.digest]);
    upstream.behaviour.referrers = 'none';
    expect([(await ask(endpoint)).status, (await ask(fallback)).status]).toEqual([404, 404]);
  });
});

describe('ranges', () => {
  test.each([
    ['bytes=10-', 206, 'bytes 10-43/44', layer.slice(10)],
    ['bytes=10-19', 206, 'bytes 10-19/44', layer.slice(10, 20)],
    ['bytes=40-999', 206, 'bytes 40-43/44', layer.slice(40)],
    ['bytes=44-', 416, 'bytes */44', ''],
  ])('%s answers %i', async (range, status, contentRange, body) => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    const answer = await ask(`${upstream.url}${blobPath}`, { headers: { range } });
    expect([answer.status, answer.headers['content-range'], answer.body.toString()]).toEqual([
      status,
      contentRange,
      body,
    ]);
  });

  test('ignores Range when told so, by script or for good', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    upstream.script({ match: { kind: 'blob' }, times: 1, fault: { ignoreRange: true } });
    const headers = { range: 'bytes=10-' };
    expect(await ask(`${upstream.url}${blobPath}`, { headers })).toMatchObject({
      status: 200,
      body: Buffer.from(layer),
    });
    upstream.behaviour.ranges = false;
    expect(await ask(`${upstream.url}${blobPath}`, { headers })).toMatchObject({
      status: 200,
      body: Buffer.from(layer),
    });
  });

  test('reads the middle of a large blob without the rest', async () => {
    const upstream = await startFakeUpstream();
    const big = image({ layers: [{ content: contentOf(Buffer.alloc(1_000_000, 'abcdefghij')) }] });
    upstream.add('acme/big', 'v1', big);
    const { body } = await ask(`${upstream.url}/v2/acme/big/blobs/${big.layers[0]!.digest}`, {
      headers: { range: 'bytes=500003-500009' },
    });
    expect(body.toString()).toBe('defghij');
  });
});
