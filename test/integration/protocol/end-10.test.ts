import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Registry, codes, digestOf } from './client.ts';

const registry = new Registry();

function hasFile(digest: string): boolean {
  const hex = digest.slice('sha256:'.length);
  return existsSync(join(registry.mirror.dataDirectory, 'blobs', 'sha256', hex.slice(0, 2), hex));
}

test('a deleted blob is gone, and its bytes are free', async () => {
  const digest = await registry.pushBlob('team/app', 'to be deleted');
  expect((await registry.mirror.get(`/v2/team/app/blobs/${digest}`)).status).toBe(200);
  expect((await registry.send('DELETE', `team/app/blobs/${digest}`)).status).toBe(202);
  expect((await registry.mirror.get(`/v2/team/app/blobs/${digest}`)).status).toBe(404);
  expect(hasFile(digest)).toBe(false);
});

test('a blob another repository has keeps its bytes', async () => {
  const digest = await registry.pushBlob('team/app', 'shared');
  await registry.pushBlob('team/other', 'shared');
  expect((await registry.send('DELETE', `team/app/blobs/${digest}`)).status).toBe(202);
  expect((await registry.mirror.get(`/v2/team/app/blobs/${digest}`)).status).toBe(404);
  expect((await registry.mirror.get(`/v2/team/other/blobs/${digest}`)).body.toString()).toBe('shared');
});

test('a blob that a manifest needs is kept, and can be deleted after the manifest', async () => {
  const { digest, layer } = await registry.pushImage('team/app', 'v1', 'needed');
  const answer = await registry.send('DELETE', `team/app/blobs/${layer}`);
  expect([answer.status, codes(answer)]).toEqual([405, ['UNSUPPORTED']]);
  expect((await registry.mirror.pull('team/app:v1')).digest).toBe(digest);
  await registry.send('DELETE', `team/app/manifests/${digest}`);
  expect((await registry.send('DELETE', `team/app/blobs/${layer}`)).status).toBe(202);
});

test('a blob nobody has cannot be deleted', async () => {
  await registry.pushBlob('team/app', 'x');
  const answer = await registry.send('DELETE', `team/app/blobs/${digestOf('nobody has it')}`);
  expect([answer.status, codes(answer)]).toEqual([404, ['BLOB_UNKNOWN']]);
});
