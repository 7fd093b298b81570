import { describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { artifact, image, index } from '../../support/image-builder.ts';
import type { Graph } from '../../support/image-builder.ts';
import type { PulledGraph, PullOptions } from '../../support/pull-graph.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from './admin-client.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const cached = 'up.test/acme/app';
const own = 'team/app';
const first = image({ layers: ['base', 'first'] });
const second = image({ layers: ['base', 'second'] });

async function started() {
  const clock = new FakeClock();
  const upstream = await startFakeUpstream();
  const mirror = await startTempMirror({ upstream, clock });
  const admin = new AdminClient(mirror.adminUrl);
  return { clock, upstream, mirror, admin };
}

/** A mirror to which two images were pushed under one tag, one after the other. */
async function pushedTwice() {
  const stage = await started();
  await pushGraph(stage.mirror.url, own, 'v1', first);
  await stage.clock.advance(minute);
  await pushGraph(stage.mirror.url, own, 'v1', second);
  return stage;
}

/** A pull, and until all it brought is kept: a client has its last byte a moment earlier. */
async function pull(mirror: TempMirror, name: string, options?: PullOptions): Promise<PulledGraph> {
  const pulled = await mirror.pull(name, options);
  await vi.waitUntil(() => mirror.app.status().activeTransfers === 0, { interval: 2 });
  return pulled;
}

/** A mirror whose tag was seen to move. */
async function movedUpstream() {
  const stage = await started();
  stage.upstream.add('acme/app', 'v1', first);
  await pull(stage.mirror, 'acme/app:v1');
  stage.upstream.add('acme/app', 'v1', second);
  await stage.clock.advance(6 * minute);
  await pull(stage.mirror, 'acme/app:v1');
  return stage;
}

async function digestNow(mirror: TempMirror, path: string): Promise<unknown> {
  const answer = await mirror.get(`/v2/${path}`);
  return answer.status === 200 ? answer.headers['docker-content-digest'] : answer.status;
}

const blobOf = (graph: Graph): string => graph.layers[1]!.digest;

describe('the history of a tag', () => {
  it('tells each digest with first and last time seen, how it ended and until when it is kept', async () => {
    const { clock, admin } = await pushedTwice();
    const history = await admin.call('getTagHistory', { query: { repository: own, tag: 'v1' } });
    const now = clock.now();
    const bytes = (graph: Graph): number => [...graph.blobs.values()].reduce((sum, blob) => sum + blob.size, 0);
    expect(history).toEqual({
      repository: own,
      tag: 'v1',
      current: second.digest,
      entries: [
        { digest: second.digest, firstSeenAt: now, lastSeenAt: now, held: true, missing: [], bytes: bytes(second) },
        {
          digest: first.digest,
          firstSeenAt: now - minute,
          lastSeenAt: now,
          endedAt: now,
          endedAs: 'moved',
          held: true,
          missing: [],
          keptUntil: now + 30 * day,
          bytes: bytes(first),
        },
      ],
    });
  });

  it('is kept when the tag is deleted, and says so', async () => {
    const { mirror, admin } = await pushedTwice();
    await fetch(`${mirror.url}/v2/${own}/manifests/v1`, { method: 'DELETE' });
    const history = await admin.call('getTagHistory', { query: { repository: own, tag: 'v1' } });
    expect([history.current, history.entries.map(({ endedAs }) => endedAs)]).toEqual([undefined, ['deleted', 'moved']]);
  });

  it('is unknown for a tag that never was here', async () => {
    const { admin } = await pushedTwice();
    expect((await admin.fail('getTagHistory', { query: { repository: own, tag: 'v9' } })).code).toBe(
      'MANIFEST_UNKNOWN',
    );
    expect((await admin.fail('getTagHistory', { query: { repository: 'no/such', tag: 'v1' } })).code).toBe(
      'NAME_UNKNOWN',
    );
  });
});

describe('rolling back a pushed tag', () => {
  it('serves what it pointed at before, at once and after a restart, and is audited', async () => {
    const { mirror, admin } = await pushedTwice();
    await mirror.pull(`${own}:v1`);
    const rolledBack = await admin.call('rollbackTag', { body: { repository: own, tag: 'v1' } });
    expect(rolledBack).toEqual({
      repository: own,
      tag: 'v1',
      from: second.digest,
      to: first.digest,
      holds: false,
    });
    expect((await mirror.pull(`${own}:v1`)).digest).toBe(first.digest);
    await mirror.restart();
    expect((await mirror.pull(`${own}:v1`)).digest).toBe(first.digest);
    const history = await admin.call('getTagHistory', { query: { repository: own, tag: 'v1' } });
    expect(history.entries.map(({ digest, endedAs }) => [digest, endedAs])).toEqual([
      [first.digest, undefined],
      [second.digest, 'rolled back'],
      [first.digest, 'moved'],
    ]);
    expect(await mirror.audit({ event: 'tag_rollback' })).toMatchObject([
      { artifact: `${own}:v1`, digest: first.digest, outcome: 'ok' },
    ]);
  });

  it('goes forth again by digest, and a push moves it as ever', async () => {
    const { mirror, admin } = await pushedTwice();
    await admin.call('rollbackTag', { body: { repository: own, tag: 'v1' } });
    await admin.call('rollbackTag', { body: { repository: own, tag: 'v1', digest: second.digest } });
    expect(await digestNow(mirror, `${own}/manifests/v1`)).toBe(second.digest);
    await admin.call('rollbackTag', { body: { repository: own, tag: 'v1' } });
    const third = image({ layers: ['third'] });
    await pushGraph(mirror.url, own, 'v1', third);
    expect(await digestNow(mirror, `${own}/manifests/v1`)).toBe(third.digest);
  });

  it('changes nothing in a dry run', async () => {
    const { mirror, admin } = await pushedTwice();
    const planned = await admin.call('rollbackTag', { body: { repository: own, tag: 'v1', dryRun: true } });
    expect(planned.to).toBe(first.digest);
    expect(await digestNow(mirror, `${own}/manifests/v1`)).toBe(second.digest);
  });

  it('refuses a digest the tag never had, the one it has, and what is not whole any more', async () => {
    const { mirror, admin } = await pushedTwice();
    const fail = async (digest: string): Promise<string> =>
      (await admin.fail('rollbackTag', { body: { repository: own, tag: 'v1', digest } })).code;
    expect(await fail(`sha256:${'0'.repeat(64)}`)).toBe('MANIFEST_UNKNOWN');
    expect(await fail(second.digest)).toBe('CONFLICT');
    await admin.call('deleteContent', { body: { repository: own, reference: first.digest, freeNow: true } });
    const problem = await admin.fail('rollbackTag', { body: { repository: own, tag: 'v1', digest: first.digest } });
    expect([problem.code, problem.detail.includes(`manifest ${first.digest}`)]).toEqual(['CONFLICT', true]);
    const history = await admin.call('getTagHistory', { query: { repository: own, tag: 'v1' } });
    expect(history.entries.map(({ held, missing }) => [held, missing])).toEqual([
      [true, []],
      [false, [`manifest ${first.digest}`]],
    ]);
    expect(await digestNow(mirror, `${own}/manifests/v1`)).toBe(second.digest);
  });

  it('brings a deleted manifest back for it, with all its index lists', async () => {
    const { mirror, admin } = await started();
    const list = index([image({ layers: ['amd64'] }), image({ layers: ['arm64'] })]);
    await pushGraph(mirror.url, own, 'v1', list);
    await pushGraph(mirror.url, own, 'v1', second);
    await admin.call('deleteContent', { body: { repository: own, reference: list.digest } });
    expect(await digestNow(mirror, `${own}/manifests/${list.digest}`)).toBe(404);
    await admin.call('rollbackTag', { body: { repository: own, tag: 'v1' } });
    expect((await mirror.pull(`${own}:v1`)).manifests).toHaveLength(3);
  });
});

describe("rolling back an upstream's tag", () => {
  it('holds it there: no pull, no HEAD, no restart and no TTL asks the upstream', async () => {
    const { clock, upstream, mirror, admin } = await movedUpstream();
    const rolledBack = await admin.call('rollbackTag', { body: { repository: cached, tag: 'v1' } });
    expect(rolledBack).toMatchObject({ from: second.digest, to: first.digest, holds: true });
    upstream.clearRequests();
    upstream.add('acme/app', 'v1', image({ layers: ['third'] }));
    await clock.advance(hour);
    expect((await mirror.pull('acme/app:v1')).digest).toBe(first.digest);
    expect((await mirror.head('/v2/acme/app/manifests/v1')).headers['docker-content-digest']).toBe(first.digest);
    await mirror.restart();
    await clock.advance(hour);
    expect((await mirror.pull('acme/app:v1')).digest).toBe(first.digest);
    expect(upstream.requests).toEqual([]);
    const content = await admin.call('getRepository', { query: { repository: cached } });
    expect(content.tags).toMatchObject([{ tag: 'v1', digest: first.digest, heldSince: clock.now() - 2 * hour }]);
    expect(content.tags[0]!.freshUntil).toBeUndefined();
  });

  it('is not moved by a check that was under way, nor by a manifest that came by digest', async () => {
    const { clock, upstream, mirror, admin } = await movedUpstream();
    const third = image({ layers: ['third'] });
    upstream.add('acme/app', 'v1', third);
    await clock.advance(6 * minute);
    const gate = Promise.withResolvers<undefined>();
    upstream.script({
      match: { kind: 'manifest', reference: 'v1' },
      times: 1,
      fault: { hold: { at: 0, until: gate.promise } },
    });
    const pulling = mirror.get('/v2/acme/app/manifests/v1');
    await upstream.received({ kind: 'manifest', reference: 'v1' });
    await admin.call('rollbackTag', { body: { repository: cached, tag: 'v1' } });
    gate.resolve(undefined);
    expect((await pulling).headers['docker-content-digest']).toBe(first.digest);
    await mirror.pull(`acme/app@${third.digest}`);
    expect((await mirror.pull('acme/app:v1')).digest).toBe(first.digest);
  });

  it('says to a person who refreshes it that it is held, and follows again when it is let go', async () => {
    const { upstream, mirror, admin } = await movedUpstream();
    await admin.call('rollbackTag', { body: { repository: cached, tag: 'v1' } });
    const refused = await admin.fail('refreshTag', { body: { repository: cached, reference: 'v1' } });
    expect(refused.code).toBe('CONFLICT');
    const third = image({ layers: ['third'] });
    upstream.add('acme/app', 'v1', third);
    const released = await admin.call('releaseTag', { body: { repository: cached, tag: 'v1' } });
    expect([released.current, released.heldSince]).toEqual([third.digest, undefined]);
    expect((await mirror.pull('acme/app:v1')).digest).toBe(third.digest);
    expect((await admin.fail('releaseTag', { body: { repository: cached, tag: 'v1' } })).code).toBe('CONFLICT');
  });

  it('needs one whole image of an index, as only those were ever pulled', async () => {
    const { clock, upstream, mirror, admin } = await started();
    const amd64 = image({ layers: ['amd64'] });
    const list = index([amd64, image({ layers: ['arm64'], platform: { os: 'linux', architecture: 'arm64' } })]);
    upstream.add('acme/app', 'v1', list);
    await pull(mirror, 'acme/app:v1', { platforms: (one) => one.digest === amd64.digest });
    upstream.add('acme/app', 'v1', second);
    await clock.advance(6 * minute);
    await pull(mirror, 'acme/app:v1');
    await admin.call('rollbackTag', { body: { repository: cached, tag: 'v1' } });
    expect((await pull(mirror, 'acme/app:v1', { platforms: (one) => one.digest === amd64.digest })).digest).toBe(
      list.digest,
    );
  });

  it('works with the upstream gone', async () => {
    const { upstream, mirror, admin } = await movedUpstream();
    await upstream.stop();
    await admin.call('rollbackTag', { body: { repository: cached, tag: 'v1' } });
    expect((await mirror.pull('acme/app:v1')).digest).toBe(first.digest);
    await admin.call('releaseTag', { body: { repository: cached, tag: 'v1' } });
    expect((await mirror.pull('acme/app:v1')).digest).toBe(first.digest);
  });
});

describe('undoing a deletion', () => {
  it('brings back a tag with its index, images, layers and what is attached, after a restart', async () => {
    const { mirror, admin } = await started();
    const list = index([image({ layers: ['amd64'] }), image({ layers: ['arm64'] })]);
    const signature = artifact({ type: 'application/vnd.cncf.notary.signature', subject: list, layers: ['sig'] });
    await pushGraph(mirror.url, own, 'v1', list);
    await pushGraph(mirror.url, own, signature.digest, signature);
    const preview = await admin.call('previewDelete', { query: { repository: own, reference: 'v1' } });
    const deleted = await admin.call('deleteContent', { body: { repository: own, reference: 'v1' } });
    expect(deleted).toEqual(preview);
    expect([deleted.freedBytes, deleted.keptBytes > 0, deleted.keptUntil !== undefined]).toEqual([0, true, true]);
    expect(await digestNow(mirror, `${own}/manifests/v1`)).toBe(404);
    expect(await digestNow(mirror, `${own}/manifests/${list.digest}`)).toBe(404);
    await mirror.restart();
    const restored = await admin.call('restoreDeleted', { body: { repository: own, reference: 'v1' } });
    expect(restored).toEqual({ repository: own, tags: ['v1'], manifests: 4 });
    expect((await mirror.pull(`${own}:v1`)).manifests).toHaveLength(3);
    const { manifests } = JSON.parse((await mirror.get(`/v2/${own}/referrers/${list.digest}`)).body.toString()) as {
      manifests: unknown[];
    };
    expect(manifests).toMatchObject([{ digest: signature.digest }]);
    expect(await mirror.audit({ event: 'artifact_restore' })).toMatchObject([{ artifact: `${own}:v1` }]);
  });

  it("brings back what a client deleted by digest, with its tags, and undoes a client's deletion of a tag", async () => {
    const { mirror, admin } = await pushedTwice();
    await pushGraph(mirror.url, own, 'latest', second);
    await fetch(`${mirror.url}/v2/${own}/manifests/${second.digest}`, { method: 'DELETE' });
    expect(await digestNow(mirror, `${own}/manifests/${second.digest}`)).toBe(404);
    const restored = await admin.call('restoreDeleted', { body: { repository: own, reference: second.digest } });
    expect(restored).toEqual({ repository: own, tags: ['latest', 'v1'], manifests: 1 });
    await fetch(`${mirror.url}/v2/${own}/manifests/latest`, { method: 'DELETE' });
    await admin.call('restoreDeleted', { body: { repository: own, reference: 'latest' } });
    expect((await mirror.pull(`${own}:latest`)).digest).toBe(second.digest);
  });

  it('brings back a whole repository, and not what was deleted from it before', async () => {
    const { clock, mirror, admin } = await pushedTwice();
    await pushGraph(mirror.url, own, ['v2', 'old'], image({ layers: ['two'] }));
    await admin.call('deleteContent', { body: { repository: own, reference: 'old' } });
    await clock.advance(minute);
    await admin.call('deleteContent', { body: { repository: own } });
    expect((await admin.fail('getRepository', { query: { repository: own } })).code).toBe('NAME_UNKNOWN');
    const restored = await admin.call('restoreDeleted', { body: { repository: own } });
    expect(restored).toEqual({ repository: own, tags: ['v1', 'v2'], manifests: 3 });
    expect((await mirror.pull(`${own}:v1`)).digest).toBe(second.digest);
    await admin.call('rollbackTag', { body: { repository: own, tag: 'v1' } });
    expect((await mirror.pull(`${own}:v1`)).digest).toBe(first.digest);
  });

  it('lists what can come back, the latest first, page by page, and not what came back by itself', async () => {
    const { clock, mirror, admin } = await pushedTwice();
    await pushGraph(mirror.url, own, ['a', 'b', 'c'], image({ layers: ['abc'] }));
    await pushGraph(mirror.url, 'team/other', 'v1', first);
    await admin.call('deleteContent', { body: { repository: 'team/other' } });
    await clock.advance(minute);
    await admin.call('deleteContent', { body: { repository: own } });
    const page = await admin.call('listDeleted', { query: { limit: 3 } });
    const rest = await admin.call('listDeleted', { query: { limit: 3, after: page.next! } });
    // the first image had no tag any more when it went
    const shown = [...page.rows, ...rest.rows].map(({ repository, reference }) => `${repository} ${reference}`);
    expect(shown).toEqual([`${own} a`, `${own} b`, `${own} c`, `${own} ${first.digest}`, `${own} v1`, 'team/other v1']);
    expect([page.rows[0]!.keptUntil, rest.next]).toEqual([clock.now() + 30 * day, undefined]);
    await pushGraph(mirror.url, own, 'v1', second);
    const after = await admin.call('listDeleted', { query: { text: own } });
    expect(after.rows.map(({ reference }) => reference)).toEqual(['a', 'b', 'c', first.digest]);
  });

  it('pushing the same content again simply works, and needs no byte that is kept', async () => {
    const { mirror, admin } = await pushedTwice();
    await admin.call('deleteContent', { body: { repository: own } });
    await pushGraph(mirror.url, own, 'v1', second);
    expect((await mirror.pull(`${own}:v1`)).digest).toBe(second.digest);
    expect((await admin.fail('restoreDeleted', { body: { repository: own, reference: 'v1' } })).code).toBe('CONFLICT');
  });

  it('is refused for what was freed at once', async () => {
    const { mirror, admin } = await pushedTwice();
    await admin.call('deleteContent', { body: { repository: own, freeNow: true } });
    for (const reference of ['v1', second.digest, undefined])
      expect(
        (await admin.fail('restoreDeleted', { body: { repository: own, ...(reference && { reference }) } })).code,
      ).toBe('MANIFEST_UNKNOWN');
    expect((await admin.call('listDeleted')).rows).toEqual([]);
    expect((await mirror.get(`/v2/${own}/blobs/${blobOf(first)}`)).status).toBe(404);
  });

  it("of an upstream's tag leaves it to follow its upstream", async () => {
    const { clock, upstream, mirror, admin } = await movedUpstream();
    await admin.call('deleteContent', { body: { repository: cached, reference: 'v1' } });
    await admin.call('restoreDeleted', { body: { repository: cached, reference: 'v1' } });
    upstream.clearRequests();
    expect((await mirror.pull('acme/app:v1')).digest).toBe(second.digest);
    expect(upstream.requests).toEqual([]);
    const third = image({ layers: ['third'] });
    upstream.add('acme/app', 'v1', third);
    await clock.advance(6 * minute);
    expect((await mirror.pull('acme/app:v1')).digest).toBe(third.digest);
  });

  it('never serves what was deleted, though it is kept, while nothing may be asked', async () => {
    const { upstream, mirror, admin } = await movedUpstream();
    await admin.call('deleteContent', { body: { repository: cached } });
    await admin.call('setOffline', { body: { offline: true } });
    upstream.clearRequests();
    const answers = [
      await digestNow(mirror, `acme/app/manifests/${second.digest}`),
      await digestNow(mirror, `acme/app/manifests/v1`),
      (await mirror.get(`/v2/acme/app/blobs/${blobOf(second)}`)).status,
    ];
    expect([answers, upstream.requests]).toEqual([[503, 503, 503], []]);
  });
});

describe('a repository of its own', () => {
  it('is made, listed while it is empty, pushed to, and gone when it is deleted empty', async () => {
    const { mirror, admin } = await started();
    const names = async (): Promise<string[]> =>
      (await admin.call('listRepositories')).repositories.map(({ name }) => name);
    expect(await admin.call('createRepository', { body: { repository: own } })).toEqual({
      repository: own,
      created: true,
    });
    expect(await admin.call('createRepository', { body: { repository: own } })).toMatchObject({ created: false });
    await mirror.restart();
    expect(await names()).toEqual([own]);
    expect(await admin.call('getRepository', { query: { repository: own } })).toMatchObject({ tags: [] });
    await pushGraph(mirror.url, own, 'v1', first);
    expect(await admin.call('listRepositories')).toMatchObject({
      repositories: [{ name: own, tags: 1, manifests: 1 }],
    });
    await admin.call('deleteContent', { body: { repository: own } });
    expect(await names()).toEqual([]);
    await admin.call('createRepository', { body: { repository: own } });
    await admin.call('deleteContent', { body: { repository: own } });
    expect(await names()).toEqual([]);
  });

  it('is refused by the rule of pushes, which says why', async () => {
    const { mirror, admin } = await movedUpstream();
    const fail = async (repository: string): Promise<string> =>
      (await admin.fail('createRepository', { body: { repository } })).code;
    expect(await fail('Team/App')).toBe('NAME_INVALID');
    expect(await fail(cached)).toBe('DENIED');
    expect(await fail('ghcr.io/team/app')).toBe('DENIED');
    const address = (await admin.call('getStatus')).addresses[0]!;
    const allowed = await admin.call('getPushInstructions', { query: { repository: own } });
    expect(allowed.commands.map(({ tool }) => tool)).toEqual([
      'Docker',
      'Podman',
      'skopeo',
      'crane',
      'Helm',
      'buildah',
    ]);
    expect(allowed.commands.every(({ command }) => command.includes(address))).toBe(true);
    const refused = await admin.call('getPushInstructions', { query: { repository: cached } });
    expect([refused.isAllowed, refused.commands, refused.reason !== undefined]).toEqual([false, [], true]);
    expect(mirror.log.filter((line) => line.includes('"error"'))).toEqual([]);
  });
});
