import { expect, test } from 'vitest';
import { randomContent, bytesOf } from '../../support/content.ts';
import { Registry, codes, digestOf } from './client.ts';

const registry = new Registry();

test('chunks in order are told how far they came and make the blob', async () => {
  const bytes = bytesOf(randomContent('chunks', 900_000));
  let location = await registry.begin('team/app');
  for (let start = 0; start < bytes.length; start += 400_000) {
    const end = Math.min(bytes.length, start + 400_000) - 1;
    const answer = await registry.send('PATCH', location, {
      body: bytes.subarray(start, end + 1),
      headers: { 'content-range': `${String(start)}-${String(end)}` },
    });
    expect([answer.status, answer.headers.range]).toEqual([202, `0-${String(end)}`]);
    location = answer.headers.location!;
  }
  expect((await registry.send('PUT', `${location}?digest=${digestOf(bytes)}`)).status).toBe(201);
  expect((await registry.mirror.get(`/v2/team/app/blobs/${digestOf(bytes)}`)).body.equals(bytes)).toBe(true);
});

test.each(['5-9', '0-4'])('a chunk %s out of order is 416, changes nothing and says where to go on', async (range) => {
  const location = await registry.begin('team/app');
  await registry.send('PATCH', location, { body: 'abc', headers: { 'content-range': '0-2' } });
  const wrong = await registry.send('PATCH', location, { body: 'defgh', headers: { 'content-range': range } });
  expect([wrong.status, codes(wrong), wrong.headers.range, wrong.headers.location]).toEqual([
    416,
    ['RANGE_INVALID'],
    '0-2',
    location,
  ]);
  const right = await registry.send('PATCH', location, { body: 'def', headers: { 'content-range': '3-5' } });
  expect(right.headers.range).toBe('0-5');
  expect((await registry.send('PUT', `${location}?digest=${digestOf('abcdef')}`)).status).toBe(201);
});

test('a chunk of another length than its range is refused and forgotten', async () => {
  const location = await registry.begin('team/app');
  for (const chunked of [false, true]) {
    const headers = { 'content-range': '0-2' };
    const wrong = await registry.send('PATCH', location, { body: 'abcdef', headers, chunked });
    expect([wrong.status, codes(wrong)]).toEqual([400, ['SIZE_INVALID']]);
  }
  await registry.send('PATCH', location, { body: 'xyz' });
  expect((await registry.send('PUT', `${location}?digest=${digestOf('xyz')}`)).status).toBe(201);
});

test.each(['abc', '5-2', '-5', 'bytes'])('Content-Range %s is refused', async (range) => {
  const location = await registry.begin('team/app');
  const answer = await registry.send('PATCH', location, { body: 'abc', headers: { 'content-range': range } });
  expect([answer.status, codes(answer)]).toEqual([400, ['BLOB_UPLOAD_INVALID']]);
});

test('what came before a broken connection stays, and the client goes on after it', async () => {
  const bytes = bytesOf(randomContent('broken', 5_000_000));
  const location = await registry.begin('team/app');
  const offset = async (): Promise<number> => {
    const { headers } = await registry.send('GET', location);
    return Number(headers.range!.split('-')[1]) + 1;
  };
  const when = async (): Promise<void> => {
    while ((await offset()) < 1_000_000);
  };
  await expect(registry.send('PATCH', location, { body: bytes, broken: { after: 3_000_000, when } })).rejects.toThrow(
    'broken',
  );
  // an empty chunk takes the turn, so the broken one has ended
  await registry.send('PATCH', location, { body: '' });
  const from = await offset();
  expect(from).toBeGreaterThan(999_999);
  const rest = await registry.send('PATCH', location, {
    body: bytes.subarray(from),
    headers: { 'content-range': `${String(from)}-${String(bytes.length - 1)}` },
  });
  expect(rest.status).toBe(202);
  expect((await registry.send('PUT', `${location}?digest=${digestOf(bytes)}`)).status).toBe(201);
});

test('an upload goes on after a restart', async () => {
  const location = await registry.begin('team/app');
  await registry.send('PATCH', location, { body: 'before ' });
  await registry.mirror.restart();
  expect((await registry.send('GET', location)).headers.range).toBe('0-6');
  await registry.send('PATCH', location, { body: 'and after', headers: { 'content-range': '7-15' } });
  expect((await registry.send('PUT', `${location}?digest=${digestOf('before and after')}`)).status).toBe(201);
});

test('an upload nobody began, or of another repository, is unknown', async () => {
  const location = await registry.begin('team/app');
  const others = [location.replace('team/app', 'team/other'), location.replace(/[^/]*$/, 'nothing')];
  for (const other of others) {
    const answer = await registry.send('PATCH', other, { body: 'x' });
    expect([answer.status, codes(answer)]).toEqual([404, ['BLOB_UPLOAD_UNKNOWN']]);
  }
});
