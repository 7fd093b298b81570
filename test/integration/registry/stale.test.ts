import { describe, expect, test } from 'vitest';
import type { Fault } from '../../support/fake-upstream/fault.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import type { FakeUpstream, FakeUpstreamOptions } from '../../support/fake-upstream/upstream.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { image } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror, TempMirrorOptions } from '../../support/temp-mirror.ts';

const app = image();
const minute = 60_000;
const tag = '/v2/acme/app/manifests/v1';

interface Stage {
  readonly upstream: FakeUpstream;
  readonly mirror: TempMirror;
  readonly clock: FakeClock;
}

/** A mirror that holds `acme/app:v1`, whose TTL has just passed. */
async function startStale(options: TempMirrorOptions = {}, upstreamOptions: FakeUpstreamOptions = {}): Promise<Stage> {
  const clock = new FakeClock();
  const upstream = await startFakeUpstream(upstreamOptions);
  upstream.add('acme/app', 'v1', app);
  const mirror = await startTempMirror({ upstream, clock, ...options });
  await mirror.pull('acme/app:v1');
  await clock.advance(6 * minute);
  upstream.clearRequests();
  return { upstream, mirror, clock };
}

/** Time passes as the retries wish it while `task` runs. */
async function whileTimePasses<T>(clock: FakeClock, task: Promise<T>): Promise<T> {
  let over = 0;
  const done = task.finally(() => {
    over += 1;
  });
  const isOver = (): boolean => over > 0;
  while (!isOver()) {
    if (clock.sleeping > 0) await clock.advance(10);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  return done;
}

const failures: readonly (readonly [string, (upstream: FakeUpstream) => Promise<void> | void])[] = [
  ['refuses connections', (upstream) => upstream.stop()],
  ['hangs', (upstream) => script(upstream, { delay: 'forever' })],
  ['answers 429', (upstream) => script(upstream, { status: 429, retryAfter: 3 })],
  ['answers 500', (upstream) => script(upstream, { status: 500 })],
  ['answers 503', (upstream) => script(upstream, { status: 503 })],
  ['resets connections', (upstream) => script(upstream, { reset: 'at-once' })],
  [
    'has a token service that refuses',
    (upstream) => {
      upstream.revokeTokens();
      upstream.script({ match: { kind: 'token' }, fault: { status: 401 } });
    },
  ],
  [
    'no longer has the tag',
    (upstream) => {
      upstream.deleteTag('acme/app', 'v1');
    },
  ],
];

function script(upstream: FakeUpstream, fault: Fault): void {
  upstream.script({ match: {}, beforeAuth: true, fault });
}

describe.each(failures)('when the upstream %s', (what, fail) => {
  test('what is held is served, marked stale, and asked about once for many pulls', async () => {
    const { upstream, mirror, clock } = await startStale({}, { auth: { kind: 'anonymous-bearer' } });
    await fail(upstream);
    const startedAt = performance.now();
    const first = await whileTimePasses(clock, Promise.all(Array.from({ length: 20 }, () => mirror.get(tag))));
    expect(performance.now() - startedAt).toBeLessThan(3000);
    for (const answer of first) {
      expect([
        answer.status,
        answer.headers['docker-content-digest'],
        answer.headers.warning,
        answer.body.equals(app.bytes),
      ]).toEqual([200, app.digest, expect.stringMatching(/^110 zhi-mirror "Response is stale: .+"$/), true]);
    }
    expect(await mirror.audit({ event: 'artifact_pull', outcome: 'stale' }, 20)).toMatchObject(
      Array.from({ length: 20 }, () => ({
        artifact: 'up.test/acme/app:v1',
        digest: app.digest,
        cached: true,
        status: 200,
      })),
    );
    const asked = upstream.count({ kind: 'manifest' });
    // three attempts at one check, at most
    expect(asked).toBeLessThanOrEqual(3);
    const atOnce = performance.now();
    const later = [await mirror.get(tag), await mirror.get(tag), await mirror.head(tag)];
    expect(performance.now() - atOnce).toBeLessThan(1000);
    expect(later.map((answer) => [answer.status, answer.headers.warning !== undefined])).toEqual([
      [200, true],
      [200, true],
      [200, true],
    ]);
    expect(upstream.count({ kind: 'manifest' })).toBe(asked);
    if (what === 'hangs') await upstream.stop();
  });

  test('blobs and digests that are held are served as ever', async () => {
    const { upstream, mirror } = await startStale({}, { auth: { kind: 'anonymous-bearer' } });
    await fail(upstream);
    expect((await mirror.pull(`acme/app@${app.digest}`)).digest).toBe(app.digest);
    expect(upstream.count()).toBe(0);
  });
});

describe('content that is not held', () => {
  const missing: readonly (readonly [string, Fault | 'stop', number, string])[] = [
    ['refuses connections', 'stop', 503, 'UNAVAILABLE'],
    ['resets connections', { reset: 'at-once' }, 503, 'UNAVAILABLE'],
    ['answers 429', { status: 429, retryAfter: 7 }, 429, 'TOOMANYREQUESTS'],
    ['answers 500', { status: 500 }, 502, 'UPSTREAM_FAILED'],
    ['answers 403', { status: 403 }, 502, 'UPSTREAM_REFUSED'],
    ['answers 401', { status: 401 }, 502, 'UPSTREAM_UNAUTHORIZED'],
  ];

  test.each(missing)('is never called unknown when the upstream %s', async (_what, fault, status, code) => {
    const upstream = await startFakeUpstream();
    const mirror = await startTempMirror({ upstream, upstreamSettings: { breakerFailures: 1000 } });
    if (fault === 'stop') await upstream.stop();
    else script(upstream, fault);
    const blob = app.layers[0]!.digest;
    const list = '/v2/acme/app/tags/list';
    const paths = [tag, `/v2/acme/app/manifests/${app.digest}`, `/v2/acme/app/blobs/${blob}`, list];
    for (const path of paths) {
      const answer = await mirror.get(path);
      expect([path, answer.status, JSON.parse(answer.body.toString())]).toMatchObject([
        path,
        status,
        { errors: [{ code }] },
      ]);
      if (path !== list) expect((await mirror.head(path)).status).toBe(status);
      if (status === 429) expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    const outcomes = await mirror.audit({ outcome: 'failed', cached: false, status }, 6);
    expect(outcomes).toHaveLength(6);
  });

  test('is asked for again half a second after a failure, one request at a time, and comes as soon as the upstream is back', async () => {
    const { upstream, mirror, clock } = await startStale();
    upstream.add('acme/app', 'v2', image({ layers: ['new'] }));
    const fault = upstream.script({ match: {}, fault: { status: 500 } });
    const pull = async (): Promise<number> =>
      (await whileTimePasses(clock, mirror.get('/v2/acme/app/manifests/v2'))).status;
    for (let i = 0; i < 3; i += 1) expect(await pull()).toBe(502);
    upstream.clearRequests();
    expect([await pull(), await pull(), upstream.count()]).toEqual([503, 503, 0]);
    await clock.advance(500);
    expect([await pull(), await pull(), upstream.count()]).toEqual([502, 503, 1]);
    fault.remove();
    await clock.advance(500);
    expect([await pull(), (await mirror.get(tag)).headers.warning]).toEqual([200, undefined]);
  });
});

test('an upstream that comes back is asked again, and the answers are no longer marked', async () => {
  const { upstream, mirror, clock } = await startStale();
  await upstream.stop();
  await whileTimePasses(clock, mirror.get(tag));
  const moved = image({ layers: ['moved'] });
  upstream.add('acme/app', 'v1', moved);
  await upstream.restart();
  await clock.advance(minute);
  const answer = await mirror.get(tag);
  expect([answer.status, answer.headers['docker-content-digest'], answer.headers.warning]).toEqual([
    200,
    moved.digest,
    undefined,
  ]);
});

test('a mirror that starts while its upstream is down serves what it holds', async () => {
  const { upstream, mirror, clock } = await startStale();
  await upstream.stop();
  await mirror.restart();
  const answer = await whileTimePasses(clock, mirror.get(tag));
  expect([answer.status, answer.headers.warning]).toEqual([200, expect.stringContaining('110')]);
});

test('without stale-if-error a failing upstream is told, not hidden', async () => {
  const { upstream, mirror, clock } = await startStale({ upstreamSettings: { staleIfError: false } });
  await upstream.stop();
  const answer = await whileTimePasses(clock, mirror.get(tag));
  expect(answer.status).toBe(503);
});
