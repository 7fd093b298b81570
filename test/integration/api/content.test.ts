import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { inTransaction, openDatabase } from '../../../server/db/database.ts';
import { layoutOf } from '../../../server/storage/layout.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { artifact, helmChart, image, index, linuxAmd64, linuxArm64 } from '../../support/image-builder.ts';
import type { PulledGraph, PullOptions } from '../../support/pull-graph.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from './admin-client.ts';

const layer = (text: string): string => text.repeat(1000);
const repository = 'up.test/acme/app';

async function started() {
  const upstream = await startFakeUpstream();
  const mirror = await startTempMirror({ upstream });
  return { upstream, mirror, admin: new AdminClient(mirror.adminUrl) };
}

/** A pull, and until all it brought is kept: a client has its last byte a moment earlier. */
async function pull(mirror: TempMirror, name: string, options?: PullOptions): Promise<PulledGraph> {
  const pulled = await mirror.pull(name, options);
  await vi.waitUntil(() => mirror.app.status().activeTransfers === 0, { interval: 2 });
  return pulled;
}

async function contentOnDisk(mirror: TempMirror): Promise<number> {
  let bytes = 0;
  for (const folder of ['blobs', 'incoming']) {
    for (const entry of await readdir(join(mirror.dataDirectory, folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
    }
  }
  return bytes;
}

describe('the cache over the admin API', () => {
  it('shows what was pulled: repository, tags, platforms, manifest with layers and pull commands', async () => {
    const { upstream, mirror, admin } = await started();
    const amd64 = image({ platform: linuxAmd64, layers: [layer('amd64')] });
    const list = index([amd64, image({ platform: linuxArm64, layers: [layer('arm64')] })]);
    upstream.add('acme/app', 'v1', list);
    await pull(mirror, 'acme/app:v1', { platforms: (one) => one.platform?.architecture === 'amd64' });
    const bytes = 5000 + amd64.config!.size;
    const { repositories, total } = await admin.call('listRepositories');
    expect({ repositories, total }).toMatchObject({
      repositories: [
        { name: repository, upstream: 'up.test', tags: 1, manifests: 2, bytes, uniqueBytes: bytes, pinned: false },
      ],
      total: 1,
    });
    const content = await admin.call('getRepository', { query: { repository } });
    expect(content).toMatchObject({
      tags: [
        {
          tag: 'v1',
          digest: list.digest,
          kind: 'index',
          bytes,
          uniqueBytes: bytes,
          stale: false,
          pinned: false,
          platforms: [
            { platform: 'linux/amd64', held: true },
            { platform: 'linux/arm64', held: false },
          ],
        },
      ],
      untagged: [],
      artifacts: [],
    });
    const [tag] = content.tags;
    expect(tag!.freshUntil).toBe(tag!.checkedAt! + 5 * 60_000);
    const detail = await admin.call('getManifest', { query: { repository, reference: 'v1' } });
    expect(detail.content).toBe(list.bytes.toString());
    expect(detail.manifests.map((child) => [child.platform, child.held])).toEqual([
      ['linux/amd64', true],
      ['linux/arm64', false],
    ]);
    expect(detail.pullCommands.map(({ command }) => command)).toContain(
      `docker pull ${(await admin.call('getStatus')).addresses[0]!}/${repository}:v1`,
    );
    const child = await admin.call('getManifest', { query: { repository, reference: amd64.digest } });
    expect(child.layers).toEqual([
      { digest: amd64.layers[0]!.digest, mediaType: amd64.layers[0]!.mediaType, size: 5000, held: true, sharedBy: 1 },
    ]);
  });

  it('finds repositories by name, upstream and digest', async () => {
    const { upstream, mirror, admin } = await started();
    const one = image({ layers: ['one'] });
    upstream.add('acme/app', 'v1', one);
    upstream.add('acme/web', 'v1', image({ layers: ['two'] }));
    await pull(mirror, 'acme/app:v1');
    await pull(mirror, 'acme/web:v1');
    const names = async (query: object): Promise<string[]> =>
      (await admin.call('listRepositories', { query })).repositories.map(({ name }) => name);
    expect(await names({ text: 'web' })).toEqual(['up.test/acme/web']);
    expect(await names({ text: one.layers[0]!.digest })).toEqual([repository]);
    expect(await names({ upstream: 'local' })).toEqual([]);
    expect(await names({ upstream: 'up.test', sort: 'lastPulled' })).toHaveLength(2);
    const first = await admin.call('listRepositories', { query: { limit: 1 } });
    const second = await admin.call('listRepositories', { query: { limit: 1, after: first.next! } });
    expect([first.repositories[0]!.name, second.repositories[0]!.name, second.next]).toEqual([
      repository,
      'up.test/acme/web',
      undefined,
    ]);
  });

  it('frees on the disk what the preview said, keeps shared layers, and fetches again when asked again', async () => {
    const { upstream, mirror, admin } = await started();
    const base = layer('base');
    const one = image({ layers: [base, layer('one')], config: 'config one' });
    const two = image({ layers: [base, layer('two')], config: 'config two' });
    upstream.add('acme/app', 'v1', one);
    upstream.add('acme/web', 'v1', two);
    await pull(mirror, 'acme/app:v1');
    await pull(mirror, 'acme/web:v1');
    const before = await contentOnDisk(mirror);
    const preview = await admin.call('previewDelete', { query: { repository, reference: 'v1', freeNow: 'true' } });
    expect(preview.freedBytes).toBe(3000 + 'config one'.length);
    expect(await contentOnDisk(mirror)).toBe(before);
    const deleted = await admin.call('deleteContent', { body: { repository, reference: 'v1', freeNow: true } });
    expect(deleted).toEqual(preview);
    expect(before - (await contentOnDisk(mirror))).toBe(preview.freedBytes);
    expect(existsSync(layoutOf(mirror.dataDirectory, '').blob(two.layers[0]!.digest))).toBe(true);
    expect((await admin.fail('getRepository', { query: { repository } })).code).toBe('NAME_UNKNOWN');
    const asked = upstream.requests.length;
    await pull(mirror, 'acme/web:v1');
    expect(upstream.requests).toHaveLength(asked);
    await pull(mirror, 'acme/app:v1');
    expect(upstream.requests.length).toBeGreaterThan(asked);
    expect(await contentOnDisk(mirror)).toBe(before);
    const [line] = await mirror.audit({ event: 'artifact_delete' });
    expect(line).toMatchObject({ artifact: `${repository}:v1`, outcome: 'ok', client_ip: '127.0.0.1' });
  });

  it('deletes a repository while one of its blobs is still arriving, and the transfer completes', async () => {
    const { upstream, mirror, admin } = await started();
    const graph = image({ layers: [layer('first'), layer('held back').repeat(100)] });
    upstream.add('acme/app', 'v1', graph);
    const gate = Promise.withResolvers<undefined>();
    upstream.script({
      match: { kind: 'blob', reference: graph.layers[1]!.digest },
      times: 1,
      fault: { hold: { at: 1000, until: gate.promise } },
    });
    const pulling = pull(mirror, 'acme/app:v1');
    await upstream.received({ kind: 'blob', reference: graph.layers[1]!.digest });
    await admin.call('deleteContent', { body: { repository } });
    gate.resolve(undefined);
    expect((await pulling).digest).toBe(graph.digest);
    expect((await pull(mirror, 'acme/app:v1')).blobBytes).toBe(
      graph.config!.size + graph.layers.reduce((sum, one) => sum + one.size, 0),
    );
  });

  it('pins: what is pinned is not deleted, and says so', async () => {
    const { upstream, mirror, admin } = await started();
    const graph = image();
    upstream.add('acme/app', 'v1', graph);
    await pull(mirror, 'acme/app:v1');
    for (const target of [{ repository }, { repository, reference: 'v1' }, { repository, reference: graph.digest }]) {
      await admin.call('pin', { body: { ...target, pinned: true } });
      expect((await admin.fail('previewDelete', { query: { repository } })).code).toBe('CONFLICT');
      expect((await admin.fail('deleteContent', { body: { repository, reference: 'v1' } })).status).toBe(409);
      await admin.call('pin', { body: { ...target, pinned: false } });
    }
    await admin.call('pin', { body: { repository, reference: 'v1', pinned: true } });
    expect((await admin.call('getManifest', { query: { repository, reference: 'v1' } })).pinned).toBe(true);
    expect((await admin.call('getManifest', { query: { repository, reference: graph.digest } })).pinned).toBe(false);
    const lines = await mirror.audit({ event: 'config_change' }, 7);
    expect(lines.at(-1)).toMatchObject({ artifact: `${repository}:v1`, detail: 'pinned' });
  });

  it('refreshes a tag at once, whatever its TTL', async () => {
    const { upstream, mirror, admin } = await started();
    upstream.add('acme/app', 'v1', image({ layers: ['old'] }));
    await pull(mirror, 'acme/app:v1');
    expect((await admin.call('refreshTag', { body: { repository, reference: 'v1' } })).changed).toBe(false);
    const moved = image({ layers: ['new'] });
    upstream.add('acme/app', 'v1', moved);
    expect((await pull(mirror, 'acme/app:v1')).digest).not.toBe(moved.digest);
    expect(await admin.call('refreshTag', { body: { repository, reference: 'v1' } })).toEqual({
      digest: moved.digest,
      changed: true,
    });
    expect((await pull(mirror, 'acme/app:v1')).digest).toBe(moved.digest);
    const content = await admin.call('getRepository', { query: { repository } });
    expect([content.tags.length, content.untagged.length]).toEqual([1, 1]);
  });

  it('tells charts and signatures from images, and how to pull them', async () => {
    const { upstream, mirror, admin } = await started();
    const app = image({ layers: ['app'] });
    const signature = artifact({ type: 'application/vnd.cncf.notary.signature', subject: app, layers: ['signature'] });
    upstream.add('acme/app', 'v1', app);
    upstream.add('acme/app', undefined, signature);
    upstream.add('acme/chart', '1.2.3', helmChart());
    await pull(mirror, 'acme/app:v1');
    await pull(mirror, `acme/app@${signature.digest}`);
    await pull(mirror, 'acme/chart:1.2.3');
    const content = await admin.call('getRepository', { query: { repository } });
    expect(content.artifacts).toMatchObject([{ digest: signature.digest, kind: 'signature', subject: app.digest }]);
    const detail = await admin.call('getManifest', { query: { repository, reference: app.digest } });
    expect(detail.referrers).toMatchObject([{ digest: signature.digest, held: true }]);
    const chart = await admin.call('getManifest', { query: { repository: 'up.test/acme/chart', reference: '1.2.3' } });
    expect(chart.pullCommands).toMatchObject([{ tool: 'Helm' }]);
  });

  it('pages through 100,000 repositories', async () => {
    const { mirror, admin } = await started();
    const db = openDatabase(layoutOf(mirror.dataDirectory, '').database);
    const digest = `sha256:${'1'.repeat(64)}`;
    inTransaction(db, () => {
      db.prepare(
        `INSERT INTO manifests (digest, media_type, size, content, created_at) VALUES (?, 'application/vnd.oci.image.manifest.v1+json', 1, x'7b7d', 1)`,
      ).run(digest);
      db.prepare(
        `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
         INSERT INTO repositories (name, upstream, upstream_repository, created_at, last_pulled_at)
         SELECT printf('up.test/team/app-%06d', i), 'up.test', printf('team/app-%06d', i), 1, 100000 + i FROM n`,
      ).run();
      db.prepare(
        'INSERT INTO repository_manifests (repository_id, digest, first_seen_at) SELECT id, ?, 1 FROM repositories',
      ).run(digest);
    });
    db.close();
    const seen: string[] = [];
    let after: string | undefined;
    for (let turn = 0; turn < 4; turn += 1) {
      const page = await admin.call('listRepositories', {
        query: { limit: 500, sort: 'lastPulled', ...(after === undefined ? {} : { after }) },
      });
      expect(page.total).toBe(100_000);
      seen.push(...page.repositories.map(({ name }) => name));
      after = page.next;
    }
    expect(seen).toEqual(
      Array.from({ length: 2000 }, (_, position) => `up.test/team/app-${String(99_999 - position).padStart(6, '0')}`),
    );
    expect((await admin.call('listRepositories', { query: { text: 'app-0123' } })).repositories).toHaveLength(100);
    expect((await admin.call('listUpstreams')).upstreams).toMatchObject([{ name: 'up.test', repositories: 100_000 }]);
  });

  it('answers 404 for what it does not hold and 400 for what makes no sense', async () => {
    const { upstream, mirror, admin } = await started();
    upstream.add('acme/app', 'v1', image());
    await pull(mirror, 'acme/app:v1');
    const digest = `sha256:${'0'.repeat(64)}`;
    expect((await admin.fail('getRepository', { query: { repository: 'no/such' } })).status).toBe(404);
    expect((await admin.fail('getManifest', { query: { repository, reference: digest } })).code).toBe(
      'MANIFEST_UNKNOWN',
    );
    expect((await admin.fail('pin', { body: { repository: 'no/such', pinned: true } })).code).toBe('NAME_UNKNOWN');
    expect((await admin.fail('previewDelete', { query: { repository, reference: 'v9' } })).code).toBe(
      'MANIFEST_UNKNOWN',
    );
    expect((await admin.fail('deleteContent', { body: { repository: 'no/such' } })).status).toBe(404);
    expect((await admin.fail('refreshTag', { body: { repository, reference: digest } })).code).toBe('REQUEST_INVALID');
    expect((await admin.fail('refreshTag', { body: { repository: 'no/such', reference: 'v1' } })).code).toBe(
      'NAME_UNKNOWN',
    );
    expect((await admin.fail('refreshTag', { body: { repository, reference: 'gone' } })).code).toBe('MANIFEST_UNKNOWN');
    expect((await admin.fail('listRepositories', { query: { limit: 0 } })).problems).toHaveLength(1);
    expect((await admin.fail('listRepositories', { query: { after: 'nonsense' } })).code).toBe('REQUEST_INVALID');
    expect((await admin.fail('getManifest', { query: { repository } as never })).status).toBe(400);
  });
});
