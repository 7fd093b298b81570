import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { startClient } from '../support/clients.ts';
import { clientNames } from '../support/clients/client.types.ts';
import type { Client, ClientName } from '../support/clients/client.types.ts';
import { realIndex } from '../support/real-image.ts';
import { asked, frontMissing, openFront } from './front.ts';
import type { Front } from './front.ts';

const here = clientNames.filter((name) => frontMissing(name) === undefined);
const image = realIndex();

async function startAll(): Promise<ReadonlyMap<ClientName, Client>> {
  return new Map(await Promise.all(here.map(async (name) => [name, await startClient(name)] as const)));
}

async function stopAll(clients: ReadonlyMap<ClientName, Client>): Promise<void> {
  await Promise.all([...clients.values()].map((client) => client.stop()));
}

describe.skipIf(here.length === 0)('inside the TTL', () => {
  let front: Front;
  let clients: ReadonlyMap<ClientName, Client>;
  beforeAll(async () => {
    front = await openFront(() => ({ upstreamSettings: { ttl: '1h' } }));
    clients = await startAll();
  });
  afterAll(async () => {
    await stopAll(clients);
    await front.close();
  });

  test.each(clientNames)('%s brings what every other client then pulls without a request upstream', async (name) => {
    const { registry, proxy, mirror } = front;
    const repository = `first/${name}`;
    await registry.push(repository, 'v1', realIndex({ text: name }));
    // crane and skopeo want the other platforms, too
    const first = clients.get(name)!;
    await first.pull(`${mirror.host}/${repository}:v1`);
    const isWhole = name === 'crane' || name === 'skopeo';
    const others = [...clients.values()].filter((client) => isWhole || !['crane', 'skopeo'].includes(client.name));
    proxy.clearRequests();
    for (const client of others) await client.pull(`${mirror.host}/up.test/${repository}:v1`);
    expect(asked(proxy)).toEqual([]);
  });

  test('the mirror needs no request upstream after a restart either', async () => {
    const { registry, proxy, mirror } = front;
    await registry.push('restarted/app', 'v1', image);
    await clients.get('skopeo')!.pull(`${mirror.host}/restarted/app:v1`);
    proxy.clearRequests();
    expect(await mirror.stop()).toBe(0);
    await mirror.start();
    for (const client of clients.values())
      expect(await client.pull(`${mirror.host}/restarted/app:v1`)).toEqual({ digest: image.digest });
    expect(asked(proxy)).toEqual([]);
  });
});

describe.skipIf(here.length === 0)('with the upstream stopped and the TTL over', () => {
  let front: Front;
  let clients: ReadonlyMap<ClientName, Client>;
  beforeAll(async () => {
    front = await openFront(() => ({ upstreamSettings: { ttl: '1ms' } }));
    const { registry, proxy, mirror } = front;
    clients = await startAll();
    for (const [name, client] of clients) {
      await registry.push(`team/${name}`, 'v1', image);
      await client.pull(`${mirror.host}/team/${name}:v1`);
    }
    await proxy.stop();
  });
  afterAll(async () => {
    await stopAll(clients);
    await front.close();
  });

  test.each(clientNames)('%s still pulls, and the audit says stale', async (name) => {
    const { mirror } = front;
    const reference = `${mirror.host}/team/${name}:v1`;
    expect(await clients.get(name)!.pull(reference)).toEqual({ digest: image.digest });
    const artifact = `up.test/team/${name}:v1`;
    const [line] = await mirror.audit({ event: 'artifact_pull', artifact, outcome: 'stale' });
    expect(line).toMatchObject({ digest: image.digest, cached: true, status: 200, upstream: 'up.test' });
  });

  test.each(clientNames)('%s fails on what was never pulled, which is a 503 and not a 404', async (name) => {
    const { mirror } = front;
    await expect(clients.get(name)!.pull(`${mirror.host}/never/${name}:v1`)).rejects.toThrow(/503|UNAVAILABLE/);
    const [line] = await mirror.audit({ artifact: `up.test/never/${name}:v1` });
    expect(line).toMatchObject({ outcome: 'failed', status: 503, cached: false });
  });

  test('a stale answer carries a warning', async () => {
    const { mirror } = front;
    const answer = await ask(`${mirror.url}/v2/team/${here[0]!}/manifests/v1`);
    expect({ status: answer.status, warning: answer.headers.warning }).toEqual({
      status: 200,
      warning: expect.stringMatching(/^11[01] \S+ ".+"$/) as string,
    });
  });
});
