import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import type { FakeUpstream } from '../../support/fake-upstream/upstream.ts';
import { image, index } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror, TempMirrorOptions } from '../../support/temp-mirror.ts';

const minute = 60_000;
const hour = 60 * minute;
const app = index([image({ layers: ['amd64'] }), image({ layers: ['arm64'] })]);
const moved = image({ layers: ['moved'] });
const tag = '/v2/acme/app/manifests/v1';

interface Stage {
  readonly upstream: FakeUpstream;
  readonly mirror: TempMirror;
  readonly clock: FakeClock;
}

/** A mirror that has pulled `acme/app:v1` with all below it. */
async function start(options: TempMirrorOptions = {}): Promise<Stage> {
  const clock = new FakeClock();
  const upstream = await startFakeUpstream();
  upstream.add('acme/app', 'v1', app);
  const mirror = await startTempMirror({ upstream, clock, ...options });
  await mirror.pull('acme/app:v1');
  upstream.clearRequests();
  return { upstream, mirror, clock };
}

const asked = (upstream: FakeUpstream): string[] =>
  upstream.requests.map(({ method, reference }) => `${method} ${reference ?? ''}`);

async function digestNow(mirror: TempMirror, path = tag): Promise<unknown> {
  return (await mirror.get(path)).headers['docker-content-digest'];
}

test('a second pull asks the upstream nothing inside the TTL, after a restart neither', async () => {
  const { upstream, mirror, clock } = await start();
  await mirror.pull('acme/app:v1');
  await clock.advance(4 * minute);
  await mirror.restart();
  expect((await mirror.pull('acme/app:v1')).manifests).toHaveLength(3);
  expect((await mirror.head(tag)).status).toBe(200);
  expect(upstream.count()).toBe(0);
});

test('after the TTL exactly one HEAD asks about the tag, whoever pulls, and a new TTL begins', async () => {
  const { upstream, mirror, clock } = await start();
  await clock.advance(5 * minute);
  await Promise.all(Array.from({ length: 10 }, () => mirror.pull('acme/app:v1')));
  await clock.advance(4 * minute);
  await mirror.pull('acme/app:v1');
  expect(asked(upstream)).toEqual(['HEAD v1']);
  expect(await mirror.audit({ outcome: 'stale' }, 0)).toEqual([]);
});

test('a moved tag is followed after the TTL, by HEAD and one GET by digest, and not before', async () => {
  const { upstream, mirror, clock } = await start();
  upstream.add('acme/app', 'v1', moved);
  await clock.advance(5 * minute - 1);
  expect([await digestNow(mirror), upstream.count()]).toEqual([app.digest, 0]);
  await clock.advance(1);
  expect(await digestNow(mirror)).toBe(moved.digest);
  expect(asked(upstream)).toEqual(['HEAD v1', `GET ${moved.digest}`]);
  expect([
    await digestNow(mirror),
    (await mirror.head(tag)).headers['docker-content-digest'],
    upstream.count(),
  ]).toEqual([moved.digest, moved.digest, 2]);
  expect(await digestNow(mirror, `/v2/acme/app/manifests/${app.digest}`)).toBe(app.digest);
});

test('a tag that moves between HEAD and GET is served as one of the two, never mixed', async () => {
  const { upstream, mirror, clock } = await start();
  const third = image({ layers: ['third'] });
  upstream.add('acme/app', 'v1', moved);
  upstream.moveTagAfterHead('acme/app', 'v1', third);
  await clock.advance(5 * minute);
  const answer = await mirror.get(tag);
  expect([answer.status, answer.headers['docker-content-digest'], answer.body.equals(moved.bytes)]).toEqual([
    200,
    moved.digest,
    true,
  ]);
  await clock.advance(5 * minute);
  expect(await digestNow(mirror)).toBe(third.digest);
});

test('an upstream that names no digest is asked for the manifest itself', async () => {
  const { upstream, mirror, clock } = await start();
  upstream.behaviour.digestHeader = false;
  await clock.advance(5 * minute);
  upstream.add('acme/app', 'v1', moved);
  expect(await digestNow(mirror)).toBe(moved.digest);
  expect(asked(upstream)).toEqual(['HEAD v1', 'GET v1']);
});

describe('tag patterns', () => {
  const upstreamSettings = {
    ttl: '5m',
    tags: [
      { pattern: 'v[0-9]*', ttl: 'immutable' },
      { pattern: 'up.test/acme/app:nightly-*', ttl: '1h' },
    ],
  } as const;

  test('that are immutable are never asked about again', async () => {
    const { upstream, mirror, clock } = await start({
      upstreamSettings: { ...upstreamSettings, tags: [...upstreamSettings.tags] },
    });
    upstream.add('acme/app', 'v1', moved);
    clock.jump(400 * 24 * hour);
    expect([await digestNow(mirror), upstream.count()]).toEqual([app.digest, 0]);
  });

  test('have TTLs of their own', async () => {
    const { upstream, mirror, clock } = await start({
      upstreamSettings: { ...upstreamSettings, tags: [...upstreamSettings.tags] },
    });
    upstream.add('acme/app', ['nightly-1', 'edge'], app);
    for (const name of ['nightly-1', 'edge']) await mirror.get(`/v2/acme/app/manifests/${name}`);
    upstream.clearRequests();
    await clock.advance(30 * minute);
    for (const name of ['nightly-1', 'edge']) await mirror.get(`/v2/acme/app/manifests/${name}`);
    expect(asked(upstream)).toEqual(['HEAD edge']);
  });
});

describe('modes', () => {
  test('prefer-cache never asks about what is held, and asks for what is not', async () => {
    const { upstream, mirror, clock } = await start({ upstreamSettings: { mode: 'prefer-cache' } });
    upstream.add('acme/app', 'v1', moved);
    upstream.add('acme/app', 'v2', moved);
    await clock.advance(24 * hour);
    expect([await digestNow(mirror), upstream.count()]).toEqual([app.digest, 0]);
    expect(await digestNow(mirror, '/v2/acme/app/manifests/v2')).toBe(moved.digest);
  });

  test('offline calls the upstream for nothing and says so', async () => {
    const { upstream, mirror, clock } = await start();
    await mirror.app.setOffline(true);
    await clock.advance(24 * hour);
    expect((await mirror.pull('acme/app:v1')).manifests).toHaveLength(3);
    for (const path of ['/v2/acme/app/manifests/v9', `/v2/acme/app/blobs/sha256:${'0'.repeat(64)}`]) {
      const answer = await mirror.get(path);
      expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([
        503,
        { errors: [{ code: 'UNAVAILABLE' }] },
      ]);
    }
    expect((await mirror.get('/v2/acme/app/tags/list')).body.toString()).toContain('"v1"');
    expect(upstream.count()).toBe(0);
    await mirror.restart();
    expect([await digestNow(mirror), upstream.count()]).toEqual([app.digest, 0]);
    await mirror.app.setOffline(false);
    expect([await digestNow(mirror), asked(upstream)]).toEqual([app.digest, ['HEAD v1']]);
  });

  test('offline of one upstream leaves the others alone', async () => {
    const other = await startFakeUpstream();
    other.add('acme/app', 'v1', moved);
    const { upstream, mirror, clock } = await start({
      settings: { upstreams: [{ name: 'other.test', urls: [other.url], mode: 'offline' }] },
    });
    await clock.advance(hour);
    expect([await digestNow(mirror), upstream.count()]).toEqual([app.digest, 1]);
    expect([(await mirror.get('/v2/other.test/acme/app/manifests/v1')).status, other.count()]).toEqual([503, 0]);
  });
});

test('what an upstream does not have is remembered for the negative TTL, and no longer', async () => {
  const { upstream, mirror, clock } = await start();
  const blob = `sha256:${'0'.repeat(64)}`;
  for (let i = 0; i < 3; i += 1) {
    const answers = [
      await mirror.get('/v2/acme/app/manifests/v9'),
      await mirror.head('/v2/acme/app/manifests/v9'),
      await mirror.get(`/v2/acme/app/blobs/${blob}`),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([404, 404, 404]);
  }
  expect(asked(upstream)).toEqual(['GET v9', `GET ${blob}`]);
  upstream.add('acme/app', 'v9', moved);
  await clock.advance(minute);
  expect(await digestNow(mirror, '/v2/acme/app/manifests/v9')).toBe(moved.digest);
});

test('names nobody has leave nothing behind', async () => {
  const { mirror } = await start();
  await mirror.get('/v2/acme/typo/manifests/v1');
  await mirror.get(`/v2/acme/typo/blobs/sha256:${'0'.repeat(64)}`);
  await mirror.head('/v2/acme/typo/manifests/v1');
  expect(JSON.parse((await mirror.get('/v2/_catalog')).body.toString())).toEqual({
    repositories: ['up.test/acme/app'],
  });
  expect((await mirror.get('/v2/acme/typo/tags/list')).status).toBe(404);
});

describe('a wall clock that jumps', () => {
  test('back asks again instead of serving for years, and then serves as ever', async () => {
    const { upstream, mirror, clock } = await start();
    clock.jump(-30 * 24 * hour);
    await mirror.pull('acme/app:v1');
    await mirror.pull('acme/app:v1');
    expect(asked(upstream)).toEqual(['HEAD v1']);
  });

  test('forward asks again once', async () => {
    const { upstream, mirror, clock } = await start();
    clock.jump(30 * 24 * hour);
    await mirror.pull('acme/app:v1');
    await mirror.pull('acme/app:v1');
    expect(asked(upstream)).toEqual(['HEAD v1']);
  });
});
