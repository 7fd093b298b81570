import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bytesOf, randomContent } from '../../support/content.ts';
import { image } from '../../support/image-builder.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { startMirrorProcess } from '../../support/mirror-process.ts';
import { pullGraph } from '../../support/pull-graph.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { smallDisk, smallDiskMissing } from '../../support/small-disk.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { codes, digestOf, send } from '../protocol/client.ts';
import { storedContent } from './stored-content.ts';

test('kill -9 at any moment: every acknowledged push is there, the others can be pushed again', async () => {
  const upstream = await startFakeUpstream();
  const mirror = await startMirrorProcess({ upstream });
  const graphs = Array.from({ length: 30 }, (_, i) =>
    image({ layers: [{ content: randomContent(`push ${String(i)}`, 40_000 * (1 + (i % 20))) }, `small ${String(i)}`] }),
  );
  const nameOf = (i: number): string => `team/app${String(i)}`;
  for (let round = 0; round < 3; round += 1) {
    const acknowledged: number[] = [];
    const indexes = Array.from({ length: 10 }, (_, i) => round * 10 + i);
    const enough = Promise.withResolvers<undefined>();
    const push = async (i: number): Promise<void> => {
      await pushGraph(mirror.url, nameOf(i), 'v1', graphs[i]!);
      acknowledged.push(i);
      if (acknowledged.length > round * 3) enough.resolve(undefined);
    };
    const pushes = indexes.map((i) => push(i).catch(() => undefined));
    await enough.promise;
    await mirror.kill9();
    await Promise.all(pushes);
    await mirror.start();
    for (const i of acknowledged)
      expect((await pullGraph(mirror.url, `${nameOf(i)}:v1`)).digest).toBe(graphs[i]!.digest);
    for (const i of indexes) await pushGraph(mirror.url, nameOf(i), 'v1', graphs[i]!);
  }
  for (const [i, graph] of graphs.entries())
    expect((await pullGraph(mirror.url, `${nameOf(i)}:v1`)).digest).toBe(graph.digest);
  await mirror.stop();
  const { blobs } = await storedContent(mirror.dataDirectory);
  expect(blobs).toHaveLength(new Set(graphs.flatMap((graph) => [...graph.blobs.keys()])).size);
});

test('kill -9 during a chunked upload: it goes on after the last acknowledged chunk', async () => {
  const upstream = await startFakeUpstream();
  const mirror = await startMirrorProcess({ upstream });
  const bytes = bytesOf(randomContent('chunked', 3_000_000));
  const location = (await send('POST', `${mirror.url}/v2/team/app/blobs/uploads/`)).headers.location!;
  await send('PATCH', mirror.url + location, { body: bytes.subarray(0, 1_000_000) });
  const file = join(mirror.dataDirectory, 'incoming');
  const lost = send('PATCH', mirror.url + location, {
    body: bytes.subarray(1_000_000),
    broken: { after: 1_500_000, when: () => mirror.kill9() },
  });
  await expect(lost).rejects.toThrow();
  await mirror.start();
  expect((await send('GET', mirror.url + location)).headers.range).toBe('0-999999');
  const headers = { 'content-range': '1000000-2999999' };
  await send('PATCH', mirror.url + location, { body: bytes.subarray(1_000_000), headers });
  const done = await send('PUT', `${mirror.url}${location}?digest=${digestOf(bytes)}`);
  expect(done.status).toBe(201);
  expect(await readdir(file)).toEqual([]);
});

test('the newest connection of an upload takes it over from one that does not end', async () => {
  const upstream = await startFakeUpstream();
  const mirror = await startTempMirror({ upstream });
  const location = mirror.url + (await send('POST', `${mirror.url}/v2/team/app/blobs/uploads/`)).headers.location!;
  const offset = async (): Promise<number> => {
    const { headers } = await send('GET', location);
    return Number(headers.range!.split('-')[1]) + 1;
  };
  const never = Promise.withResolvers<undefined>();
  const bytes = bytesOf(randomContent('taken over', 4_000_000));
  const broken = { after: 2_500_000, when: () => never.promise };
  const stuck = expect(send('PATCH', location, { body: bytes, broken })).rejects.toThrow();
  while ((await offset()) < 1_000_000);
  // asked for with bytes, so that it gets the turn; what the other had sent by then stays
  const wrong = await send('PATCH', location, { body: 'x', headers: { 'content-range': '9000000-9000000' } });
  expect([wrong.status, codes(wrong)]).toEqual([416, ['RANGE_INVALID']]);
  await stuck;
  const from = await offset();
  const headers = { 'content-range': `${String(from)}-${String(bytes.length - 1)}` };
  expect((await send('PATCH', location, { body: bytes.subarray(from), headers })).status).toBe(202);
  expect((await send('PUT', `${location}?digest=${digestOf(bytes)}`)).status).toBe(201);
});

test.skipIf(smallDiskMissing() !== undefined)(
  'a push that the disk has no room for is refused in words, pulls go on, and it works once there is room',
  async () => {
    const upstream = await startFakeUpstream();
    const storageDirectory = await smallDisk(12_000_000);
    const mirror = await startTempMirror({ upstream, settings: { storageDirectory, freeSpaceFloor: '1 MB' } });
    const push = (seed: string, size: number) => {
      const body = bytesOf(randomContent(seed, size));
      return send('POST', `${mirror.url}/v2/team/app/blobs/uploads/?digest=${digestOf(body)}`, { body });
    };
    expect((await push('first', 6_000_000)).status).toBe(201);
    const refused = await push('second', 6_000_000);
    expect([refused.status, refused.body.toString()]).toEqual([507, expect.stringContaining('nearly full')]);
    const first = digestOf(bytesOf(randomContent('first', 6_000_000)));
    expect((await mirror.get(`/v2/team/app/blobs/${first}`)).status).toBe(200);
    expect((await send('DELETE', `${mirror.url}/v2/team/app/blobs/${first}`)).status).toBe(202);
    expect((await push('second', 6_000_000)).status).toBe(201);
  },
);
