import { expect, test } from 'vitest';
import { Registry, codes, digestOf, indexOf, ociIndex } from './client.ts';

const registry = new Registry();
const status = async (path: string): Promise<number> => (await registry.mirror.get(`/v2/team/app/${path}`)).status;

test('a deleted tag is gone, its manifest stays', async () => {
  const { digest } = await registry.pushImage('team/app', 'v1', 'layer');
  await registry.mirror.pull('team/app:v1');
  expect((await registry.send('DELETE', 'team/app/manifests/v1')).status).toBe(202);
  expect([await status('manifests/v1'), await status(`manifests/${digest}`)]).toEqual([404, 200]);
  const deleted = { event: 'artifact_delete', artifact: 'team/app:v1', outcome: 'ok', digest };
  expect(await registry.mirror.audit(deleted, 1)).toHaveLength(1);
});

test('a deleted manifest is gone with its tags, even while an index lists it, and can be pushed again', async () => {
  const { digest, text } = await registry.pushImage('team/app', 'v2', 'another layer');
  await registry.putManifest('team/app', 'latest', text);
  await registry.putManifest('team/app', 'index', indexOf({ digest, size: text.length }), ociIndex);
  for (const reference of ['v2', 'latest', digest]) expect(await status(`manifests/${reference}`)).toBe(200);
  expect((await registry.send('DELETE', `team/app/manifests/${digest}`)).status).toBe(202);
  for (const reference of ['v2', 'latest', digest]) expect(await status(`manifests/${reference}`)).toBe(404);
  expect((await registry.putManifest('team/app', 'v2', text)).status).toBe(201);
  expect(await status(`manifests/${digest}`)).toBe(200);
});

test('what is not there cannot be deleted', async () => {
  await registry.pushImage('team/app', 'v1', 'layer');
  const cases = [
    ['team/app/manifests/v9', 'MANIFEST_UNKNOWN'],
    [`team/app/manifests/${digestOf('x')}`, 'MANIFEST_UNKNOWN'],
    ['team/none/manifests/v1', 'NAME_UNKNOWN'],
  ] as const;
  for (const [path, code] of cases) {
    const answer = await registry.send('DELETE', path);
    expect([answer.status, codes(answer)]).toEqual([404, [code]]);
  }
});

test('content of an upstream is not deleted by clients', async () => {
  const answer = await registry.send('DELETE', 'up.test/team/app/manifests/v1');
  expect([answer.status, codes(answer)]).toEqual([403, ['DENIED']]);
});

test("a repository whose content was deleted is still this mirror's own", async () => {
  const { digest } = await registry.pushImage('team/emptied', 'v1', 'layer');
  await registry.send('DELETE', `team/emptied/manifests/${digest}`);
  registry.upstream.clearRequests();
  expect((await registry.mirror.get('/v2/team/emptied/manifests/v1')).status).toBe(404);
  expect(registry.upstream.count()).toBe(0);
});
