import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bytesOf, randomContent } from '../../support/content.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { Registry, codes, digestOf, send } from './client.ts';

const registry = new Registry();

test.each([0, 70_000, 4_000_000])('POST then PUT takes a blob of %d bytes', async (size) => {
  const bytes = bytesOf(randomContent(`put ${String(size)}`, size));
  const digest = digestOf(bytes);
  const answer = await registry.send('PUT', `${await registry.begin('team/app')}?digest=${digest}`, { body: bytes });
  expect([answer.status, answer.headers.location]).toEqual([201, `/v2/team/app/blobs/${digest}`]);
  expect((await registry.mirror.get(answer.headers.location!)).body.equals(bytes)).toBe(true);
});

test('the last chunk may come with the PUT, and only in order', async () => {
  const location = await registry.begin('team/app');
  await registry.send('PATCH', location, { body: 'abc', headers: { 'content-range': '0-2' } });
  const query = `${location}?digest=${digestOf('abcdef')}`;
  const wrong = await registry.send('PUT', query, { body: 'def', headers: { 'content-range': '4-6' } });
  expect([wrong.status, codes(wrong), wrong.headers.range]).toEqual([416, ['RANGE_INVALID'], '0-2']);
  const right = await registry.send('PUT', query, { body: 'def', headers: { 'content-range': '3-5' } });
  expect(right.status).toBe(201);
});

test('wrong bytes are refused and leave neither blob, upload nor file', async () => {
  const location = await registry.begin('team/app');
  const digest = digestOf('promised');
  const answer = await registry.send('PUT', `${location}?digest=${digest}`, { body: 'delivered' });
  expect([answer.status, codes(answer)]).toEqual([400, ['DIGEST_INVALID']]);
  expect((await registry.send('GET', location)).status).toBe(404);
  expect((await registry.mirror.head(`/v2/team/app/blobs/${digest}`)).status).toBe(404);
  expect(await readdir(join(registry.mirror.dataDirectory, 'incoming'))).toEqual([]);
});

test('a PUT without a digest is refused and the upload goes on', async () => {
  const location = await registry.begin('team/app');
  const answer = await registry.send('PUT', location, { body: 'abc' });
  expect([answer.status, codes(answer)]).toEqual([400, ['DIGEST_INVALID']]);
  expect((await registry.send('PUT', `${location}?digest=${digestOf('abc')}`, { body: 'abc' })).status).toBe(201);
});

test('a blob that is there already can be pushed again, by two clients at once', async () => {
  const bytes = bytesOf(randomContent('twice', 600_000));
  const digest = digestOf(bytes);
  const push = async (): Promise<number> =>
    (await registry.send('PUT', `${await registry.begin('team/app')}?digest=${digest}`, { body: bytes })).status;
  expect(await Promise.all([push(), push(), push()])).toEqual([201, 201, 201]);
  expect((await registry.mirror.get(`/v2/team/app/blobs/${digest}`)).body.equals(bytes)).toBe(true);
});

test('uploads nobody goes on with expire, others do not', async () => {
  const clock = new FakeClock();
  const mirror = await startTempMirror({ clock, settings: { uploads: { expireAfter: '1h' } } });
  const begin = async (): Promise<string> =>
    mirror.url + (await send('POST', `${mirror.url}/v2/team/app/blobs/uploads/`)).headers.location!;
  const left = await begin();
  const used = await begin();
  await send('PATCH', left, { body: 'left' });
  await clock.advance(45 * 60_000);
  await send('PATCH', used, { body: 'used' });
  await clock.advance(45 * 60_000);
  expect((await send('GET', left)).status).toBe(404);
  expect((await send('GET', used)).status).toBe(204);
  const files = await readdir(join(mirror.dataDirectory, 'incoming'));
  expect(files).toEqual([`upload-${used.split('/').at(-1)!}.part`]);
});
