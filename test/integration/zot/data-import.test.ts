import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { artifact, bigImage, dockerImage, helmChart, image, index, linuxArm64 } from '../../support/image-builder.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { smallDisk, smallDiskMissing } from '../../support/small-disk.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { blobPath, writeZotFolder } from '../../support/zot-folder.ts';
import { AdminClient } from '../api/admin-client.ts';
import { importData, importEnded, repositoryIn, snapshot } from './importing.ts';
import { jsonOf, registries, startZotMirror } from './zot-mirror.ts';

const app = image({ layers: ['app', 'shared'] });
const arm = image({ layers: ['arm', 'shared'], platform: linuxArm64 });
const multi = index([app, arm]);
const signature = artifact({ type: 'application/vnd.example.signature', subject: app });
const nothingNew = { tags: 0, manifests: 0, blobs: 0, bytes: 0, linkedBytes: 0, damaged: [], skipped: [] };

describe('a folder written by zot', () => {
  it('comes whole: images, an index, a chart, a Docker image, a referrer, nested names', async () => {
    const chart = helmChart();
    const docker = dockerImage({ layers: ['docker'] });
    const sha512 = image({ layers: ['long'], algorithm: 'sha512' });
    const folder = await writeZotFolder({
      'team/app': { tags: { v1: app, latest: app, multi }, untagged: [signature] },
      'team/app/nested/deep': { tags: { v1: arm } },
      'charts/web': { tags: { '1.2.3': chart } },
      dock: { tags: { v1: docker } },
      five: { tags: { v1: sha512 } },
    });
    const before = await snapshot(folder);
    const mirror = await startTempMirror();
    const result = await importData(mirror, { directory: folder });
    expect({
      state: result.state,
      passedOver: result.passedOver,
      names: result.repositories.map(({ name }) => name),
    }).toEqual({
      state: 'done',
      passedOver: [],
      names: ['charts/web', 'dock', 'five', 'team/app', 'team/app/nested/deep'],
    });
    expect(result.repositories.flatMap(({ damaged, skipped }) => [...damaged, ...skipped])).toEqual([]);
    expect(repositoryIn(result, 'team/app')).toMatchObject({ target: 'team/app', tags: 3, manifests: 4 });
    for (const [name, graph] of [
      ['team/app:v1', app],
      ['team/app:latest', app],
      ['team/app:multi', multi],
      [`team/app@${signature.digest}`, signature],
      ['team/app/nested/deep:v1', arm],
      ['charts/web:1.2.3', chart],
      ['dock:v1', docker],
      [`five@${sha512.digest}`, sha512],
    ] as const)
      expect((await mirror.pull(name)).digest).toBe(graph.digest);
    const referrers = (await jsonOf(mirror, `/v2/team/app/referrers/${app.digest}`)) as { manifests: unknown[] };
    expect(referrers.manifests).toEqual([expect.objectContaining({ digest: signature.digest })]);
    expect(await snapshot(folder)).toEqual(before);
    const [line] = await mirror.audit({ event: 'artifact_import', artifact: 'team/app' });
    expect(line?.['detail']).toBe(`from ${folder}: 3 tags, 4 manifests, 6 blobs`);
  });

  it('needs no room where hard links can be made, and each blob enters once', async () => {
    const folder = await writeZotFolder({ one: { tags: { v1: app } }, two: { tags: { v1: app } } });
    const mirror = await startTempMirror();
    const result = await importData(mirror, { directory: folder });
    const [config, layer, shared] = [app.config!, ...app.layers].map(({ size }) => size) as [number, number, number];
    expect(repositoryIn(result, 'one')).toMatchObject({
      blobs: 3,
      bytes: config + layer + shared,
      linkedBytes: config + layer + shared,
      sharedBlobs: 0,
    });
    expect(repositoryIn(result, 'two')).toMatchObject({ manifests: 1, tags: 1, blobs: 0, bytes: 0, sharedBlobs: 3 });
    const { digest } = app.layers[0]!;
    const hex = digest.slice('sha256:'.length);
    const ours = await stat(join(mirror.dataDirectory, 'blobs/sha256', hex.slice(0, 2), hex));
    expect(ours.ino).toBe((await stat(blobPath(folder, 'one', digest))).ino);
  });

  it('brings nothing new the second time, nor after a restart', async () => {
    const folder = await writeZotFolder({ 'team/app': { tags: { v1: app, multi }, untagged: [signature] } });
    const mirror = await startTempMirror();
    await importData(mirror, { directory: folder });
    await mirror.restart();
    const again = await importData(mirror, { directory: folder });
    expect(repositoryIn(again, 'team/app')).toMatchObject({ ...nothingNew, alreadyHeld: 4 });
  });

  it('is only looked at by a dry run, which gives names and bytes', async () => {
    const folder = await writeZotFolder({ one: { tags: { v1: app } }, two: { tags: { v1: app } } });
    const mirror = await startTempMirror();
    const result = await importData(mirror, { directory: folder, dryRun: true });
    const bytes = [app.config!, ...app.layers].reduce((sum, { size }) => sum + size, 0);
    expect(result.repositories.map(({ name, tags, manifests, bytes: own }) => [name, tags, manifests, own])).toEqual([
      ['one', 1, 1, bytes],
      ['two', 1, 1, 0],
    ]);
    expect(await jsonOf(mirror, '/v2/_catalog')).toEqual({ repositories: [] });
    const real = await importData(mirror, { directory: folder });
    expect(real.repositories.map(({ bytes: own }) => own)).toEqual([bytes, 0]);
  });

  it('loses nothing that was pushed here: a tag that points elsewhere stays', async () => {
    const folder = await writeZotFolder({ 'team/app': { tags: { v1: app, v2: arm } } });
    const mirror = await startTempMirror();
    const newer = image({ layers: ['newer'] });
    await pushGraph(mirror.url, 'team/app', 'v1', newer);
    const result = await importData(mirror, { directory: folder });
    expect(repositoryIn(result, 'team/app')).toMatchObject({
      tags: 1,
      skipped: [{ what: 'tag v1', why: `here it points at ${newer.digest}, and stays there` }],
    });
    expect((await mirror.pull('team/app:v1')).digest).toBe(newer.digest);
    expect((await mirror.pull('team/app:v2')).digest).toBe(arm.digest);
  });
});

describe('names', () => {
  it('that begin with an upstream, or that a rule made, are content of that upstream', async () => {
    const upstream = await startFakeUpstream();
    const old = image({ layers: ['old'] });
    const newer = image({ layers: ['newer'] });
    upstream.add('kube-proxy', 'v1', newer);
    const text = registries({ urls: [upstream.url], onDemand: true, content: [{ prefix: '**', destination: '/k8s' }] });
    const mirror = await startZotMirror(text);
    const folder = await writeZotFolder({ 'k8s/kube-proxy': { tags: { v1: old } }, own: { tags: { v1: app } } });
    const result = await importData(mirror, { directory: folder });
    expect(result.repositories.map(({ target, upstream: from }) => [target, from])).toEqual([
      ['k8s/kube-proxy', upstream.host],
      ['own', undefined],
    ]);
    expect((await mirror.pull(`k8s/kube-proxy@${old.digest}`)).digest).toBe(old.digest);
    expect(upstream.count({ kind: 'blob' })).toBe(0);
    expect((await mirror.pull('own:v1')).digest).toBe(app.digest);
  });

  it('of an upstream keep their tags no longer than the upstream says', async () => {
    const upstream = await startFakeUpstream();
    const newer = image({ layers: ['newer'] });
    upstream.add('org/app', 'v1', newer);
    const mirror = await startTempMirror({ upstream, upstreamSettings: { ttl: '1ms' } });
    const folder = await writeZotFolder({ 'up.test/org/app': { tags: { v1: app } } });
    await importData(mirror, { directory: folder });
    expect((await mirror.pull('up.test/org/app:v1')).digest).toBe(newer.digest);
    await upstream.stop();
    expect((await mirror.pull(`up.test/org/app@${app.digest}`)).digest).toBe(app.digest);
  });

  it.each<[string, string, RegExp]>([
    ['of a host that is no upstream', 'unknown.test/app', /unknown\.test is no upstream here; add it/],
    ['that are no names of repositories', 'Team/App', /invalid repository name/],
  ])('%s are passed over with the reason', async (_, name, why) => {
    const mirror = await startTempMirror();
    const folder = await writeZotFolder({ [name]: { tags: { v1: app } }, own: { tags: { v1: app } } });
    const result = await importData(mirror, { directory: folder });
    expect(result.passedOver).toEqual([{ path: name, why: expect.stringMatching(why) as unknown }]);
    expect(result.repositories.map(({ target }) => target)).toEqual(['own']);
  });

  it('that clients pull through the default upstream are not taken from it', async () => {
    const upstream = await startFakeUpstream();
    const theirs = image({ layers: ['theirs'] });
    upstream.add('team/app', 'v1', theirs);
    const mirror = await startTempMirror({ upstream });
    await mirror.pull('team/app:v1');
    const folder = await writeZotFolder({ 'team/app': { tags: { v1: app } } });
    const result = await importData(mirror, { directory: folder });
    expect(result.passedOver.map(({ path }) => path)).toEqual(['team/app']);
    expect((await mirror.pull('team/app:v1')).digest).toBe(theirs.digest);
  });
});

describe('the admin API', () => {
  it.each<[string, string]>([
    ['a relative path', 'zot'],
    ['a folder that is not there', '/nowhere/zot'],
  ])('refuses %s', async (_, directory) => {
    const mirror = await startTempMirror();
    const admin = new AdminClient(mirror.adminUrl);
    const { status } = await admin.ask('importZotData', { body: { directory } });
    const ended = await importEnded(admin);
    expect({ status, state: ended.state }).toEqual(
      directory === 'zot' ? { status: 400, state: 'idle' } : { status: 200, state: 'failed' },
    );
  });

  it('refuses a repository itself, and a folder without any', async () => {
    const folder = await writeZotFolder({ 'team/app': { tags: { v1: app } } });
    const mirror = await startTempMirror();
    expect(await importData(mirror, { directory: join(folder, 'team/app') })).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('is one repository') as unknown,
    });
    expect(await importData(mirror, { directory: join(folder, 'team/app/blobs') })).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('holds no repository') as unknown,
    });
  });

  it('stops a running import in good order with the mirror; the next one goes on', async () => {
    const graphs = Array.from({ length: 60 }, (_, at) => image({ layers: [`layer ${String(at)}`] }));
    const folder = await writeZotFolder(
      Object.fromEntries(graphs.map((graph, at) => [`app-${String(at).padStart(2, '0')}`, { tags: { v1: graph } }])),
    );
    const mirror = await startTempMirror();
    const admin = new AdminClient(mirror.adminUrl);
    await admin.call('importZotData', { body: { directory: folder } });
    expect(await admin.fail('importZotData', { body: { directory: folder } })).toMatchObject({ code: 'CONFLICT' });
    expect((await admin.call('cancelZotImport', { body: {} })).state).toBe('cancelled');
    await admin.call('importZotData', { body: { directory: folder } });
    await mirror.restart();
    expect(mirror.log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
    const rest = await importData(mirror, { directory: folder });
    expect({ state: rest.state, damaged: rest.repositories.flatMap(({ damaged }) => damaged) }).toEqual({
      state: 'done',
      damaged: [],
    });
    for (const [at, graph] of graphs.entries())
      expect((await mirror.pull(`app-${String(at).padStart(2, '0')}:v1`)).digest).toBe(graph.digest);
  });
});

describe('room', () => {
  it('is the limit for hard links too when there is a cap; what came until then stays whole', async () => {
    const graphs = ['a', 'b', 'c'].map((seed) => bigImage({ seed, sizeBytes: 400_000 }));
    const folder = await writeZotFolder(
      Object.fromEntries(graphs.map((graph, at) => [`app-${String(at)}`, { tags: { v1: graph } }])),
    );
    const mirror = await startTempMirror({ settings: { storageCap: '1 MB' } });
    const result = await importData(mirror, { directory: folder });
    expect({ state: result.state, error: result.error, names: result.repositories.map(({ name }) => name) }).toEqual({
      state: 'failed',
      error: expect.stringContaining('no room') as unknown,
      names: ['app-0', 'app-1'],
    });
    expect((await mirror.pull('app-1:v1')).digest).toBe(graphs[1]?.digest);
  });

  it.skipIf(smallDiskMissing() !== undefined)(
    'is needed on another file system, where everything is copied',
    async () => {
      const fits = bigImage({ seed: 'fits', sizeBytes: 1_000_000 });
      const large = bigImage({ seed: 'does not', sizeBytes: 30_000_000 });
      const folder = await writeZotFolder({ 'a-fits': { tags: { v1: fits } }, 'b-large': { tags: { v1: large } } });
      const mirror = await startTempMirror({
        dataDirectory: await smallDisk(16_000_000),
        settings: { freeSpaceFloor: '1 MB' },
      });
      const result = await importData(mirror, { directory: folder });
      expect(result).toMatchObject({
        state: 'failed',
        error: expect.stringContaining('no room') as unknown,
        repositories: [{ name: 'a-fits', tags: 1, blobs: 2, linkedBytes: 0 }],
      });
      expect((await mirror.pull('a-fits:v1')).digest).toBe(fits.digest);
      expect(await readdir(join(mirror.dataDirectory, 'incoming'))).toEqual([]);
    },
  );
});
