import { expect, test } from 'vitest';
import { Registry, codes, digestOf, ociIndex, ociManifest } from './client.ts';
import type { PushedImage } from './client.ts';

const registry = new Registry();
const sbom = 'application/vnd.example.sbom.v1';

interface Referrers {
  readonly mediaType: string;
  readonly manifests: readonly Readonly<Record<string, unknown>>[];
}

async function referrers(repository: string, digest: string, query = ''): Promise<[Referrers, string | undefined]> {
  const answer = await registry.mirror.get(`/v2/${repository}/referrers/${digest}${query}`);
  expect([answer.status, answer.headers['content-type']]).toEqual([200, ociIndex]);
  const applied = answer.headers['oci-filters-applied'];
  return [JSON.parse(answer.body.toString()) as Referrers, applied === undefined ? undefined : String(applied)];
}

function attach(image: PushedImage, tag: string, extra: Readonly<Record<string, unknown>>): Promise<PushedImage> {
  const subject = { mediaType: ociManifest, digest: image.digest, size: image.text.length };
  return registry.pushImage('team/app', tag, tag, { subject, ...extra });
}

test('what refers to a digest is listed with type, size and annotations, and can be filtered', async () => {
  const image = await registry.pushImage('team/app', 'v1', 'layer');
  const one = await attach(image, 'sbom', { artifactType: sbom, annotations: { 'org.example': 'one' } });
  const two = await attach(image, 'other', {});
  const [{ mediaType, manifests }] = await referrers('team/app', image.digest);
  expect(mediaType).toBe(ociIndex);
  const wanted = [
    {
      mediaType: ociManifest,
      digest: one.digest,
      size: one.text.length,
      artifactType: sbom,
      annotations: { 'org.example': 'one' },
    },
    // without a type of its own it is of its config's type
    {
      mediaType: ociManifest,
      digest: two.digest,
      size: two.text.length,
      artifactType: 'application/vnd.oci.image.config.v1+json',
    },
  ];
  expect(manifests).toHaveLength(2);
  expect(manifests).toEqual(expect.arrayContaining(wanted));
  const [filtered, applied] = await referrers('team/app', image.digest, `?artifactType=${sbom}`);
  expect([filtered.manifests, applied]).toEqual([[wanted[0]], 'artifactType']);
  await registry.send('DELETE', `team/app/manifests/${one.digest}`);
  expect((await referrers('team/app', image.digest))[0].manifests).toEqual([wanted[1]]);
});

test('a referrer pushed before its subject is listed', async () => {
  const subject = { mediaType: ociManifest, digest: digestOf('to come'), size: 7 };
  const { digest } = await registry.pushImage('team/early', 'signature', 'layer', { subject });
  const [{ manifests }] = await referrers('team/early', subject.digest);
  expect(manifests.map((manifest) => manifest['digest'])).toEqual([digest]);
});

test('a list that a client keeps under the fallback tag is served as it was pushed', async () => {
  const image = await registry.pushImage('team/fallback', 'v1', 'layer');
  const tag = image.digest.replace(':', '-');
  const list = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [] });
  expect((await registry.putManifest('team/fallback', tag, list, ociIndex)).status).toBe(201);
  expect((await registry.mirror.get(`/v2/team/fallback/manifests/${tag}`)).body.toString()).toBe(list);
});

test('nothing refers to an unknown digest, and a malformed one is 400', async () => {
  await registry.pushImage('team/app', 'v1', 'layer');
  expect((await referrers('team/app', digestOf('nobody knows')))[0].manifests).toEqual([]);
  const answer = await registry.mirror.get('/v2/team/app/referrers/sha256:short');
  expect([answer.status, codes(answer)]).toEqual([400, ['DIGEST_INVALID']]);
});
