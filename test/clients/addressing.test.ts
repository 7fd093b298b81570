import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostNamesMissing, knowsMirrors, startClient } from '../support/clients.ts';
import { clientNames } from '../support/clients/client.types.ts';
import type { Client, ClientPullOptions } from '../support/clients/client.types.ts';
import type { Graph } from '../support/image-builder.ts';
import { realIndex } from '../support/real-image.ts';
import { asked, frontMissing, openFront } from './front.ts';
import type { Front } from './front.ts';

/** One way a client can name what it wants from the mirror. */
interface Form {
  readonly name: string;
  /** Upstream and repository that must be asked. */
  readonly from: string;
  readonly reference: (host: string, port: string, repository: string) => string;
  readonly options?: (host: string) => ClientPullOptions;
  /** With the mirror's name written by the client, instead of its own setting for mirrors. */
  readonly needs?: 'mirrors' | 'hostNames';
}

const forms: readonly Form[] = [
  { name: 'default-upstream', from: 'up.test', reference: (host, _, repository) => `${host}/${repository}:v1` },
  { name: 'host-prefix', from: 'up.test', reference: (host, _, repository) => `${host}/up.test/${repository}:v1` },
  { name: 'hub-prefix', from: 'docker.io', reference: (host, _, repository) => `${host}/docker.io/${repository}:v1` },
  {
    name: 'mirror-setting',
    from: 'up.test',
    needs: 'mirrors',
    reference: (_host, _port, repository) => `up.test/${repository}:v1`,
    options: (host) => ({ mirrors: { 'up.test': host } }),
  },
  {
    name: 'mirror-setting-with-path',
    from: 'docker.io',
    needs: 'mirrors',
    reference: (_host, _port, repository) => `docker.io/${repository}:v1`,
    options: (host) => ({ mirrors: { 'docker.io': `${host}/docker.io` } }),
  },
  {
    name: 'intercepted-host',
    from: 'up.test',
    needs: 'hostNames',
    reference: (_, port, repository) => `registry.up.test:${port}/${repository}:v1`,
    options: () => ({ hostNames: ['registry.up.test'] }),
  },
];

/** The request for what every client needs: the first layer for this machine's platform. */
function blobOf(repository: string, image: Graph): string {
  return `GET /v2/${repository}/blobs/${image.children[0]?.layers[0]?.digest ?? ''}`;
}

/** Both upstreams are the one registry. */
async function openTwoUpstreams(): Promise<Front> {
  return openFront((url) => ({
    upstreamSettings: { interceptHosts: ['registry.up.test'] },
    settings: { upstreams: [{ name: 'docker.io', urls: [url] }] },
  }));
}

describe.each(clientNames)('%s', (name) => {
  describe.skipIf(frontMissing(name) !== undefined)('pulls through the mirror', () => {
    let front: Front;
    let client: Client;
    beforeAll(async () => {
      front = await openTwoUpstreams();
      client = await startClient(name);
    });
    afterAll(async () => {
      await client.stop();
      await front.close();
    });

    const possible = forms.filter(({ needs }) => needs !== 'mirrors' || knowsMirrors(name));
    for (const form of possible) {
      test.skipIf(form.needs === 'hostNames' && hostNamesMissing() !== undefined)(
        `by ${form.name}, with the upstream's digest, once`,
        async () => {
          const { registry, proxy, mirror } = front;
          const repository = `team/${form.name}`;
          const image = realIndex({ text: form.name });
          await registry.push(repository, 'v1', image);
          proxy.clearRequests();
          const port = new URL(mirror.url).port;
          const pull = (): ReturnType<Client['pull']> =>
            client.pull(form.reference(mirror.host, port, repository), form.options?.(mirror.host));
          expect(await pull()).toEqual({ digest: image.digest });
          const cold = asked(proxy);
          expect(cold.filter((request) => request.startsWith('GET '))).toContainEqual(blobOf(repository, image));
          expect(cold).toEqual([...new Set(cold)]);
          expect(await pull()).toEqual({ digest: image.digest });
          expect(asked(proxy)).toEqual(cold);
          const artifact = `${form.from}/${repository}:v1`;
          const outcomes = (await mirror.audit({ artifact, digest: image.digest }, 2)).map(({ outcome }) => outcome);
          expect(new Set(outcomes)).toEqual(new Set(['miss', 'hit']));
        },
      );
    }

    test('by digest', async () => {
      const { registry, mirror } = front;
      const image = realIndex({ text: 'by digest' });
      await registry.push('team/by-digest', 'v1', image);
      expect(await client.pull(`${mirror.host}/team/by-digest@${image.digest}`)).toEqual({ digest: image.digest });
    });
  });
});

describe.skipIf(frontMissing('ctr') !== undefined)('containerd', () => {
  test('asks for every host with one file for all of them, which names the host by ns', async () => {
    const { registry, mirror } = await openTwoUpstreams();
    const image = realIndex();
    await registry.push('library/app', 'v1', image);
    const client = await startClient('ctr');
    const mirrors = { _default: mirror.host };
    expect(await client.pull('docker.io/library/app:v1', { mirrors })).toEqual({ digest: image.digest });
    expect(await client.pull('up.test/library/app:v1', { mirrors })).toEqual({ digest: image.digest });
    for (const upstream of ['docker.io', 'up.test'])
      expect((await mirror.audit({ upstream, outcome: 'miss' }))[0]).toMatchObject({
        artifact: `${upstream}/library/app:v1`,
      });
  });
});

describe.skipIf(frontMissing('crane') !== undefined)('Docker Hub', () => {
  test('has one name for an official image, however it is written', async () => {
    const { mirror, proxy, registry } = await openFront((url) => ({
      settings: { upstreamRegistry: 'docker.io', upstreams: [{ name: 'docker.io', urls: [url] }] },
    }));
    const image = realIndex();
    await registry.push('library/app', 'v1', image);
    const client = await startClient('crane');
    const names = ['app', 'library/app', 'docker.io/app', 'docker.io/library/app', 'registry-1.docker.io/library/app'];
    for (const name of names) expect(await client.pull(`${mirror.host}/${name}:v1`)).toEqual({ digest: image.digest });
    expect(proxy.count({ kind: 'manifest', reference: 'v1' })).toBe(1);
  });
});
