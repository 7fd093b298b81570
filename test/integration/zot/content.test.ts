import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { artifact, image } from '../../support/image-builder.ts';
import { tempDirectory } from '../../support/cleanup.ts';
import { zotExample } from '../../support/zot-examples.ts';
import { hasBlobFile } from '../registry/stored-content.ts';
import { jsonOf, refusalOf, registries, startZotMirror, withUrls } from './zot-mirror.ts';

describe('the on-demand example', () => {
  it('serves both images under their destinations, and lists them as zot does', async () => {
    const hub = await startFakeUpstream();
    const k8s = await startFakeUpstream();
    const alpine = image({ layers: ['alpine'] });
    const proxy = image({ layers: ['kube-proxy'] });
    hub.add('library/alpine', 'latest', alpine);
    k8s.add('kube-proxy', 'v1.19.2', proxy);
    const text = withUrls(zotExample('on-demand'), {
      'https://docker.io/library': `${hub.url}/library`,
      'https://k8s.gcr.io': k8s.url,
    });
    const mirror = await startZotMirror(text);
    expect((await mirror.pull('docker-images/alpine:latest')).digest).toBe(alpine.digest);
    expect((await mirror.pull('k8s-images/kube-proxy:v1.19.2')).digest).toBe(proxy.digest);
    expect(await jsonOf(mirror, '/v2/_catalog')).toEqual({
      repositories: ['docker-images/alpine', 'k8s-images/kube-proxy'],
    });
    const requests = hub.count() + k8s.count();
    await mirror.pull('docker-images/alpine:latest');
    await mirror.pull('k8s-images/kube-proxy:v1.19.2');
    expect(hub.count() + k8s.count()).toBe(requests);
  });

  it('knows no name that no rule is about, and asks nobody', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('alpine', 'latest', image());
    upstream.add('library/alpine', 'latest', image());
    const text = withUrls(zotExample('on-demand'), {
      'https://docker.io/library': `${upstream.url}/library`,
      'https://k8s.gcr.io': upstream.url,
    });
    const mirror = await startZotMirror(text);
    expect(await refusalOf(mirror, '/v2/alpine/manifests/latest')).toMatchObject({ status: 404 });
    expect(await refusalOf(mirror, '/v2/docker-images/manifests/latest')).toMatchObject({ status: 404 });
    expect(upstream.count()).toBe(0);
  });
});

it('the subpaths example repeats the destination and the repository in the name, and keeps it in a folder of its own', async () => {
  const folder = join(await tempDirectory(), 'kube-proxy');
  const k8s = await startFakeUpstream();
  const graph = image();
  k8s.add('kube-proxy', 'v1.19.2', graph);
  const places = { 'https://k8s.gcr.io': k8s.url, '/tmp/kube-proxy': folder };
  const mirror = await startZotMirror(withUrls(zotExample('subpaths'), places));
  expect((await mirror.pull('kube-proxy/kube-proxy:v1.19.2')).digest).toBe(graph.digest);
  expect(await jsonOf(mirror, '/v2/_catalog')).toEqual({ repositories: ['kube-proxy/kube-proxy'] });
  // what is under way is put down first
  await mirror.stop();
  for (const digest of graph.blobs.keys()) expect(hasBlobFile(folder, digest)).toBe(true);
});

it('a registry without content is asked for every name', async () => {
  const hub = await startFakeUpstream();
  const graph = image();
  hub.add('library/alpine', 'latest', graph);
  const urls = {
    'https://docker.io/library': `${hub.url}/library`,
    'https://registry1:5000': 'http://127.0.0.1:1',
    'https://registry2:5000': 'http://127.0.0.1:1',
    'https://registry3:5000': 'http://127.0.0.1:1',
  };
  const mirror = await startZotMirror(withUrls(zotExample('mixed'), urls));
  expect((await mirror.pull('alpine:latest')).digest).toBe(graph.digest);
  expect(await jsonOf(mirror, '/v2/_catalog')).toEqual({ repositories: ['alpine'] });
});

describe('the polled example', () => {
  const onDemandToo = zotExample('polled')
    .replace('"onDemand": false', '"onDemand": true')
    .replace('"onlySigned": true', '"onlySigned": false');

  it('fetches nothing on demand, and says why', async () => {
    const upstream = await startFakeUpstream();
    const graph = image();
    upstream.add('repo3/repo', 'v1', graph);
    const mirror = await startZotMirror(withUrls(zotExample('polled'), { 'https://registry1:5000': upstream.url }));
    expect(await refusalOf(mirror, '/v2/repo3/repo/manifests/v1')).toEqual({
      status: 404,
      code: 'MANIFEST_UNKNOWN',
      message: expect.stringContaining('onDemand is false') as unknown,
    });
    expect(await refusalOf(mirror, `/v2/repo3/repo/manifests/${graph.digest}`)).toMatchObject({
      code: 'MANIFEST_UNKNOWN',
    });
    expect(await refusalOf(mirror, `/v2/repo3/repo/blobs/${graph.layers[0]!.digest}`)).toMatchObject({
      code: 'BLOB_UNKNOWN',
    });
    expect(await refusalOf(mirror, '/v2/repo3/repo/tags/list')).toMatchObject({ code: 'NAME_UNKNOWN' });
    expect(await refusalOf(mirror, `/v2/${upstream.host}/repo3/repo/manifests/v1`)).toMatchObject({
      code: 'MANIFEST_UNKNOWN',
    });
    expect((await mirror.head('/v2/repo3/repo/manifests/v1')).status).toBe(404);
    expect(upstream.count()).toBe(0);
    expect(await jsonOf(mirror, '/v2/_catalog')).toEqual({ repositories: [] });
  });

  it('serves what is held, without asking and without a stale mark', async () => {
    const upstream = await startFakeUpstream();
    const graph = image();
    upstream.add('repo3/repo', 'v1', graph);
    const directory = await tempDirectory();
    const before = await startZotMirror(withUrls(onDemandToo, { 'https://registry1:5000': upstream.url }), directory);
    await before.pull('repo3/repo:v1');
    await before.stop();
    upstream.clearRequests();
    const text = withUrls(zotExample('polled'), { 'https://registry1:5000': upstream.url });
    const mirror = await startZotMirror(text, directory);
    const pulled = await mirror.pull('repo3/repo:v1');
    expect(pulled.digest).toBe(graph.digest);
    expect(pulled.headers.get('warning')).toBeNull();
    expect(await jsonOf(mirror, '/v2/repo3/repo/tags/list')).toEqual({ name: 'repo3/repo', tags: ['v1'] });
    expect(upstream.count()).toBe(0);
  });

  it('filters tags of pulls on demand too, by expression and version', async () => {
    const upstream = await startFakeUpstream();
    const tags = ['4.1.0', '4.2', '3.9.0', '14.0.0', '4.x-nightly', 'latest'];
    const graph = image();
    upstream.add('repo1/repo', tags, graph);
    const mirror = await startZotMirror(withUrls(onDemandToo, { 'https://registry1:5000': upstream.url }));
    for (const tag of ['3.9.0', '14.0.0', '4.x-nightly', 'latest']) {
      expect(await refusalOf(mirror, `/v2/repo1/repo/manifests/${tag}`)).toMatchObject({
        status: 404,
        code: 'MANIFEST_UNKNOWN',
        message: expect.stringMatching(
          /^\S+ of repo1\/repo is not fetched: the tag (?:does not match|is not a semantic)/,
        ) as unknown,
      });
      expect((await mirror.head(`/v2/repo1/repo/manifests/${tag}`)).status).toBe(404);
      expect(await refusalOf(mirror, `/v2/${upstream.host}/repo1/repo/manifests/${tag}`)).toMatchObject({
        code: 'MANIFEST_UNKNOWN',
      });
    }
    expect(upstream.count()).toBe(0);
    expect((await mirror.pull('repo1/repo:4.1.0')).digest).toBe(graph.digest);
    expect((await mirror.pull('repo1/repo:4.2')).digest).toBe(graph.digest);
    expect(await jsonOf(mirror, '/v2/repo1/repo/tags/list')).toEqual({ name: 'repo1/repo', tags: ['4.1.0', '4.2'] });
  });

  it('strips the prefix, so that upstream/repo2/repo:v1 is repo2:v1 here', async () => {
    const upstream = await startFakeUpstream();
    const graph = image();
    upstream.add('repo2/repo', 'v1', graph);
    upstream.add('repo4/repo', 'v1', graph);
    const mirror = await startZotMirror(withUrls(onDemandToo, { 'https://registry1:5000': upstream.url }));
    expect((await mirror.pull('repo2:v1')).digest).toBe(graph.digest);
    expect(await refusalOf(mirror, '/v2/repo2/repo/manifests/v1')).toMatchObject({ status: 404 });
    expect(await jsonOf(mirror, '/v2/_catalog')).toEqual({ repositories: ['repo2'] });
  });

  it('lets nothing through that no rule is about, however the name is written', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('repo4/repo', 'v1', image());
    const mirror = await startZotMirror(withUrls(onDemandToo, { 'https://registry1:5000': upstream.url }));
    for (const path of [
      `/v2/${upstream.host}/repo4/repo/manifests/v1`,
      `/v2/repo4/repo/manifests/v1?ns=${upstream.host}`,
      '/v2/repo4/repo/manifests/v1',
    ])
      expect(await refusalOf(mirror, path)).toMatchObject({ status: 404 });
    expect(upstream.count()).toBe(0);
  });
});

describe('several registries for one destination', () => {
  const content = [{ prefix: '**', destination: '/mirror' }];

  it('are asked in order until one has it', async () => {
    const [first, second, third] = [await startFakeUpstream(), await startFakeUpstream(), await startFakeUpstream()];
    const app = image({ layers: ['app'] });
    const own = image({ layers: ['of the first'] });
    second.add('app', 'v1', app);
    third.add('app', 'v1', image({ layers: ['never seen'] }));
    first.add('own', 'v1', own);
    second.add('own', 'v1', image({ layers: ['hidden by the first'] }));
    const entries = [first, second, third].map(({ url }) => ({ urls: [url], onDemand: true, content }));
    const mirror = await startZotMirror(registries(...entries));
    expect((await mirror.pull('mirror/app:v1')).digest).toBe(app.digest);
    expect((await mirror.pull('mirror/own:v1')).digest).toBe(own.digest);
    expect(third.count()).toBe(0);
    expect(await refusalOf(mirror, '/v2/mirror/none/manifests/v1')).toMatchObject({ status: 404 });
  });

  it('go on without one that is down, and do not call that "not found"', async () => {
    const [first, second] = [await startFakeUpstream(), await startFakeUpstream()];
    const app = image();
    second.add('app', 'v1', app);
    const entries = [first, second].map(({ url }) => ({ urls: [url], onDemand: true, content }));
    const mirror = await startZotMirror(registries(...entries));
    await first.stop();
    expect((await mirror.pull('mirror/app:v1')).digest).toBe(app.digest);
    expect((await refusalOf(mirror, '/v2/mirror/none/manifests/v1')).status).toBeGreaterThanOrEqual(500);
  });

  it('keep a tag of the first, marked stale, while only another one can be asked', async () => {
    const [first, second] = [await startFakeUpstream(), await startFakeUpstream()];
    const app = image({ layers: ['of the first'] });
    first.add('app', 'latest', app);
    second.add('app', 'latest', image({ layers: ['something else'] }));
    const entries = [first, second].map(({ url }) => ({
      urls: [url],
      onDemand: true,
      manifestCheckInterval: '1ms',
      content,
    }));
    const mirror = await startZotMirror(registries(...entries));
    await mirror.pull('mirror/app:latest');
    await first.stop();
    const stale = async (): Promise<unknown> => {
      const pulled = await mirror.pull('mirror/app:latest');
      return [pulled.digest, pulled.headers.get('warning') !== null];
    };
    await expect.poll(stale).toEqual([app.digest, true]);
  });

  it('leave out those that are not asked on demand', async () => {
    const [first, second] = [await startFakeUpstream(), await startFakeUpstream()];
    first.add('app', 'v1', image({ layers: ['polled'] }));
    const app = image({ layers: ['on demand'] });
    second.add('app', 'v1', app);
    const mirror = await startZotMirror(
      registries({ urls: [first.url], content }, { urls: [second.url], onDemand: true, content }),
    );
    expect((await mirror.pull('mirror/app:v1')).digest).toBe(app.digest);
    expect(first.count()).toBe(0);
  });

  it('list the tags of all, and the referrers of the one that has them', async () => {
    const [first, second] = [await startFakeUpstream(), await startFakeUpstream()];
    const app = image({ layers: ['app'] });
    const signature = artifact({ subject: app.descriptor, type: 'application/vnd.test.signature' });
    first.add('app', ['v1', 'v2'], image({ layers: ['other'] }));
    second.add('app', ['v2', 'v3'], app);
    second.add('app', undefined, signature);
    const entries = [first, second].map(({ url }) => ({ urls: [url], onDemand: true, content }));
    const mirror = await startZotMirror(registries(...entries));
    expect(await jsonOf(mirror, '/v2/mirror/app/tags/list')).toEqual({ name: 'mirror/app', tags: ['v1', 'v2', 'v3'] });
    expect(await jsonOf(mirror, `/v2/mirror/app/referrers/${app.digest}`)).toMatchObject({
      manifests: [{ digest: signature.digest }],
    });
  });
});

it('a registry with several URLs is asked at the next when the first is down', async () => {
  const [first, second] = [await startFakeUpstream(), await startFakeUpstream()];
  const app = image();
  second.add('team/app', 'v1', app);
  const mirror = await startZotMirror(registries({ urls: [first.url, `${second.url}/team`], onDemand: true }));
  await first.stop();
  expect((await mirror.pull('app:v1')).digest).toBe(app.digest);
});

it('a tag that moves upstream is followed under its name here', async () => {
  const upstream = await startFakeUpstream();
  const [before, after] = [image({ layers: ['before'] }), image({ layers: ['after'] })];
  upstream.add('app', 'latest', before);
  const entry = {
    urls: [upstream.url],
    onDemand: true,
    manifestCheckInterval: '1ms',
    content: [{ prefix: 'app', destination: 'x' }],
  };
  const mirror = await startZotMirror(registries(entry));
  expect((await mirror.pull('x/app:latest')).digest).toBe(before.digest);
  upstream.add('app', 'latest', after);
  await expect.poll(async () => (await mirror.pull('x/app:latest')).digest).toBe(after.digest);
});
