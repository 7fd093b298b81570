import { expect, test } from 'vitest';
import { Registry, codes, digestOf } from './client.ts';

const registry = new Registry();

test('a pushed blob is pulled byte for byte, in whole and in part', async () => {
  const text = 'a blob of some length';
  const digest = await registry.pushBlob('team/app', text);
  const whole = await registry.mirror.get(`/v2/team/app/blobs/${digest}`);
  expect([whole.status, whole.body.toString(), whole.headers['docker-content-digest']]).toEqual([200, text, digest]);
  const part = await registry.mirror.get(`/v2/team/app/blobs/${digest}`, { range: 'bytes=2-5' });
  expect([part.status, part.body.toString(), part.headers['content-range']]).toEqual([206, 'blob', 'bytes 2-5/21']);
  const head = await registry.mirror.head(`/v2/team/app/blobs/${digest}`);
  expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '21', 0]);
});

test('a range outside of the blob is 416 and tells how much there is', async () => {
  const digest = await registry.pushBlob('team/app', 'short');
  const answer = await registry.mirror.get(`/v2/team/app/blobs/${digest}`, { range: 'bytes=9-' });
  expect([answer.status, answer.headers['content-range']]).toEqual([416, 'bytes */5']);
});

test('a blob of one repository is unknown in another', async () => {
  const digest = await registry.pushBlob('team/one', 'only here');
  await registry.pushBlob('team/two', 'something else');
  const answer = await registry.mirror.get(`/v2/team/two/blobs/${digest}`);
  expect([answer.status, codes(answer)]).toEqual([404, ['BLOB_UNKNOWN']]);
});

test('a blob nobody has is unknown, in a repository that is there and in one that is not', async () => {
  await registry.pushBlob('team/app', 'x');
  const digest = digestOf('nobody has this');
  const known = await registry.mirror.get(`/v2/team/app/blobs/${digest}`);
  expect([known.status, codes(known)]).toEqual([404, ['BLOB_UNKNOWN']]);
  const unknown = await registry.mirror.get(`/v2/team/nothing/blobs/${digest}`);
  expect([unknown.status, codes(unknown)]).toEqual([404, ['NAME_UNKNOWN']]);
});

test('a client that is about to push is told that nothing is there even when the default upstream is down', async () => {
  const fault = registry.upstream.script({ match: {}, fault: { status: 500 } });
  const digest = digestOf('about to be pushed');
  expect((await registry.mirror.head(`/v2/team/new/blobs/${digest}`)).status).toBe(404);
  expect((await registry.mirror.head(`/v2/team/new/manifests/${digest}`)).status).toBe(404);
  expect((await registry.mirror.get(`/v2/team/new/manifests/v1`)).status).toBe(502);
  expect((await registry.mirror.head(`/v2/up.test/team/new/blobs/${digest}`)).status).not.toBe(404);
  fault.remove();
});
