import { describe, expect, it } from 'vitest';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from './admin-client.ts';

const starters = ['docker.io', 'ghcr.io', 'quay.io', 'registry.k8s.io'];

async function orderOf(admin: AdminClient): Promise<readonly string[]> {
  const { upstreams } = await admin.call('listUpstreams');
  return upstreams.toSorted((a, b) => a.position - b.position).map(({ name }) => name);
}

describe('the order of the upstreams', () => {
  it('is the one a person gave, also after a restart and another upstream, and is in the audit', async () => {
    const mirror = await startTempMirror();
    const admin = new AdminClient(mirror.adminUrl);
    const names = ['quay.io', 'registry.k8s.io', 'docker.io', 'ghcr.io'];
    await admin.call('orderUpstreams', { body: { names } });
    expect(await orderOf(admin)).toEqual(names);
    await mirror.restart();
    const again = new AdminClient(mirror.adminUrl);
    expect(await orderOf(again)).toEqual(names);
    await again.call('addUpstream', { body: { name: 'new.test' } });
    expect(await orderOf(again)).toEqual([...names, 'new.test']);
    const [line] = await mirror.audit({ event: 'config_change', artifact: 'upstreams' }, 1);
    expect(line?.['detail']).toBe(`order: ${starters.join(', ')} → ${names.join(', ')}`);
  });

  it('decides which upstream gets a name that content rules of several are about', async () => {
    const mirror = await startTempMirror();
    const admin = new AdminClient(mirror.adminUrl);
    const graphs = new Map<string, string>();
    for (const name of ['one.test', 'two.test']) {
      const upstream = await startFakeUpstream();
      const graph = image({ layers: [name] });
      upstream.add('acme/app', 'v1', graph);
      graphs.set(name, graph.digest);
      await admin.call('addUpstream', {
        body: { name, urls: [upstream.url], content: [{ prefix: 'acme/**', destination: '/shared' }] },
      });
    }
    const match = async () =>
      (await admin.call('matchReference', { query: { reference: 'shared/acme/app' } })).upstream;
    expect(await match()).toBe('one.test');
    await admin.call('orderUpstreams', { body: { names: ['two.test', ...starters, 'one.test'] } });
    expect(await match()).toBe('two.test');
    expect((await mirror.pull('shared/acme/app:v1')).digest).toBe(graphs.get('two.test'));
  });

  it('keeps a place for the default upstream that only a flag names', async () => {
    const mirror = await startTempMirror({ settings: { upstreamRegistry: 'flag.test' } });
    const admin = new AdminClient(mirror.adminUrl);
    await admin.call('orderUpstreams', { body: { names: ['flag.test', ...starters] } });
    await mirror.restart();
    expect(await orderOf(new AdminClient(mirror.adminUrl))).toEqual(['flag.test', ...starters]);
  });

  it.each([
    ['one is missing', starters.slice(1)],
    ['one is unknown', [...starters, 'no.test']],
    ['one is named twice', [...starters, 'ghcr.io']],
    ['none is named', []],
  ])('stays when %s', async (_why, names) => {
    const mirror = await startTempMirror();
    const admin = new AdminClient(mirror.adminUrl);
    expect(await admin.fail('orderUpstreams', { body: { names } })).toMatchObject({
      status: 400,
      code: 'REQUEST_INVALID',
    });
    expect(await orderOf(admin)).toEqual(starters);
  });

  it('is the settings file’s where that lists them', async () => {
    const upstream = await startFakeUpstream();
    const mirror = await startTempMirror({ upstream });
    const admin = new AdminClient(mirror.adminUrl);
    expect((await admin.fail('orderUpstreams', { body: { names: ['up.test'] } })).code).toBe('DENIED');
  });
});
