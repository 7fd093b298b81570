import { expect, test } from 'vitest';
import { image } from '../../support/image-builder.ts';
import { Registry, digestOf } from './client.ts';

const registry = new Registry();
const mount = (name: string, digest: string, from?: string) =>
  registry.send(
    'POST',
    `${name}/blobs/uploads/?mount=${digest}${from === undefined ? '' : `&from=${encodeURIComponent(from)}`}`,
  );

test('a blob is mounted from the repository that has it, without its bytes', async () => {
  const digest = await registry.pushBlob('team/source', 'mounted');
  const answer = await mount('team/mount', digest, 'team/source');
  expect([answer.status, answer.headers.location, answer.headers['docker-content-digest']]).toEqual([
    201,
    `/v2/team/mount/blobs/${digest}`,
    digest,
  ]);
  expect((await registry.mirror.get(`/v2/team/mount/blobs/${digest}`)).body.toString()).toBe('mounted');
});

test('a layer of a mirrored image can be mounted, from where it is held', async () => {
  const base = image({ layers: ['a base image'] });
  registry.upstream.add('library/base', 'v1', base);
  await registry.mirror.pull('up.test/library/base:v1');
  const digest = base.layers[0]!.digest;
  // a pull ends a moment before what it brought is kept
  await expect.poll(async () => (await mount('team/derived', digest, 'up.test/library/base')).status).toBe(201);
  expect((await mount('team/derived2', digest, 'library/base')).status).toBe(201);
});

test.each(['team/empty', 'up.test/library/nothing'])(
  'from %s, which does not have it, an upload begins',
  async (from) => {
    const digest = await registry.pushBlob('team/source', 'not there');
    const answer = await mount('team/fallback', digest, from);
    expect(answer.status).toBe(202);
    expect(answer.headers.location).toContain('/v2/team/fallback/blobs/uploads/');
    expect((await registry.mirror.head(`/v2/team/fallback/blobs/${digest}`)).status).toBe(404);
  },
);

test('without a source, own content is mounted and content of an upstream is not', async () => {
  const own = await registry.pushBlob('team/source', 'own content');
  expect((await mount('team/anonymous', own)).status).toBe(201);
  const theirs = image({ layers: ['only theirs'] });
  registry.upstream.add('library/theirs', 'v1', theirs);
  await registry.mirror.pull('up.test/library/theirs:v1');
  expect((await mount('team/anonymous', theirs.layers[0]!.digest)).status).toBe(202);
  expect((await mount('team/anonymous', digestOf('nobody has it'))).status).toBe(202);
});
