import { describe, expect, test } from 'vitest';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { Registry, codes, digestOf, imageOf, indexOf, ociIndex, ociManifest, send } from './client.ts';

const registry = new Registry();
const nowhere = { digest: digestOf('nowhere'), size: 7 };

describe('a pushed manifest', () => {
  test('is accepted by tag and by digest, with its digest in the answer and a line in the audit log', async () => {
    const { answer, digest, text } = await registry.pushImage('team/app', 'v1', 'layer');
    expect([answer.headers.location, answer.headers['docker-content-digest']]).toEqual([
      '/v2/team/app/manifests/v1',
      digest,
    ]);
    const again = await registry.putManifest('team/app', digest, text);
    expect([again.status, again.headers.location]).toEqual([201, `/v2/team/app/manifests/${digest}`]);
    const pushed = { event: 'artifact_push', artifact: 'team/app:v1', outcome: 'ok', digest, status: 201 };
    expect(await registry.mirror.audit(pushed, 1)).toHaveLength(1);
  });

  test('is refused when a blob it references is not in its repository, wherever else it is', async () => {
    const { text } = await registry.pushImage('team/source', 'v1', 'layer');
    const answer = await registry.putManifest('team/elsewhere', 'v1', text);
    expect([answer.status, codes(answer)]).toEqual([404, ['MANIFEST_BLOB_UNKNOWN']]);
    expect((await registry.mirror.get('/v2/team/elsewhere/manifests/v1')).status).toBe(404);
  });

  test('may reference layers that registries do not hold', async () => {
    const config = await registry.pushBlob('team/foreign', '{}');
    const image = imageOf({ digest: config, size: 2 });
    const layers = [{ mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', ...nowhere }];
    expect((await registry.putManifest('team/foreign', 'v1', { ...image, layers })).status).toBe(201);
  });

  test('is refused when its bytes are not those of the digest', async () => {
    const { text } = await registry.pushImage('team/app', 'v1', 'layer');
    const answer = await registry.putManifest('team/app', digestOf('other'), text);
    expect([answer.status, codes(answer)]).toEqual([400, ['DIGEST_INVALID']]);
    const malformed = await registry.putManifest('team/app', 'sha256:baddigeststring', text);
    expect([malformed.status, codes(malformed)]).toEqual([400, ['DIGEST_INVALID']]);
  });

  test('can be named by sha512, in the path or beside a tag', async () => {
    const { text } = await registry.pushImage('team/512', 'v1', 'layer');
    const digest = digestOf(text, 'sha512');
    expect((await registry.putManifest('team/512', digest, text)).status).toBe(201);
    const tagged = await registry.putManifest('team/512', `v512?digest=${digest}`, text);
    expect(tagged.headers['docker-content-digest']).toBe(digest);
    const pulled = await registry.mirror.get('/v2/team/512/manifests/v512');
    expect([pulled.body.toString(), pulled.headers['docker-content-digest']]).toEqual([text, digest]);
  });

  test.each([
    ['not JSON', 'nonsense', ociManifest],
    ['of schema 1', '{"schemaVersion":1}', 'application/vnd.docker.distribution.manifest.v1+json'],
    ['sent as another type than it says', JSON.stringify(indexOf()), ociManifest],
    ['of a type that is no manifest', '{"schemaVersion":2,"mediaType":"application/json"}', 'application/json'],
  ])('is refused when it is %s', async (_what, body, type) => {
    const answer = await registry.putManifest('team/app', 'bad', body, type);
    expect([answer.status, codes(answer)]).toEqual([400, ['MANIFEST_INVALID']]);
  });

  test.each([false, true])('of more than 4 MiB is 413 (chunked: %s), one of 4 MiB is taken', async (chunked) => {
    const config = await registry.pushBlob('team/large', '{}');
    const image = { ...imageOf({ digest: config, size: 2 }), annotations: { a: '' } };
    const room = 4 * 1024 * 1024 - JSON.stringify(image).length;
    const ofSize = (size: number): string => JSON.stringify({ ...image, annotations: { a: 'a'.repeat(size) } });
    const headers = { 'content-type': ociManifest };
    const put = (body: string) => registry.send('PUT', 'team/large/manifests/v1', { body, headers, chunked });
    expect((await put(ofSize(room + 1))).status).toBe(413);
    expect((await put(ofSize(room))).status).toBe(201);
  });

  test('by digest takes tags beside it', async () => {
    const { text, digest } = await registry.pushImage('team/tags', 'v0', 'layer');
    const tags = Array.from({ length: 12 }, (_, i) => `1.${String(i)}`);
    const query = tags.map((tag) => `tag=${tag}`).join('&');
    const answer = await registry.putManifest('team/tags', `${digest}?${query}`, text);
    expect([answer.status, answer.headers['oci-tag']]).toEqual([201, tags.join(', ')]);
    for (const tag of tags) expect((await registry.mirror.head(`/v2/team/tags/manifests/${tag}`)).status).toBe(200);
    const wrong = await registry.putManifest('team/tags', `${digest}?tag=not%20a%20tag`, text);
    expect(wrong.status).toBe(400);
  });

  test('with a subject is told so, whether the subject is there or not', async () => {
    const subject = { mediaType: ociManifest, ...nowhere };
    const { answer } = await registry.pushImage('team/subject', 'v1', 'layer', { subject });
    expect(answer.headers['oci-subject']).toBe(nowhere.digest);
  });

  test('survives a restart', async () => {
    const { text } = await registry.pushImage('team/lasting', 'v1', 'layer');
    await registry.mirror.restart();
    expect((await registry.mirror.get('/v2/team/lasting/manifests/v1')).body.toString()).toBe(text);
  });
});

describe('a pushed index', () => {
  test('is accepted when its manifests are there, and refused when one is missing', async () => {
    const { digest, text } = await registry.pushImage('team/index', 'amd64', 'layer');
    const here = { digest, size: text.length };
    expect((await registry.putManifest('team/index', 'whole', indexOf(here), ociIndex)).status).toBe(201);
    const answer = await registry.putManifest('team/index', 'sparse', indexOf(here, nowhere), ociIndex);
    expect([answer.status, codes(answer)]).toEqual([404, ['MANIFEST_BLOB_UNKNOWN']]);
    expect(answer.body.toString()).toContain(nowhere.digest);
  });

  test.each([
    ['indexes', 404],
    ['all', 201],
  ] as const)(
    'may lack manifests where push.sparse is %s; an image without its blobs is then %d',
    async (sparse, status) => {
      const mirror = await startTempMirror({ upstream: registry.upstream, settings: { push: { sparse } } });
      const put = async (manifest: unknown, type: string): Promise<number> =>
        (
          await send('PUT', `${mirror.url}/v2/team/sparse/manifests/v1`, {
            body: JSON.stringify(manifest),
            headers: { 'content-type': type },
          })
        ).status;
      expect(await put(indexOf(nowhere), ociIndex)).toBe(201);
      expect(await put(imageOf(nowhere), ociManifest)).toBe(status);
    },
  );
});

test('only repositories that push.repositories names accept pushes', async () => {
  const mirror = await startTempMirror({
    upstream: registry.upstream,
    settings: { push: { repositories: ['team/*', 'single'] } },
  });
  const begin = async (name: string): Promise<number> =>
    (await send('POST', `${mirror.url}/v2/${name}/blobs/uploads/`)).status;
  expect([await begin('team/app'), await begin('single'), await begin('team/a/b'), await begin('other')]).toEqual([
    202, 202, 403, 403,
  ]);
});
