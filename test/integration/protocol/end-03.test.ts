import { expect, test } from 'vitest';
import { Registry, codes, digestOf, ociManifest } from './client.ts';

const registry = new Registry();

test('a pushed manifest is pulled byte for byte by tag and by digest', async () => {
  const image = await registry.pushImage('team/app', 'v1', 'layer');
  for (const reference of ['v1', image.digest]) {
    const answer = await registry.mirror.get(`/v2/team/app/manifests/${reference}`);
    expect(answer.body.toString()).toBe(image.text);
    expect([answer.status, answer.headers['content-type'], answer.headers['docker-content-digest']]).toEqual([
      200,
      ociManifest,
      image.digest,
    ]);
    const head = await registry.mirror.head(`/v2/team/app/manifests/${reference}`);
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([
      200,
      String(image.text.length),
      0,
    ]);
  }
});

test('a tag that moved is pulled as it is now, however often it was pulled before', async () => {
  const first = await registry.pushImage('team/moving', 'v1', 'one');
  for (let i = 0; i < 3; i += 1)
    expect((await registry.mirror.get('/v2/team/moving/manifests/v1')).body.toString()).toBe(first.text);
  const second = await registry.pushImage('team/moving', 'v1', 'two');
  expect((await registry.mirror.get('/v2/team/moving/manifests/v1')).body.toString()).toBe(second.text);
  expect((await registry.mirror.get(`/v2/team/moving/manifests/${first.digest}`)).body.toString()).toBe(first.text);
});

test('an unknown tag, digest and repository are 404, a malformed digest 400', async () => {
  await registry.pushImage('team/app', 'v1', 'layer');
  const unknown = [
    ['team/app/manifests/v9', 'MANIFEST_UNKNOWN'],
    [`team/app/manifests/${digestOf('x')}`, 'MANIFEST_UNKNOWN'],
    ['team/none/manifests/v1', 'NAME_UNKNOWN'],
  ];
  for (const [path = '', code] of unknown) {
    const answer = await registry.mirror.get(`/v2/${path}`);
    expect([path, answer.status, codes(answer)]).toEqual([path, 404, [code]]);
  }
  const malformed = await registry.mirror.get('/v2/team/app/manifests/sha256:totallywrong');
  expect([malformed.status, codes(malformed)]).toEqual([400, ['DIGEST_INVALID']]);
});

test('a name that somebody pushed to is not asked for upstream any more', async () => {
  await registry.pushImage('team/ours', 'v1', 'ours');
  registry.upstream.clearRequests();
  expect((await registry.mirror.get('/v2/team/ours/manifests/v2')).status).toBe(404);
  expect((await registry.mirror.get('/v2/team/ours/tags/list')).status).toBe(200);
  expect(registry.upstream.count()).toBe(0);
});
