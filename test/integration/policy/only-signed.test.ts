import { describe, expect, it } from 'vitest';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { artifact, image, index, linuxArm64 } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';

const repository = 'acme/app';
const children = [image({ layers: ['a'] }), image({ layers: ['b'], platform: linuxArm64 })] as const;
const tagged = index([...children]);
const attached = image({ layers: ['attached'] });
const unsigned = image({ layers: ['unsigned'] });

/** What cosign stores under its tag; nobody has to be able to prove it. */
const signature = image({
  layers: [
    {
      mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
      content: JSON.stringify({ critical: { image: { 'docker-manifest-digest': tagged.digest } } }),
      annotations: { 'dev.cosignproject.cosign/signature': 'c2lnbmVk' },
    },
  ],
});
const bundle = artifact({ type: 'application/vnd.dev.sigstore.bundle.v0.3+json', subject: attached });
const signatureTag = `${tagged.digest.replace(':', '-')}.sig`;

async function start(upstreamSettings = { onlySigned: true }) {
  const upstream = await startFakeUpstream();
  upstream.add(repository, 'tagged', tagged);
  upstream.add(repository, signatureTag, signature);
  upstream.add(repository, 'attached', attached);
  upstream.add(repository, 'bundle', bundle);
  upstream.add(repository, 'unsigned', unsigned);
  const mirror = await startTempMirror({ upstream, upstreamSettings });
  const statusOf = async (reference: string): Promise<number> =>
    (await mirror.get(`/v2/${repository}/manifests/${reference}`)).status;
  return { upstream, mirror, statusOf };
}

describe('an upstream with onlySigned', () => {
  it('delivers what has a signature by tag or by reference, with its images, and the signatures themselves', async () => {
    const { statusOf } = await start();

    const references = ['tagged', tagged.digest, children[0].digest, signatureTag, 'attached', bundle.digest];
    const statuses: number[] = [];
    for (const reference of references) statuses.push(await statusOf(reference));

    expect(statuses).toEqual(references.map(() => 200));
  });

  it('delivers nothing of what has none, by no name, cold or warm', async () => {
    const { mirror, statusOf } = await start();
    const statuses = [await statusOf('unsigned'), await statusOf('unsigned'), await statusOf(unsigned.digest)];
    const layer = await mirror.get(`/v2/${repository}/blobs/${unsigned.layers[0]?.digest ?? ''}`);

    const [line] = await mirror.audit({ outcome: 'denied' }, 1);

    expect([...statuses, layer.status]).toEqual([403, 403, 403, 403]);
    expect(line).toMatchObject({
      code: 'DENIED',
      detail: expect.stringContaining('policy rule onlySigned') as unknown,
    });
  });

  it('without it delivers both', async () => {
    const { statusOf } = await start({ onlySigned: false });

    expect([await statusOf('tagged'), await statusOf('unsigned')]).toEqual([200, 200]);
  });
});
