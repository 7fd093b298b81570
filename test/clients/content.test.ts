import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { startClient } from '../support/clients.ts';
import { clientNames } from '../support/clients/client.types.ts';
import type { Client } from '../support/clients/client.types.ts';
import { CraneClient } from '../support/clients/crane.ts';
import { SkopeoClient } from '../support/clients/skopeo.ts';
import { artifact, helmChart, index, oddImage } from '../support/image-builder.ts';
import type { Graph } from '../support/image-builder.ts';
import { bigRealImage, realImage, realIndex } from '../support/real-image.ts';
import { frontMissing, openFront } from './front.ts';
import type { Front } from './front.ts';

const subject = realImage({ layers: [{ 'etc/motd': 'with a bill of materials\n' }] });

/** What every client unpacks. */
const images: Readonly<Record<string, Graph>> = {
  'OCI image': realImage(),
  'Docker image': realImage({ docker: true }),
  'OCI index': realIndex(),
  'Docker list': realIndex({ docker: true, text: 'list' }),
  'image without compression': realImage({ gzip: false, layers: [{ a: 'a' }, { b: 'b' }] }),
  'image of 8 MB': bigRealImage(8_000_000),
};

/** What is no image to run; clients that only copy take it. */
const artifacts: Readonly<Record<string, Graph>> = {
  'Helm chart': helmChart(),
  'artifact with a subject': artifact({ type: 'application/spdx+json', subject, layers: ['{"spdx":"2.3"}'] }),
  'image with empty, repeated and annotated layers': oddImage(),
};

const nameOf = (kind: string): string => `kinds/${kind.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;

describe.each(clientNames)('%s', (name) => {
  describe.skipIf(frontMissing(name) !== undefined)('gets byte for byte', () => {
    let front: Front;
    let client: Client;
    beforeAll(async () => {
      front = await openFront();
      client = await startClient(name);
    });
    afterAll(async () => {
      await client.stop();
      await front.close();
    });

    const isCopier = name === 'skopeo' || name === 'crane';
    const kinds = Object.entries({ ...images, ...(isCopier ? artifacts : {}) });
    test.each(kinds)('%s, cold and warm', async (kind, graph) => {
      const { registry, mirror } = front;
      await registry.push(nameOf(kind), '1.2.3', graph);
      const reference = `${mirror.host}/${nameOf(kind)}:1.2.3`;
      expect(await client.pull(reference)).toEqual({ digest: graph.digest });
      expect(await client.pull(reference)).toEqual({ digest: graph.digest });
    });
  });
});

describe.skipIf(frontMissing('crane') !== undefined)('an artifact that refers to an image', () => {
  test('is listed as its referrer and pulled by the digest listed, from a registry that only has the fallback tag', async () => {
    const { registry, mirror } = await openFront();
    const bill = artifact({ type: 'application/spdx+json', subject, annotations: { made: 'today' } });
    const fallbackTag = subject.digest.replace(':', '-');
    await registry.push('team/app', 'v1', subject);
    await registry.push('team/app', fallbackTag, index([bill]));
    const crane = await startClient('crane');
    expect(await crane.pull(`${mirror.host}/team/app:v1`)).toEqual({ digest: subject.digest });
    const answer = await ask(`${mirror.url}/v2/team/app/referrers/${subject.digest}`);
    const { manifests } = JSON.parse(answer.body.toString()) as { manifests: { digest: string }[] };
    expect(manifests).toMatchObject([{ digest: bill.digest, artifactType: 'application/spdx+json' }]);
    expect(await crane.pull(`${mirror.host}/team/app@${manifests[0]?.digest ?? ''}`)).toEqual({ digest: bill.digest });
    await registry.proxy?.stop();
    expect(await crane.pull(`${mirror.host}/team/app@${bill.digest}`)).toEqual({ digest: bill.digest });
  });
});

describe.skipIf((frontMissing('crane') ?? frontMissing('skopeo')) !== undefined)('tags', () => {
  test('are listed as the upstream lists them, by both clients that can', async () => {
    const { registry, mirror } = await openFront();
    await registry.push('team/app', ['v1', 'v2', 'latest'], realImage());

    const [crane, skopeo] = await Promise.all([CraneClient.start(), SkopeoClient.start()]);
    const lists = [
      await crane.listTags(`${mirror.host}/team/app`),
      await skopeo.listTags(`${mirror.host}/up.test/team/app`),
    ];
    await Promise.all([crane.stop(), skopeo.stop()]);
    expect(lists.map((list) => [...list].sort())).toEqual([
      ['latest', 'v1', 'v2'],
      ['latest', 'v1', 'v2'],
    ]);
  });
});

describe.skipIf(frontMissing('crane') !== undefined)('crane validate', () => {
  test('finds that every layer unpacks to what its config promises', async () => {
    const { registry, mirror } = await openFront();
    await registry.push('team/app', 'v1', realIndex());
    const crane = await CraneClient.start();
    await crane.validate(`${mirror.host}/team/app:v1`);
    await crane.stop();
  });
});
