import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempDirectory } from '../../support/cleanup.ts';
import { clientMissing, knowsMirrors, startClient } from '../../support/clients.ts';
import { clientNames } from '../../support/clients/client.types.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { bigRealImage, realImage, realIndex } from '../../support/real-image.ts';
import { hasTool } from '../../support/tools.ts';

const limitMs = 60_000;

describe.each(clientNames)('%s', (name) => {
  const here = test.skipIf(clientMissing(name) !== undefined);

  here(
    'pulls what the builder makes, every time over the network, and names its digest',
    { timeout: limitMs },
    async () => {
      const upstream = await startFakeUpstream();
      const graphs = {
        oci: realImage(),
        docker: realImage({ docker: true }),
        index: realIndex(),
        list: realIndex({ docker: true }),
        big: bigRealImage(2_000_000),
      };
      for (const [repository, graph] of Object.entries(graphs)) upstream.add(repository, 'v1', graph);
      const client = await startClient(name);
      const pulled: Record<string, string> = {};
      for (const repository of Object.keys(graphs))
        pulled[repository] = (await client.pull(`${upstream.host}/${repository}:v1`)).digest;
      expect(pulled).toEqual(
        Object.fromEntries(Object.entries(graphs).map(([repository, graph]) => [repository, graph.digest])),
      );
      await client.pull(`${upstream.host}/big:v1`);
      expect(upstream.count({ method: 'GET', kind: 'blob', reference: graphs.big.layers[0]!.digest })).toBe(2);
    },
  );

  here('fails on a wrong byte', { timeout: limitMs }, async () => {
    const upstream = await startFakeUpstream();
    upstream.add('app', 'v1', bigRealImage(2_000_000));
    upstream.script({ match: { kind: 'blob' }, fault: { flipByteAt: -1 } });
    const client = await startClient(name);
    await expect(client.pull(`${upstream.host}/app:v1`)).rejects.toThrow();
  });

  here('speaks HTTPS with the given authority only', { timeout: limitMs }, async () => {
    const upstream = await startFakeUpstream({ tls: true });
    const app = realImage();
    upstream.add('app', 'v1', app);
    const caFile = join(await tempDirectory(), 'ca.pem');
    await writeFile(caFile, upstream.authority!.ca);
    const client = await startClient(name);
    expect(await client.pull(`${upstream.host}/app:v1`, { caFile })).toEqual({ digest: app.digest });
  });
});

describe.each(clientNames.filter(knowsMirrors))('%s', (name) => {
  test.skipIf(clientMissing(name) !== undefined)('asks a mirror for another host', { timeout: limitMs }, async () => {
    const upstream = await startFakeUpstream();
    const app = realImage();
    upstream.add('acme/app', 'v1', app);
    upstream.add('up.test/acme/app', 'v1', app);
    const client = await startClient(name);
    expect(await client.pull('up.test/acme/app:v1', { mirrors: { 'up.test': upstream.host } })).toEqual({
      digest: app.digest,
    });
    expect(await client.pull('up.test/acme/app:v1', { mirrors: { 'up.test': `${upstream.host}/up.test` } })).toEqual({
      digest: app.digest,
    });
    const asked = new Set(upstream.log.find({ kind: 'manifest' }).map((request) => request.repository));
    expect(asked).toEqual(new Set(['acme/app', 'up.test/acme/app']));
    expect(upstream.requests.some((request) => request.url.includes('ns=up.test'))).toBe(name === 'ctr');
  });
});

test('a missing program is named with the way to get it', () => {
  expect(hasTool('no-such-program')).toEqual({ available: false, reason: 'no-such-program is not installed' });
});
