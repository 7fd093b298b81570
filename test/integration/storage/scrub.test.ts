import { existsSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { openDatabase } from '../../../server/db/database.ts';
import { isDigest } from '../../../server/oci/digest.ts';
import { layoutOf } from '../../../server/storage/layout.ts';
import { randomContent } from '../../support/content.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import type { Graph } from '../../support/image-builder.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from '../api/admin-client.ts';

const size = 3_000_000;
/** Nothing but what is pushed. */
const alone = { settings: { upstreamRegistry: '', upstreams: [] } };

function appOf(seed: string): Graph {
  return image({ layers: [{ content: randomContent(seed, size) }, { content: randomContent(`${seed} small`, 900) }] });
}

function pathOf(mirror: TempMirror, digest: string): string {
  if (!isDigest(digest)) throw new Error(`${digest} is not a digest`);
  return layoutOf(mirror.dataDirectory, '').blob(digest);
}

function flipByte(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

const harms = [
  ['one flipped byte', 'wrong bytes', (path: string) => flipByte(path, 1_500_000)],
  ['a cut file', 'wrong size', (path: string) => truncateSync(path, 1_000_000)],
  ['a lost file', 'missing', (path: string) => rmSync(path)],
] as const;

/** Pulls the graph and waits until all of it is in the store. */
async function held(mirror: TempMirror, app: Graph): Promise<void> {
  await mirror.pull('team/app:v1');
  const admin = new AdminClient(mirror.adminUrl);
  for (;;) {
    const { repositories } = await admin.call('listRepositories');
    const bytes = [...app.blobs.values()].reduce((sum, blob) => sum + blob.size, 0);
    if (repositories[0]?.bytes === bytes) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function scrubbed(mirror: TempMirror): Promise<RouteResponse<'startScrub'>> {
  return new AdminClient(mirror.adminUrl).call('startScrub', { body: { wait: true, rate: '0 B' } });
}

async function quarantine(mirror: TempMirror): Promise<string[]> {
  return readdir(join(mirror.dataDirectory, 'quarantine')).catch(() => []);
}

describe.each(harms)('%s', (_, reason, harm) => {
  test('of cached content is found, and fetched again by its digest', async () => {
    const upstream = await startFakeUpstream();
    const app = appOf('cached');
    upstream.add('team/app', 'v1', app);
    const mirror = await startTempMirror({ upstream });
    await held(mirror, app);
    const layer = app.layers[0]!.digest;
    harm(pathOf(mirror, layer));
    const before = upstream.count({ kind: 'blob', reference: layer });
    const state = await scrubbed(mirror);
    expect(upstream.count({ kind: 'blob', reference: layer })).toBe(before + 1);
    expect(state).toMatchObject({ running: false, checkedBlobs: 3, totalBlobs: 3, unrepaired: 0 });
    expect(state.damaged).toEqual([
      {
        digest: layer,
        kind: 'blob',
        size,
        foundAt: expect.any(Number) as number,
        reason,
        repairedAt: expect.any(Number) as number,
        breaks: [],
      },
    ]);
    expect(await quarantine(mirror)).toEqual([]);
    await upstream.stop();
    expect((await mirror.pull('team/app:v1')).digest).toBe(app.digest);
    const [damaged] = await mirror.audit({ event: 'blob_damaged', digest: layer });
    expect(damaged).toMatchObject({ outcome: 'failed', user: 'housekeeping' });
    await mirror.audit({ event: 'blob_repaired', digest: layer, outcome: 'ok' });
  });

  test('of pushed content is found, named with the tags it breaks, and mended by the next push', async () => {
    const mirror = await startTempMirror(alone);
    const app = appOf('pushed');
    await pushGraph(mirror.url, 'team/own', ['v1', 'v2'], app);
    const layer = app.layers[0]!.digest;
    const path = pathOf(mirror, layer);
    harm(path);
    const state = await scrubbed(mirror);
    expect(state.unrepaired).toBe(1);
    expect(state.damaged).toMatchObject([{ digest: layer, reason, breaks: ['team/own:v1', 'team/own:v2'] }]);
    expect(await quarantine(mirror)).toHaveLength(reason === 'missing' ? 0 : 1);
    const status = await new AdminClient(mirror.adminUrl).call('getStatus');
    expect(status.attention.map(({ id }) => id)).toEqual(['damage']);
    const pulled = await mirror.get(`/v2/team/own/blobs/${layer}`);
    expect(pulled.status).toBe(404);
    await pushGraph(mirror.url, 'team/own', 'v1', app);
    const after = await new AdminClient(mirror.adminUrl).call('getScrub');
    expect({
      unrepaired: after.unrepaired,
      repaired: after.damaged.map(({ repairedAt }) => typeof repairedAt),
    }).toEqual({
      unrepaired: 0,
      repaired: ['number'],
    });
    expect((await mirror.pull('team/own:v2')).digest).toBe(app.digest);
    expect(await quarantine(mirror)).toEqual([]);
  });
});

test('a lost small blob that was warm in memory is not served from there any more', async () => {
  const mirror = await startTempMirror(alone);
  const app = appOf('warm');
  await pushGraph(mirror.url, 'team/own', 'v1', app);
  const small = app.layers[1]!.digest;
  for (let count = 0; count < 3; count += 1) await mirror.get(`/v2/team/own/blobs/${small}`);
  flipByte(pathOf(mirror, small), 100);
  await scrubbed(mirror);
  expect((await mirror.get(`/v2/team/own/blobs/${small}`)).status).toBe(404);
});

test('a cached manifest whose bytes rotted in the database comes again from its upstream', async () => {
  const upstream = await startFakeUpstream();
  const app = appOf('manifest');
  upstream.add('team/app', 'v1', app);
  const mirror = await startTempMirror({ upstream });
  await held(mirror, app);
  rotManifest(mirror, app);
  const state = await scrubbed(mirror);
  expect(state.damaged).toMatchObject([
    { digest: app.digest, kind: 'manifest', repairedAt: expect.any(Number) as number },
  ]);
  await upstream.stop();
  expect((await mirror.pull('team/app:v1')).digest).toBe(app.digest);
});

test('a pull meets a rotten manifest that is set aside as one that is not held, and brings it back', async () => {
  const upstream = await startFakeUpstream();
  const app = appOf('manifest later');
  upstream.add('team/app', 'v1', app);
  const mirror = await startTempMirror({ upstream });
  await held(mirror, app);
  rotManifest(mirror, app);
  const script = upstream.script({ match: { kind: 'manifest' }, fault: { status: 503 } });
  expect((await scrubbed(mirror)).unrepaired).toBe(1);
  script.remove();
  const admin = new AdminClient(mirror.adminUrl);
  await admin.call('retryUpstream', { body: { name: 'up.test' } });
  expect((await mirror.pull('team/app:v1')).digest).toBe(app.digest);
  expect((await admin.call('getScrub')).unrepaired).toBe(0);
});

test('what no upstream could give is asked for again by "Repair now"', async () => {
  const upstream = await startFakeUpstream();
  const app = appOf('later');
  upstream.add('team/app', 'v1', app);
  const mirror = await startTempMirror({ upstream });
  await held(mirror, app);
  const layer = app.layers[0]!.digest;
  flipByte(pathOf(mirror, layer), 7);
  const script = upstream.script({ match: { kind: 'blob', reference: layer }, fault: { status: 503 } });
  const first = await scrubbed(mirror);
  expect(first.damaged).toMatchObject([{ breaks: ['up.test/team/app:v1'], problem: expect.any(String) as string }]);
  script.remove();
  const admin = new AdminClient(mirror.adminUrl);
  await admin.call('retryUpstream', { body: { name: 'up.test' } });
  expect((await admin.call('repairDamaged', { body: {} })).unrepaired).toBe(0);
});

test('an upstream that sends wrong bytes repairs nothing', async () => {
  const upstream = await startFakeUpstream();
  const app = appOf('bad source');
  upstream.add('team/app', 'v1', app);
  const mirror = await startTempMirror({ upstream });
  await held(mirror, app);
  const layer = app.layers[0]!.digest;
  flipByte(pathOf(mirror, layer), 7);
  upstream.script({ match: { kind: 'blob', reference: layer }, fault: { flipByteAt: 40 } });
  expect(await scrubbed(mirror)).toMatchObject({ unrepaired: 1, damaged: [{ digest: layer, reason: 'wrong bytes' }] });
  expect(existsSync(pathOf(mirror, layer))).toBe(false);
});

test('a client that reads a blob while it is found rotten does not complete', async () => {
  const mirror = await startTempMirror(alone);
  const content = randomContent('long', 40_000_000);
  const app = image({ layers: [{ content }] });
  await pushGraph(mirror.url, 'team/own', 'v1', app);
  const layer = app.layers[0]!.digest;
  flipByte(pathOf(mirror, layer), 39_000_000);
  const response = await fetch(`${mirror.url}/v2/team/own/blobs/${layer}`);
  const reader = response.body!.getReader();
  await reader.read();
  await scrubbed(mirror);
  const read = (async () => {
    for (;;) if ((await reader.read()).done) return 'complete';
  })();
  await expect(read).rejects.toThrow();
});

test('goes on after a restart without reading again what was proved', async () => {
  const mirror = await startTempMirror({ settings: { ...alone.settings, scrub: { rate: '0 B' } } });
  const apps = ['a', 'b', 'c'].map((seed) => appOf(seed));
  for (const [index, app] of apps.entries()) await pushGraph(mirror.url, `team/own${String(index)}`, 'v1', app);
  const admin = new AdminClient(mirror.adminUrl);
  // slow enough that it can't end before it is stopped
  await admin.call('startScrub', { body: { rate: '500 KB' } });
  const middle = await until(admin, ({ checkedBlobs }) => checkedBlobs > 0);
  await mirror.stop();
  const proved = provedBlobs(mirror);
  expect(proved.length).toBeGreaterThanOrEqual(middle.checkedBlobs);
  expect(proved.length).toBeLessThan(7);
  await mirror.start();
  const again = new AdminClient(mirror.adminUrl);
  const end = await until(again, ({ running, lastFinishedAt }) => !running && lastFinishedAt !== undefined);
  expect(end).toMatchObject({ startedAt: middle.startedAt, checkedBlobs: 7, totalBlobs: 7, unrepaired: 0 });
  // the time of their proof is the one of before
  expect(provedBlobs(mirror)).toEqual(expect.arrayContaining(proved));
  const metrics = await (await fetch(`${mirror.adminUrl}/metrics`)).text();
  const reread = Number(/^zhi_mirror_scrub_checked_bytes_total (\d+)/m.exec(metrics)?.[1]);
  expect(reread).toBeLessThanOrEqual(end.totalBytes - proved.reduce((sum, blob) => sum + blob.size, 0));
});

test('a stopped round is not gone on with until somebody starts it', async () => {
  const mirror = await startTempMirror(alone);
  await pushGraph(mirror.url, 'team/own', 'v1', appOf('stopped'));
  const admin = new AdminClient(mirror.adminUrl);
  await admin.call('startScrub', { body: { rate: '4 KiB' } });
  const stopped = await admin.call('stopScrub', { body: {} });
  expect(stopped.running).toBe(false);
  await mirror.restart();
  const after = await new AdminClient(mirror.adminUrl).call('getScrub');
  expect({ running: after.running, startedAt: after.startedAt }).toEqual({
    running: false,
    startedAt: stopped.startedAt,
  });
  expect(await scrubbed(mirror)).toMatchObject({ startedAt: stopped.startedAt, checkedBlobs: 3, unrepaired: 0 });
});

test('a pushed blob that was lost while the mirror was stopped is listed with what it breaks', async () => {
  const mirror = await startTempMirror(alone);
  const app = appOf('lost');
  await pushGraph(mirror.url, 'team/own', 'v1', app);
  const layer = app.layers[0]!.digest;
  await mirror.stop();
  rmSync(pathOf(mirror, layer));
  await mirror.start();
  const state = await new AdminClient(mirror.adminUrl).call('getScrub');
  expect(state.damaged).toMatchObject([{ digest: layer, reason: 'missing', breaks: ['team/own:v1'] }]);
});

test('a folder of blobs that is gone takes no blob with it', async () => {
  const mirror = await startTempMirror(alone);
  const app = appOf('unmounted');
  await pushGraph(mirror.url, 'team/own', 'v1', app);
  const layout = layoutOf(mirror.dataDirectory, '');
  renameSync(layout.blobs, `${layout.blobs}.away`);
  const state = await scrubbed(mirror);
  renameSync(`${layout.blobs}.away`, layout.blobs);
  expect(state).toMatchObject({ unrepaired: 0, damaged: [], problem: expect.any(String) as string });
  expect((await mirror.pull('team/own:v1')).digest).toBe(app.digest);
});

function rotManifest(mirror: TempMirror, app: Graph): void {
  const db = openDatabase(layoutOf(mirror.dataDirectory, '').database);
  try {
    const bytes = Buffer.from(app.bytes);
    bytes[10] = (bytes[10] ?? 0) ^ 1;
    db.prepare('UPDATE manifests SET content = ? WHERE digest = ?').run(bytes, app.digest);
  } finally {
    db.close();
  }
}

function provedBlobs(mirror: TempMirror): { digest: string; size: number; verified_at: number }[] {
  const db = openDatabase(layoutOf(mirror.dataDirectory, '').database, { migrate: false });
  try {
    return db
      .prepare<[], { digest: string; size: number; verified_at: number }>(
        'SELECT digest, size, verified_at FROM blobs WHERE verified_at IS NOT NULL ORDER BY digest',
      )
      .all();
  } finally {
    db.close();
  }
}

async function until(
  admin: AdminClient,
  accept: (state: RouteResponse<'getScrub'>) => boolean,
): Promise<RouteResponse<'getScrub'>> {
  for (;;) {
    const state = await admin.call('getScrub');
    if (accept(state)) return state;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
