import { describe, expect, test } from 'vitest';
import { randomContent } from '../../support/content.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import type { Graph } from '../../support/image-builder.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';
import type { FakeUpstream } from '../../support/fake-upstream/upstream.ts';
import { hasBlobFile } from '../registry/stored-content.ts';
import { AdminClient } from './admin-client.ts';

const mebibyte = 1024 * 1024;
const sized = (seed: string): Graph => image({ layers: [{ content: randomContent(seed, mebibyte) }], config: seed });

async function filled(
  settings: { readonly storageCap?: string } = {},
): Promise<{ mirror: TempMirror; admin: AdminClient; upstream: FakeUpstream }> {
  const upstream = await startFakeUpstream();
  const mirror = await startTempMirror({ upstream, settings });
  for (const name of ['one', 'two', 'three']) {
    upstream.add(`acme/${name}`, 'v1', sized(name));
    await mirror.pull(`acme/${name}:v1`);
  }
  await pushGraph(mirror.url, 'team/app', 'v1', sized('pushed'));
  return { mirror, admin: new AdminClient(mirror.adminUrl), upstream };
}

describe('the storage of a mirror', () => {
  test('is told as cached and pushed bytes, with the limits in words', async () => {
    const { admin } = await filled();
    const view = await admin.call('getStorage');
    expect(view).toMatchObject({
      cachedBytes: 3 * mebibyte + 'onetwothree'.length,
      pushedBytes: mebibyte + 'pushed'.length,
      keptBytes: 0,
      pinnedBytes: 0,
      incomingBytes: 0,
      capBytes: 0,
      settings: { storageCap: '0 B', freeSpaceFloor: '512 MiB', historyKeepFor: '30d', gcDelay: '1h' },
      locked: [],
    });
    expect(view.usedBytes).toBe(view.contentBytes);
  });

  test('tells what is pinned, and what only an earlier content of a tag needs', async () => {
    const { mirror, admin, upstream } = await filled();
    upstream.add('acme/two', 'v1', sized('two, moved'));
    await admin.call('refreshTag', { body: { repository: 'up.test/acme/two', reference: 'v1' } });
    await mirror.pull('acme/two:v1');
    await admin.call('pin', { body: { repository: 'up.test/acme/one', reference: 'v1', pinned: true } });
    expect(await admin.call('getStorage')).toMatchObject({
      pinnedBytes: mebibyte + 'one'.length,
      keptBytes: mebibyte + 'two'.length,
    });
  });

  test('names what goes next, what was pulled longest ago first', async () => {
    const { mirror, admin } = await filled();
    await mirror.pull('acme/one:v1');
    const { rows, more } = await admin.call('listEvictions', { query: { limit: 2 } });
    expect({ rows: rows.map(({ repository, references, bytes }) => [repository, references, bytes]), more }).toEqual({
      rows: [
        ['up.test/acme/two', ['v1'], mebibyte + 'two'.length],
        ['up.test/acme/three', ['v1'], mebibyte + 'three'.length],
      ],
      more: true,
    });
  });

  test('previews a lower cap, and takes exactly that when it is set; with an audit line for each', async () => {
    const { mirror, admin } = await filled();
    const preview = await admin.call('listEvictions', { query: { cap: '3 MiB' } });
    expect(preview.rows.map((row) => row.repository)).toEqual(['up.test/acme/one', 'up.test/acme/two']);
    const { usedBytes } = await admin.call('getStorage');
    const view = await admin.call('setStorage', { body: { storageCap: '3 MiB' } });
    expect(view).toMatchObject({ capBytes: 3 * mebibyte, evictedImages: 2, usedBytes: usedBytes - preview.bytes });
    expect(hasBlobFile(mirror.dataDirectory, sized('one').layers[0]!.digest)).toBe(false);
    expect(hasBlobFile(mirror.dataDirectory, sized('three').layers[0]!.digest)).toBe(true);
    const gone = await mirror.audit({ event: 'artifact_delete', user: 'housekeeping' }, 2);
    expect(gone.map((line) => line['artifact'])).toEqual(['up.test/acme/one:v1', 'up.test/acme/two:v1']);
    await mirror.audit({ event: 'config_change', artifact: 'storageCap', detail: '0 B became 3 MiB' }, 1);
    // nothing warm answers for what is gone
    expect((await mirror.pull('acme/one:v1')).digest).toBe(sized('one').digest);
  });

  test('says by how much a cap is missed, evicts all that may go, and asks for attention', async () => {
    const { mirror, admin } = await filled();
    const preview = await admin.call('listEvictions', { query: { cap: '512 KiB' } });
    expect([preview.total, preview.shortBytes]).toEqual([3, mebibyte / 2 + 'pushed'.length]);
    await admin.call('setStorage', { body: { storageCap: '512 KiB' } });
    expect(await admin.call('getStorage')).toMatchObject({ cachedBytes: 0, pushedBytes: mebibyte + 'pushed'.length });
    expect(mirror.app.status().attention.map((item) => item.id)).toContain('storage-cap');
    expect((await mirror.pull('team/app:v1')).digest).toBe(sized('pushed').digest);
  });

  test('keeps its limits over a restart', async () => {
    const { mirror, admin } = await filled();
    await admin.call('setStorage', { body: { freeSpaceFloor: '1 MiB', storageCap: '100 MiB' } });
    await mirror.restart();
    const { settings } = await new AdminClient(mirror.adminUrl).call('getStorage');
    expect(settings).toMatchObject({ freeSpaceFloor: '1 MiB', storageCap: '100 MiB' });
  });

  test('evicts when it starts with a lower cap, which the window can not change then', async () => {
    const { mirror } = await filled();
    await mirror.stop();
    const { dataDirectory } = mirror;
    const again = await startTempMirror({
      dataDirectory,
      settings: { storageCap: '3 MiB' },
      givenSettings: new Set(['storageCap']),
    });
    await again.audit({ event: 'artifact_delete', user: 'housekeeping' }, 2);
    const admin = new AdminClient(again.adminUrl);
    expect(await admin.call('getStorage')).toMatchObject({ locked: ['storageCap'], evictedImages: 2 });
    expect(await admin.fail('setStorage', { body: { storageCap: '0 B' } })).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test.each([
    [{ storageCap: 'lots' }],
    [{ storageCap: '5 MiB', freeSpaceFloor: '-1' }],
    [{ gcEvery: 'often', storageCap: '5 MiB' }],
  ])('refuses %j with one sentence each, and changes nothing', async (body) => {
    const { admin } = await filled();
    const before = await admin.call('getStorage');
    expect(await admin.fail('setStorage', { body })).toMatchObject({ code: 'CONFIG_INVALID' });
    const after = await admin.call('getStorage');
    expect(after.settings).toEqual(before.settings);
    expect(after.contentBytes).toBe(before.contentBytes);
  });
});
