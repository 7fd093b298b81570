import { expect, it } from 'vitest';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { jsonOf, registries, startZotMirror } from './zot-mirror.ts';

const everything = (url: string, more: object = {}): object => ({
  urls: [url],
  onDemand: true,
  content: [{ prefix: '**' }],
  ...more,
});

it('takes a push beside a registry that is mirrored whole, and the push wins its name', async () => {
  const upstream = await startFakeUpstream();
  const theirs = image({ layers: ['theirs'] });
  const ours = image({ layers: ['ours'] });
  upstream.add('team/app', 'v1', theirs);
  upstream.add('team/other', 'v1', theirs);
  const mirror = await startZotMirror(registries(everything(upstream.url)));
  await pushGraph(mirror.url, 'team/app', 'v1', ours);
  expect((await mirror.pull('team/app:v1')).digest).toBe(ours.digest);
  expect((await mirror.pull('team/other:v1')).digest).toBe(theirs.digest);
  expect(upstream.count({ repository: 'team/app' })).toBe(0);
  expect(await jsonOf(mirror, '/v2/_catalog')).toEqual({ repositories: ['team/app', 'team/other'] });
});

it('keeps pushed content through a restart, tags that are not pushed stay unknown', async () => {
  const upstream = await startFakeUpstream();
  upstream.add('team/app', 'v2', image({ layers: ['theirs'] }));
  const mirror = await startZotMirror(registries(everything(upstream.url)));
  await pushGraph(mirror.url, 'team/app', 'v1', image());
  await mirror.restart();
  expect(await jsonOf(mirror, '/v2/team/app/tags/list')).toEqual({ name: 'team/app', tags: ['v1'] });
  expect((await mirror.get('/v2/team/app/manifests/v2')).status).toBe(404);
});

it.each<[string, object]>([
  ['a name that is held from the registry', everything('URL')],
  ['a name under a destination', everything('URL', { content: [{ prefix: '**', destination: '/team' }] })],
  ['a name that an exact rule names', everything('URL', { content: [{ prefix: 'team/app' }] })],
  [
    'a name that an exact rule names although it is not fetched',
    everything('URL', { onDemand: false, content: [{ prefix: 'team/app' }] }),
  ],
])('takes no push to %s', async (_, entry) => {
  const upstream = await startFakeUpstream();
  const theirs = image({ layers: ['theirs'] });
  upstream.add('team/app', 'v1', theirs);
  upstream.add('app', 'v1', theirs);
  const text = registries(entry, everything('URL')).replaceAll('"URL"', JSON.stringify(upstream.url));
  const mirror = await startZotMirror(text);
  await mirror.get('/v2/team/app/manifests/v1');
  const answer = await fetch(`${mirror.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
  const body: unknown = await answer.json();
  expect({ status: answer.status, body }).toMatchObject({
    status: 403,
    body: { errors: [{ code: 'DENIED' }] },
  });
});
