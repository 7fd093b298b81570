import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Registry, codes } from './client.ts';

const registry = new Registry();

test('the state of an upload is told as often as asked', async () => {
  const location = await registry.begin('team/app');
  const state = async (): Promise<unknown> => {
    const { status, headers } = await registry.send('GET', location);
    return [status, headers.location, headers.range];
  };
  expect(await state()).toEqual([204, location, '0-0']);
  await registry.send('PATCH', location, { body: 'twelve bytes' });
  expect(await state()).toEqual([204, location, '0-11']);
  expect(await state()).toEqual([204, location, '0-11']);
});

test('a cancelled upload is gone with what was sent (end-14)', async () => {
  const location = await registry.begin('team/app');
  await registry.send('PATCH', location, { body: 'some bytes' });
  const file = `upload-${location.split('/').at(-1)!}.part`;
  const incoming = (): Promise<string[]> => readdir(join(registry.mirror.dataDirectory, 'incoming'));
  expect(await incoming()).toContain(file);
  expect((await registry.send('DELETE', location)).status).toBe(204);
  expect(await incoming()).not.toContain(file);
  for (const method of ['GET', 'DELETE']) {
    const answer = await registry.send(method, location);
    expect([answer.status, codes(answer)]).toEqual([404, ['BLOB_UPLOAD_UNKNOWN']]);
  }
});
