import { expect, test } from 'vitest';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';

const first = image({ layers: ['first'] });
const second = image({ layers: ['second'] });

/** As containerd and Docker pull: the tag with HEAD, then its manifest by digest. */
async function pullByHead(mirror: Awaited<ReturnType<typeof startTempMirror>>): Promise<string> {
  const head = await mirror.head('/v2/team/app/manifests/v1');
  const digest = String(head.headers['docker-content-digest']);
  expect((await mirror.get(`/v2/team/app/manifests/${digest}`)).status).toBe(200);
  return digest;
}

test('a tag asked for with HEAD is held once its manifest came by digest', async () => {
  const upstream = await startFakeUpstream();
  upstream.add('team/app', 'v1', first);
  const mirror = await startTempMirror({ upstream });
  expect(await pullByHead(mirror)).toBe(first.digest);
  upstream.clearRequests();
  expect(await pullByHead(mirror)).toBe(first.digest);
  await mirror.restart();
  expect(await pullByHead(mirror)).toBe(first.digest);
  expect(upstream.requests).toEqual([]);
});

test('a tag asked for with HEAD is served stale when the upstream is gone', async () => {
  const upstream = await startFakeUpstream();
  upstream.add('team/app', 'v1', first);
  const mirror = await startTempMirror({ upstream, upstreamSettings: { ttl: '1ms' } });
  await pullByHead(mirror);
  await upstream.stop();
  expect(await pullByHead(mirror)).toBe(first.digest);
  await mirror.audit({ artifact: 'up.test/team/app:v1', outcome: 'stale' });
});

test('a tag asked for with HEAD is held at once when its manifest is, under another tag', async () => {
  const upstream = await startFakeUpstream();
  upstream.add('team/app', ['v1', 'latest'], first);
  const mirror = await startTempMirror({ upstream });
  await mirror.pull('team/app:latest');
  await mirror.head('/v2/team/app/manifests/v1');
  await upstream.stop();
  expect((await mirror.get('/v2/team/app/manifests/v1')).headers['docker-content-digest']).toBe(first.digest);
});

test('what a HEAD said of a tag gives way to what a later pull learnt', async () => {
  const upstream = await startFakeUpstream();
  upstream.add('team/app', 'v1', first);
  const mirror = await startTempMirror({ upstream });
  await mirror.head('/v2/team/app/manifests/v1');
  upstream.add('team/app', 'v1', second);
  await mirror.pull('team/app:v1');
  expect((await mirror.get(`/v2/team/app/manifests/${first.digest}`)).status).toBe(200);
  expect((await mirror.get('/v2/team/app/manifests/v1')).headers['docker-content-digest']).toBe(second.digest);
});
