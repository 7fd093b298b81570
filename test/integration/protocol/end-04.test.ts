import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { randomContent, bytesOf } from '../../support/content.ts';
import { Registry, codes, digestOf } from './client.ts';

const registry = new Registry();
const uuid = /^\/v2\/team\/app\/blobs\/uploads\/[0-9a-f-]{36}$/;

test.each(['team/app/blobs/uploads/', 'team/app/blobs/uploads'])('POST %s begins an upload', async (path) => {
  const answer = await registry.send('POST', path);
  expect([answer.status, answer.headers.range]).toEqual([202, '0-0']);
  expect(answer.headers.location).toMatch(uuid);
});

test.each([0, 1, 262_144, 3_000_000])('a blob of %d bytes is taken in one POST', async (size) => {
  const bytes = bytesOf(randomContent(`single post ${String(size)}`, size));
  const digest = digestOf(bytes);
  const answer = await registry.send('POST', `team/app/blobs/uploads/?digest=${digest}`, { body: bytes });
  expect([answer.status, answer.headers.location, answer.headers['docker-content-digest']]).toEqual([
    201,
    `/v2/team/app/blobs/${digest}`,
    digest,
  ]);
  expect((await registry.mirror.get(answer.headers.location!)).body.equals(bytes)).toBe(true);
});

test('one POST with bytes of another digest leaves nothing behind', async () => {
  const wrong = digestOf('right');
  const answer = await registry.send('POST', `team/app/blobs/uploads/?digest=${wrong}`, { body: 'wrong' });
  expect([answer.status, codes(answer)]).toEqual([400, ['DIGEST_INVALID']]);
  expect((await registry.mirror.head(`/v2/team/app/blobs/${wrong}`)).status).toBe(404);
  expect(await readdir(join(registry.mirror.dataDirectory, 'incoming'))).toEqual([]);
});

test.each(['md5:0', 'sha256:short', 'sha384:' + 'a'.repeat(96)])('the digest %s is refused', async (digest) => {
  const answer = await registry.send('POST', `team/app/blobs/uploads/?digest=${digest}`, { body: 'x' });
  expect([answer.status, codes(answer)]).toEqual([400, ['DIGEST_INVALID']]);
});

test('sha512 works, announced or not', async () => {
  const digest = digestOf('five hundred and twelve', 'sha512');
  for (const query of ['?digest-algorithm=sha512', '']) {
    const location = await registry.begin('team/512', query);
    await registry.send('PATCH', location, { body: 'five hundred and twelve' });
    expect((await registry.send('PUT', `${location}?digest=${digest}`)).status).toBe(201);
    const answer = await registry.mirror.get(`/v2/team/512/blobs/${digest}`);
    expect(answer.body.toString()).toBe('five hundred and twelve');
  }
  const unknown = await registry.send('POST', 'team/512/blobs/uploads/?digest-algorithm=md5');
  expect([unknown.status, codes(unknown)]).toEqual([400, ['DIGEST_INVALID']]);
});

test.each(['up.test/team/app', 'unknown.test/team/app', 'localhost:5000/team/app'])(
  'the name %s is an upstream, so a push to it is denied in words and written down',
  async (name) => {
    const answer = await registry.send('POST', `${name}/blobs/uploads/`);
    expect([answer.status, codes(answer)]).toEqual([403, ['DENIED']]);
    expect(answer.body.toString()).toContain('use a name of your own');
    expect(await registry.mirror.audit({ event: 'artifact_push', artifact: name, outcome: 'denied' }, 1)).toHaveLength(
      1,
    );
  },
);

test('a name that was pulled through the default upstream stays what the upstream has', async () => {
  const graph = (await import('../../support/image-builder.ts')).image({ layers: ['theirs'] });
  registry.upstream.add('library/theirs', 'v1', graph);
  await registry.mirror.pull('library/theirs:v1');
  const answer = await registry.send('POST', 'library/theirs/blobs/uploads/');
  expect([answer.status, codes(answer)]).toEqual([403, ['DENIED']]);
});
