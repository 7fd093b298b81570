import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesOf, randomContent } from '../../support/content.ts';
import { cleanDisk, compareDisk } from '../../support/disk-check.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image, index } from '../../support/image-builder.ts';
import type { Graph } from '../../support/image-builder.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from '../api/admin-client.ts';
import { codes, digestOf, send } from '../protocol/client.ts';

const hour = 3_600_000;
const day = 24 * hour;
const appImage = (name: string): Graph => image({ layers: [{ content: randomContent(name, 20_000) }, 'base'] });
const bytesIn = (...graphs: readonly Graph[]): number => {
  const blobs = new Map(graphs.flatMap((graph) => [...graph.blobs]));
  return [...blobs.values()].reduce((sum, content) => sum + content.size, 0);
};

/** A mirror an hour after its start, when everything may be collected; by itself it never does. Files are as old as they are. */
async function startCollected(settings = {}) {
  const clock = new FakeClock(Date.now() - hour);
  const mirror = await startTempMirror({ clock, settings: { gc: { every: '0s' }, ...settings } });
  await clock.advance(hour);
  const admin = new AdminClient(mirror.adminUrl);
  return { clock, mirror, admin, collect: (dryRun = false) => admin.call('collectGarbage', { body: { dryRun } }) };
}

/** The last hour by both clocks, what is before it by the wall clock alone: a timer for each second of a month takes its time. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  clock.jump(ms - hour - 1);
  await clock.advance(hour + 1);
}

async function upload(mirror: TempMirror, repository: string, body: Buffer): Promise<string> {
  const digest = digestOf(body);
  const { status } = await send('POST', `${mirror.url}/v2/${repository}/blobs/uploads/?digest=${digest}`, { body });
  expect(status).toBe(201);
  return digest;
}

describe('a garbage collection', () => {
  it('previews exactly what it then removes, and the disk has what the rows say', async () => {
    const { clock, mirror, collect } = await startCollected();
    const [old, next] = [appImage('old'), appImage('next')];
    await pushGraph(mirror.url, 'team/app', 'v1', old);
    await pushGraph(mirror.url, 'team/app', 'v1', next);
    await pass(clock, 29 * day);
    expect((await collect()).itemsTotal).toBe(0);
    await pass(clock, 2 * day);
    const preview = await collect(true);
    expect(compareDisk(mirror.dataDirectory)).toMatchObject(cleanDisk(bytesIn(old, next)));
    const collected = await collect();
    expect(collected).toEqual(preview);
    expect(collected.items.map(({ name, bytes }) => `${name} ${String(bytes)}`)).toEqual([
      `team/app@${old.digest} 0`,
      `blob ${old.layers[0]!.digest} 20000`,
    ]);
    expect(collected.freedBytes).toBe(20_000);
    expect(compareDisk(mirror.dataDirectory)).toMatchObject(cleanDisk(bytesIn(next)));
    expect((await mirror.pull('team/app:v1')).digest).toBe(next.digest);
    expect((await collect()).itemsTotal).toBe(0);
    const lines = await mirror.audit({ event: 'artifact_delete', client_ip: '127.0.0.1' }, 2);
    expect(lines.map((line) => line['artifact'])).toEqual([`team/app@${old.digest}`, 'storage']);
  });

  it('takes an index with its images, and leaves the image that has a tag of its own', async () => {
    const { clock, mirror, collect } = await startCollected();
    const [amd64, arm64] = [appImage('amd64'), appImage('arm64')];
    await pushGraph(mirror.url, 'team/app', 'v1', index([amd64, arm64]));
    await pushGraph(mirror.url, 'team/app', 'arm', arm64);
    await pushGraph(mirror.url, 'team/app', 'v1', appImage('other'));
    await pass(clock, 31 * day);
    const { items } = await collect();
    expect(items.map(({ name }) => name)).toContain(`team/app@${amd64.digest}`);
    expect((await mirror.pull('team/app:arm')).digest).toBe(arm64.digest);
    expect((await mirror.get(`/v2/team/app/manifests/${amd64.digest}`)).status).toBe(404);
  });

  it('drops what a client deleted once it is not kept any longer', async () => {
    const { clock, mirror, collect } = await startCollected();
    const graph = appImage('deleted');
    await pushGraph(mirror.url, 'team/app', 'v1', graph);
    expect((await send('DELETE', `${mirror.url}/v2/team/app/manifests/${graph.digest}`)).status).toBe(202);
    await pass(clock, 29 * day);
    expect((await collect()).freedBytes).toBe(0);
    await pass(clock, 2 * day);
    const preview = await collect(true);
    expect(await collect()).toEqual(preview);
    expect(preview.freedBytes).toBe(bytesIn(graph));
    expect(compareDisk(mirror.dataDirectory)).toMatchObject(cleanDisk(0));
  });

  it('leaves what was pushed by digest, also when a tag had left it before', async () => {
    const { clock, mirror, collect } = await startCollected();
    const graph = appImage('by digest');
    await pushGraph(mirror.url, 'team/app', 'v1', graph);
    expect((await send('DELETE', `${mirror.url}/v2/team/app/manifests/v1`)).status).toBe(202);
    await pass(clock, day);
    await pushGraph(mirror.url, 'team/app', graph.digest, graph);
    await pass(clock, 60 * day);
    expect((await collect()).itemsTotal).toBe(0);
    expect((await mirror.pull(`team/app@${graph.digest}`)).digest).toBe(graph.digest);
  });

  it('leaves what is pulled by digest, and all of an index of which a part is pulled', async () => {
    const { clock, mirror, collect } = await startCollected();
    const child = appImage('child');
    const list = index([child, appImage('sibling')]);
    await pushGraph(mirror.url, 'team/app', 'v1', list);
    await pushGraph(mirror.url, 'team/app', 'v1', appImage('other'));
    await pass(clock, 20 * day);
    await mirror.pull(`team/app@${child.digest}`);
    await pass(clock, 20 * day);
    expect((await collect()).itemsTotal).toBe(0);
    await pass(clock, 20 * day);
    const { items } = await collect();
    expect(items.filter(({ bytes }) => bytes === 0)).toHaveLength(3);
  });

  it('leaves what is pinned', async () => {
    const { clock, mirror, admin, collect } = await startCollected();
    const graph = appImage('pinned');
    await pushGraph(mirror.url, 'team/app', 'v1', graph);
    await pushGraph(mirror.url, 'team/app', 'v1', appImage('other'));
    await admin.call('pin', { body: { repository: 'team/app', reference: graph.digest, pinned: true } });
    await pass(clock, 60 * day);
    expect((await collect()).itemsTotal).toBe(0);
  });

  it('runs by itself, in time, writes down what it did and goes on after a restart', async () => {
    const { clock, mirror, admin } = await startCollected({ gc: { every: '24h' }, history: { keepFor: '0s' } });
    const collected = async (last: number) => {
      for (;;) {
        const state = await admin.call('getGarbage');
        if (state.last !== undefined && state.last.startedAt > last) return state;
        await clock.advance(1000);
      }
    };
    const first = await collected(0);
    expect(first.nextAt! - first.last!.startedAt).toBe(24 * hour);
    const graph = appImage('gone');
    await pushGraph(mirror.url, 'team/app', 'v1', graph);
    await send('DELETE', `${mirror.url}/v2/team/app/manifests/v1`);
    await pass(clock, 23 * hour);
    await mirror.restart();
    expect((await admin.call('getGarbage')).last).toEqual(first.last);
    await clock.advance(2 * hour);
    const second = await collected(first.last!.startedAt);
    expect(second.last).toMatchObject({ freedBytes: bytesIn(graph) });
    const lines = await mirror.audit({ event: 'artifact_delete', user: 'housekeeping' }, 2);
    expect(lines.map((line) => line['artifact'])).toEqual([`team/app@${graph.digest}`, 'storage']);
  });
});

describe('beside a garbage collection', () => {
  it('a blob that is uploaded long before its manifest is there as long as gc.delay says, and no longer', async () => {
    const { clock, mirror, collect } = await startCollected();
    const digest = await upload(mirror, 'team/app', bytesOf(randomContent('early', 5000)));
    await clock.advance(hour);
    expect((await collect()).itemsTotal).toBe(0);
    await clock.advance(1);
    expect((await collect()).items).toEqual([{ name: `blob ${digest}`, why: 'no manifest needs it', bytes: 5000 }]);
    expect((await mirror.head(`/v2/team/app/blobs/${digest}`)).status).toBe(404);
  });

  it.each([
    ['HEAD', (mirror: TempMirror, digest: string) => mirror.head(`/v2/team/app/blobs/${digest}`)],
    ['GET', (mirror: TempMirror, digest: string) => mirror.get(`/v2/team/app/blobs/${digest}`)],
    [
      'GET from memory',
      async (mirror: TempMirror, digest: string) => {
        await mirror.get(`/v2/team/app/blobs/${digest}`);
        return mirror.get(`/v2/team/app/blobs/${digest}`);
      },
    ],
    [
      'a mount',
      (mirror: TempMirror, digest: string) =>
        send('POST', `${mirror.url}/v2/team/app/blobs/uploads/?mount=${digest}&from=team/app`),
    ],
    [
      'an upload of it',
      (mirror: TempMirror) =>
        send('POST', `${mirror.url}/v2/team/app/blobs/uploads/?digest=${digestOf(early)}`, { body: early }),
    ],
  ] as const)('a client that was told of a blob by %s pushes the manifest that needs it', async (_how, tell) => {
    const { clock, mirror, collect } = await startCollected();
    const graph = image({ layers: [{ content: randomContent('early', 5000) }] });
    await upload(mirror, 'team/app', early);
    await clock.advance(hour);
    expect((await tell(mirror, digestOf(early))).status).toBeLessThan(300);
    await clock.advance(hour);
    expect((await collect()).itemsTotal).toBe(0);
    await pushGraph(mirror.url, 'team/app', 'v1', graph);
    expect((await mirror.pull('team/app:v1')).digest).toBe(graph.digest);
  });

  it('a blob that is mounted elsewhere goes from where nothing needs it, and stays there', async () => {
    const { clock, mirror, collect } = await startCollected();
    const graph = image({ layers: [{ content: randomContent('early', 5000) }] });
    await upload(mirror, 'team/base', early);
    const mount = `${mirror.url}/v2/team/app/blobs/uploads/?mount=${digestOf(early)}&from=team/base`;
    expect((await send('POST', mount)).status).toBe(201);
    await pushGraph(mirror.url, 'team/app', 'v1', graph);
    await clock.advance(2 * hour);
    const preview = await collect(true);
    expect(await collect()).toEqual(preview);
    expect(preview.items).toEqual([
      { name: `team/base@${digestOf(early)}`, why: 'no manifest of this repository needs it', bytes: 0 },
    ]);
    expect((await mirror.pull('team/app:v1')).digest).toBe(graph.digest);
    const gone = await mirror.get(`/v2/team/base/blobs/${digestOf(early)}`);
    expect([gone.status, codes(gone)]).toEqual([404, ['BLOB_UNKNOWN']]);
  });

  it('an image that is being pulled while its tag moves stays until it is pulled', async () => {
    const { clock, mirror, collect } = await startCollected({ history: { keepFor: '0s' } });
    const graph = appImage('being pulled');
    await pushGraph(mirror.url, 'team/app', 'v1', graph);
    await clock.advance(2 * hour);
    expect((await mirror.get('/v2/team/app/manifests/v1')).status).toBe(200);
    await pushGraph(mirror.url, 'team/app', 'v1', appImage('other'));
    expect((await collect()).itemsTotal).toBe(0);
    expect((await mirror.get(`/v2/team/app/blobs/${graph.layers[0]!.digest}`)).status).toBe(200);
    await clock.advance(hour + 1);
    expect((await collect()).freedBytes).toBe(20_000);
  });

  it('a blob of an upstream that nothing needs is fetched again when it is', async () => {
    const upstream = await startFakeUpstream();
    const graph = appImage('pulled');
    upstream.add('app', 'v1', graph);
    const clock = new FakeClock(Date.now());
    const mirror = await startTempMirror({ clock, upstream, settings: { gc: { every: '0s' } } });
    const path = `/v2/app/blobs/${graph.layers[0]!.digest}`;
    const admin = new AdminClient(mirror.adminUrl);
    expect((await mirror.get(path)).status).toBe(200);
    // the client has its last byte before the store has the row
    await expect.poll(async () => (await admin.call('getStorage')).contentBytes).toBe(20_000);
    await clock.advance(2 * hour);
    const collected = await admin.call('collectGarbage', { body: {} });
    expect(collected.freedBytes).toBe(20_000);
    expect((await mirror.get(path)).body.length).toBe(20_000);
    expect((await mirror.pull('app:v1')).digest).toBe(graph.digest);
  });

  it('nothing that a client may have been told of before the start goes', async () => {
    const { clock, mirror, collect } = await startCollected();
    await upload(mirror, 'team/app', early);
    await clock.advance(2 * hour);
    expect((await mirror.head(`/v2/team/app/blobs/${digestOf(early)}`)).status).toBe(200);
    await mirror.restart();
    expect(await collect()).toEqual({ items: [], itemsTotal: 0, freedBytes: 0, postponedUntil: clock.now() + hour });
    await clock.advance(hour);
    expect((await collect()).freedBytes).toBe(5000);
  });
});

describe('leftovers', () => {
  it('files without a row and what is left in incoming/ go, rows without a file too, and new files stay', async () => {
    const { clock, mirror, collect } = await startCollected();
    const graph = appImage('kept');
    await pushGraph(mirror.url, 'team/app', 'v1', graph);
    const at = (...parts: readonly string[]) => join(mirror.dataDirectory, ...parts);
    const hex = graph.layers[0]!.digest.slice('sha256:'.length);
    const stray = `${hex.slice(0, 2)}${'0'.repeat(62)}`;
    const old = [
      'blobs/sha256/' + hex.slice(0, 2) + '/' + stray,
      `incoming/sha256-${'1'.repeat(64)}.part`,
      'incoming/9-9.gone',
    ];
    for (const path of old) writeFileSync(at(path), 'left over');
    expect((await collect()).itemsTotal).toBe(0);
    await clock.advance(2 * hour);
    writeFileSync(at('incoming/upload-new.part'), 'new');
    utimesSync(at('incoming/upload-new.part'), clock.now() / 1000, clock.now() / 1000);
    const preview = await collect(true);
    expect(await collect()).toEqual(preview);
    expect(preview.items.map(({ name }) => name).sort()).toEqual([
      `blob sha256:${stray}`,
      'incoming/9-9.gone',
      `incoming/sha256-${'1'.repeat(64)}.part`,
    ]);
    expect(preview.freedBytes).toBe(27);
    expect(compareDisk(mirror.dataDirectory)).toMatchObject({
      ...cleanDisk(bytesIn(graph)),
      leftovers: ['upload-new.part'],
    });
  });
});

const early = bytesOf(randomContent('early', 5000));
