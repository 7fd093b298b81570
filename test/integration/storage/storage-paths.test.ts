import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SettingsInput } from '../../../server/config/schema.ts';
import { openDatabase } from '../../../server/db/database.ts';
import { tempDirectory } from '../../support/cleanup.ts';
import { bytesOf, randomContent } from '../../support/content.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import type { FakeUpstream } from '../../support/fake-upstream/upstream.ts';
import { image } from '../../support/image-builder.ts';
import type { Graph } from '../../support/image-builder.ts';
import { codeOf } from '../../support/pull-graph.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { smallDisk, smallDiskMissing } from '../../support/small-disk.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from '../api/admin-client.ts';
import { digestOf } from '../protocol/client.ts';
import { hasBlobFile } from '../registry/stored-content.ts';

const mebibyte = 1024 * 1024;

interface Beside {
  readonly mirror: TempMirror;
  readonly directory: string;
  readonly settings: SettingsInput;
}

/** A mirror whose repositories under `infra` are kept in a directory of their own. */
async function startBeside(more: {
  readonly upstream?: FakeUpstream;
  readonly directory?: string;
  readonly settings?: SettingsInput;
  readonly clock?: FakeClock;
}): Promise<Beside> {
  const { directory = join(await tempDirectory(), 'infra'), settings: given, ...rest } = more;
  // as retention rules and the window have them: what comes from the default upstream has its host before it
  const prefixes = ['infra', 'up.test/infra'];
  const settings = { storagePaths: prefixes.map((prefix) => ({ prefix, directory })), ...given };
  return { mirror: await startTempMirror({ ...rest, settings }), directory, settings };
}

/** Of its layers: the config of all these images is one blob. */
function digestsOf(graph: Graph): string[] {
  return graph.layers.map(({ digest }) => digest);
}

/** Where each blob of a graph is. */
function whereIs(graph: Graph, { mirror, directory }: Pick<Beside, 'mirror' | 'directory'>): string[] {
  return digestsOf(graph).map((digest) =>
    [
      ...(hasBlobFile(mirror.dataDirectory, digest) ? ['storage'] : []),
      ...(hasBlobFile(directory, digest) ? ['beside'] : []),
    ].join(' and '),
  );
}

const everyBlob = (graph: Graph, where: string): string[] => digestsOf(graph).map(() => where);

async function attentionOf(mirror: TempMirror): Promise<readonly string[]> {
  const status = await new AdminClient(mirror.adminUrl).call('getStatus');
  return status.attention.map(({ id }) => id);
}

describe('a directory of storagePaths', () => {
  test('has the blobs of its repositories, pushed and pulled, and no others', async () => {
    const upstream = await startFakeUpstream();
    const [own, pulled] = [image({ layers: ['own'] }), image({ layers: ['pulled'] })];
    const [other, named] = [image({ layers: ['other'] }), image({ layers: ['named'] })];
    upstream.add('infra/cached', 'v1', pulled);
    const beside = await startBeside({ upstream });
    await beside.mirror.pull('infra/cached:v1');
    await pushGraph(beside.mirror.url, 'infra/sub/own', 'v1', own);
    await pushGraph(beside.mirror.url, 'infra', 'v1', named);
    await pushGraph(beside.mirror.url, 'infrared/own', 'v1', other);
    await beside.mirror.restart();
    expect([own, pulled, named, other].map((graph) => whereIs(graph, beside))).toEqual([
      everyBlob(own, 'beside'),
      everyBlob(pulled, 'beside'),
      everyBlob(named, 'beside'),
      everyBlob(other, 'storage'),
    ]);
    for (const [name, graph] of [
      ['infra/sub/own', own],
      ['infra', named],
      ['infrared/own', other],
    ] as const)
      expect((await beside.mirror.pull(`${name}:v1`)).digest).toBe(graph.digest);
    upstream.clearRequests();
    await beside.mirror.pull('infra/cached:v1');
    expect(upstream.count({ kind: 'blob' })).toBe(0);
  });

  test('of the deepest prefix is the one', async () => {
    const [outer, inner] = [await tempDirectory(), await tempDirectory()];
    const storagePaths = [
      { prefix: 'infra', directory: outer },
      { prefix: 'infra/deep', directory: inner },
    ];
    const mirror = await startTempMirror({ settings: { storagePaths } });
    const graph = image({ layers: ['deep'] });
    await pushGraph(mirror.url, 'infra/deep/app', 'v1', graph);
    expect(whereIs(graph, { mirror, directory: inner })).toEqual(everyBlob(graph, 'beside'));
    expect(digestsOf(graph).some((digest) => hasBlobFile(outer, digest))).toBe(false);
  });

  test('shares its blobs with other repositories by mounts, both ways, and keeps each once', async () => {
    const beside = await startBeside({});
    const { mirror } = beside;
    const [one, two] = [image({ layers: ['mounted out'] }), image({ layers: ['mounted in'] })];
    await pushGraph(mirror.url, 'infra/one', 'v1', one);
    await pushGraph(mirror.url, 'team/two', 'v1', two);
    const mounts = [
      ['team/one', one.layers[0]!.digest, 'infra/one'],
      ['infra/two', two.layers[0]!.digest, 'team/two'],
    ] as const;
    for (const [to, digest, from] of mounts) {
      const answer = await fetch(`${mirror.url}/v2/${to}/blobs/uploads/?mount=${digest}&from=${from}`, {
        method: 'POST',
      });
      expect(answer.status).toBe(201);
      expect((await mirror.get(`/v2/${to}/blobs/${digest}`)).status).toBe(200);
    }
    await pushGraph(mirror.url, 'infra/again', 'v1', two);
    expect([whereIs(one, beside), whereIs(two, beside)]).toEqual([everyBlob(one, 'beside'), everyBlob(two, 'storage')]);
  });

  test('gives its space back when its content is deleted or collected', async () => {
    const clock = new FakeClock(Date.now());
    const beside = await startBeside({ clock, settings: { gc: { every: '0s', delay: '1h' } } });
    const { mirror, directory } = beside;
    const [gone, loose] = [image({ layers: ['gone'] }), image({ layers: ['loose'] })];
    await pushGraph(mirror.url, 'infra/gone', 'v1', gone);
    await pushGraph(mirror.url, 'infra/loose', 'v1', loose);
    const admin = new AdminClient(mirror.adminUrl);
    await admin.call('deleteContent', { body: { repository: 'infra/gone', freeNow: true } });
    expect(whereIs(gone, beside)).toEqual(everyBlob(gone, ''));
    const stray = join(directory, 'blobs', 'sha256', 'ab', 'ab'.repeat(32));
    mkdirSync(join(stray, '..'), { recursive: true });
    writeFileSync(stray, 'nothing knows of it');
    await clock.advance(2 * 3_600_000);
    const collected = await admin.call('collectGarbage', { body: { dryRun: false } });
    expect(collected.items.map(({ name }) => name)).toEqual([`blob sha256:${'ab'.repeat(32)}`]);
    expect(existsSync(stray)).toBe(false);
    expect(whereIs(loose, beside)).toEqual(everyBlob(loose, 'beside'));
    expect(readdirSync(join(directory, 'incoming'))).toEqual([]);
  });

  test('is put in order after a crash like the storage directory', async () => {
    const beside = await startBeside({});
    const { mirror, directory } = beside;
    const graph = image({ layers: ['lost', 'kept'] });
    await pushGraph(mirror.url, 'infra/app', 'v1', graph);
    await mirror.stop();
    const [lost, kept] = graph.layers.map(({ digest }) => digest) as [string, string];
    const fileOf = (digest: string): string => join(directory, 'blobs', 'sha256', digest.slice(7, 9), digest.slice(7));
    rmSync(fileOf(lost));
    const orphan = `sha256:${'cd'.repeat(32)}`;
    mkdirSync(join(fileOf(orphan), '..'), { recursive: true });
    writeFileSync(fileOf(orphan), 'no row');
    await mirror.start();
    expect((await mirror.get(`/v2/infra/app/blobs/${kept}`)).status).toBe(200);
    expect(codeOf((await mirror.get(`/v2/infra/app/blobs/${lost}`)).body.toString())).toBe('BLOB_UNKNOWN');
    expect(readdirSync(join(directory, 'incoming'))).toEqual([`sha256-${'cd'.repeat(32)}.part`]);
  });

  test('goes on with an upload after a restart, also when the setting is gone by then', async () => {
    const { mirror, directory } = await startBeside({});
    const { dataDirectory } = mirror;
    const content = Buffer.from('first and second');
    const digest = digestOf(content);
    const begun = await fetch(`${mirror.url}/v2/infra/app/blobs/uploads/`, { method: 'POST' });
    const first = await fetch(new URL(begun.headers.get('location') ?? '', mirror.url), {
      method: 'PATCH',
      body: content.subarray(0, 5),
    });
    const location = new URL(first.headers.get('location') ?? '', mirror.url).pathname;
    await mirror.stop();
    const after = await startTempMirror({ dataDirectory });
    const ended = await fetch(`${after.url}${location}?digest=${digest}`, { method: 'PUT', body: content.subarray(5) });
    expect(ended.status).toBe(201);
    expect(hasBlobFile(directory, digest)).toBe(true);
  });

  test('that is taken out of the settings keeps what it has, and gets nothing new', async () => {
    const beside = await startBeside({});
    const [before, after] = [image({ layers: ['before'] }), image({ layers: ['after'] })];
    await pushGraph(beside.mirror.url, 'infra/app', 'v1', before);
    await beside.mirror.stop();
    const mirror = await startTempMirror({ dataDirectory: beside.mirror.dataDirectory });
    await pushGraph(mirror.url, 'infra/app', 'v2', after);
    expect((await mirror.pull('infra/app:v1')).digest).toBe(before.digest);
    expect(whereIs(before, beside)).toEqual(everyBlob(before, 'beside'));
    expect(whereIs(after, beside)).toEqual(everyBlob(after, 'storage'));
  });
});

describe('a directory of storagePaths whose disk is not mounted', () => {
  async function startWithout(leave: (directory: string) => void) {
    const upstream = await startFakeUpstream();
    const [own, cached] = [image({ layers: ['pushed, and nowhere else'] }), image({ layers: ['cached'] })];
    upstream.add('infra/cached', 'v1', cached);
    const beside = await startBeside({ upstream });
    const { mirror, directory } = beside;
    await pushGraph(mirror.url, 'infra/own', 'v1', own);
    await mirror.pull('infra/cached:v1');
    await mirror.stop();
    renameSync(directory, `${directory}-unmounted`);
    leave(directory);
    await mirror.start();
    const rows = (): number => {
      const db = openDatabase(join(mirror.dataDirectory, 'mirror.db'), { migrate: false });
      const { count } = db.prepare<[], { count: number }>('SELECT count(*) AS count FROM blobs').get()!;
      db.close();
      return count;
    };
    return { ...beside, upstream, own, cached, rows };
  }

  test.each<[string, (directory: string) => void]>([
    ['is gone', () => undefined],
    ['is an empty mount point', (directory) => mkdirSync(directory)],
    [
      'is a mount point that was used without its disk',
      (directory) => {
        mkdirSync(join(directory, 'blobs'), { recursive: true });
        mkdirSync(join(directory, 'incoming'));
        writeFileSync(join(directory, 'volume.id'), 'another\n');
      },
    ],
  ])('and %s: nothing is forgotten, and it says so', async (_, leave) => {
    const { mirror, directory, own, cached, upstream, rows } = await startWithout(leave);
    const held = new Set([...own.blobs.keys(), ...cached.blobs.keys()]).size;
    expect(rows()).toBe(held);
    expect(await attentionOf(mirror)).toContain(`storage-path-${directory}`);
    const refused = await mirror.get(`/v2/infra/own/blobs/${own.layers[0]!.digest}`);
    expect([refused.status, codeOf(refused.body.toString())]).toEqual([500, 'UNKNOWN']);
    // what has an upstream is passed on
    upstream.clearRequests();
    expect((await mirror.pull('infra/cached:v1')).digest).toBe(cached.digest);
    expect(upstream.count({ kind: 'blob' })).toBe(cached.blobs.size);
    const begun = await fetch(`${mirror.url}/v2/infra/own/blobs/uploads/`, { method: 'POST' });
    expect(begun.ok).toBe(false);
    const admin = new AdminClient(mirror.adminUrl);
    await admin.call('collectGarbage', { body: { dryRun: false } });
    expect(rows()).toBe(held);
    // other repositories go on
    await pushGraph(mirror.url, 'team/app', 'v1', image({ layers: ['elsewhere'] }));
    await mirror.stop();
    rmSync(directory, { recursive: true, force: true });
    await rename(`${directory}-unmounted`, directory);
    await mirror.start();
    expect((await mirror.pull('infra/own:v1')).digest).toBe(own.digest);
    upstream.clearRequests();
    await mirror.pull('infra/cached:v1');
    expect(upstream.count({ kind: 'blob' })).toBe(0);
  });

  test('while the mirror runs: pulls fail and nothing is forgotten', async () => {
    const beside = await startBeside({});
    const { mirror, directory } = beside;
    const own = image({ layers: ['pushed, and nowhere else'] });
    await pushGraph(mirror.url, 'infra/own', 'v1', own);
    renameSync(directory, `${directory}-unmounted`);
    mkdirSync(join(directory, 'blobs'), { recursive: true });
    expect(codeOf((await mirror.get(`/v2/infra/own/blobs/${own.layers[0]!.digest}`)).body.toString())).toBe('UNKNOWN');
    const begun = await fetch(`${mirror.url}/v2/infra/own/blobs/uploads/`, { method: 'POST' });
    expect(begun.ok).toBe(false);
    expect(await attentionOf(mirror)).toContain(`storage-path-${directory}`);
    rmSync(directory, { recursive: true });
    renameSync(`${directory}-unmounted`, directory);
    expect((await mirror.pull('infra/own:v1')).digest).toBe(own.digest);
  });

  test('of another mirror is left alone', async () => {
    const first = await startBeside({});
    const graph = image({ layers: ["the first mirror's"] });
    await pushGraph(first.mirror.url, 'infra/app', 'v1', graph);
    const second = await startBeside({ directory: first.directory });
    expect(await attentionOf(second.mirror)).toContain(`storage-path-${first.directory}`);
    await second.mirror.restart();
    expect((await first.mirror.pull('infra/app:v1')).digest).toBe(graph.digest);
  });
});

describe.skipIf(smallDiskMissing() !== undefined)('a directory of storagePaths on a full disk', () => {
  test('passes its content on without keeping it, and nothing elsewhere goes or stays away for it', async () => {
    const upstream = await startFakeUpstream();
    const content = randomContent('more than the small disk has', 12 * mebibyte);
    const [large, other] = [image({ layers: [{ content }] }), image({ layers: ['elsewhere'] })];
    upstream.add('infra/large', 'v1', large);
    upstream.add('team/app', 'v1', other);
    const directory = await smallDisk(8 * mebibyte);
    const beside = await startBeside({ upstream, directory, settings: { freeSpaceFloor: '1 MiB' } });
    const { mirror } = beside;
    await mirror.pull('team/app:v1');
    const { digest } = large.layers[0]!;
    const answer = await mirror.get(`/v2/infra/large/blobs/${digest}`);
    expect([answer.status, answer.body.equals(bytesOf(content))]).toEqual([200, true]);
    await mirror.pull('infra/large:v1');
    expect(await attentionOf(mirror)).toContain('storage-path-full');
    const pushed = image({ layers: ['still taken'] });
    await pushGraph(mirror.url, 'team/pushed', 'v1', pushed);
    // what is under way is put down first
    await mirror.stop();
    expect([hasBlobFile(directory, digest), hasBlobFile(mirror.dataDirectory, digest)]).toEqual([false, false]);
    expect([other, pushed].flatMap((graph) => whereIs(graph, beside))).toEqual(['storage', 'storage']);
  });
});
