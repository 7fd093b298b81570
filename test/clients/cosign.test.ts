import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ask } from '../support/ask.ts';
import { clientMissing, startClient } from '../support/clients.ts';
import { Cosign } from '../support/clients/cosign.ts';
import type { CosignForm, CosignKey } from '../support/clients/cosign.ts';
import { tempDirectory } from '../support/cleanup.ts';
import { artifact, image, manifest } from '../support/image-builder.ts';
import type { Graph } from '../support/image-builder.ts';
import { startMirrorProcess } from '../support/mirror-process.ts';
import type { MirrorProcess } from '../support/mirror-process.ts';
import { registryMissing, startRegistry } from '../support/registry.ts';
import type { Registry } from '../support/registry.ts';
import { hasTool } from '../support/tools.ts';

const forms: readonly CosignForm[] = ['tag', 'bundle'];
const simpleSigning = 'application/vnd.dev.cosign.simplesigning.v1+json';
const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const signatureAnnotation = 'dev.cosignproject.cosign/signature';
const cosign = hasTool('cosign');

/** Nothing else has the same digest. */
let images = 0;
function newImage(): Graph {
  images += 1;
  return image({ layers: [`layer ${String(images)}`] });
}

describe.skipIf((registryMissing() ?? clientMissing('crane')) !== undefined || !cosign.available)(
  'a mirror whose policy wants signatures',
  () => {
    let registry: Registry;
    let mirror: MirrorProcess;
    let signer: Cosign;
    let keys: Readonly<Record<'release' | 'ed25519' | 'rsa' | 'stranger', CosignKey>>;

    beforeAll(async () => {
      signer = await Cosign.start();
      keys = {
        release: await signer.makeKey('release'),
        ed25519: await signer.makeKey('ed25519', privatePem(generateKeyPairSync('ed25519').privateKey)),
        rsa: await signer.makeKey('rsa', privatePem(generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey)),
        stranger: await signer.makeKey('stranger'),
      };
      registry = await startRegistry({ proxy: true });
      const policy = join(await tempDirectory('zhi-policy'), 'policy.yaml');
      await writeFile(policy, stringify(policyOf(keys)));
      mirror = await startMirrorProcess({ from: 'built', upstream: registry, args: ['--policy', policy] });
    });
    afterAll(async () => {
      await mirror.remove();
      await registry.stop();
      await signer.stop();
    });

    /** Pushes an image and has it signed in each way given. */
    async function signed(
      repository: string,
      by: readonly { readonly key: CosignKey; readonly form: CosignForm; readonly note?: string }[],
      graph: Graph = newImage(),
    ): Promise<Graph> {
      await registry.push(repository, 'v1', graph);
      const { host } = new URL(registry.directUrl);
      for (const { key, form, note } of by)
        await signer.sign(`${host}/${repository}@${graph.digest}`, key, {
          form,
          ...(note === undefined ? {} : { annotations: { env: note } }),
        });
      return graph;
    }

    /** How the mirror answers by tag and by digest, and what it knows of the signature. */
    async function outcome(repository: string, graph: Graph): Promise<unknown> {
      const paths = ['v1', graph.digest].map((reference) => `/v2/${repository}/manifests/${reference}`);
      const statuses: number[] = [];
      for (const path of paths) statuses.push((await ask(mirror.url + path)).status);
      const query = `repository=up.test/${repository}&reference=${graph.digest}`;
      const answer = await ask(`${mirror.adminUrl}/api/v1/cache/signatures?${query}`);
      return { statuses, state: (JSON.parse(answer.body.toString()) as { state?: string }).state };
    }

    const allowed = { statuses: [200, 200], state: 'verified' };
    const refused = { statuses: [403, 403], state: 'failed' };

    test.each(forms.flatMap((form) => (['release', 'ed25519', 'rsa'] as const).map((name) => [name, form] as const)))(
      'delivers what the key %s signed, as %s, whole',
      async (name, form) => {
        const crane = await startClient('crane');
        const repository = `good/${name}-${form}`;
        const graph = await signed(repository, [{ key: keys[name], form }]);

        expect(await crane.pull(`${mirror.host}/${repository}:v1`)).toEqual({ digest: graph.digest });
        expect(await outcome(repository, graph)).toEqual(allowed);
      },
    );

    test.each(forms)('lets cosign verify through it what it verified itself: %s', async (form) => {
      const repository = `good/verify-${form}`;
      const graph = await signed(repository, [{ key: keys.release, form }]);

      await signer.verify(`${mirror.host}/${repository}@${graph.digest}`, keys.release);
    });

    test('tells a client why an unsigned image is refused', async () => {
      const crane = await startClient('crane');
      const graph = await signed('bad/unsigned', []);

      await expect(crane.pull(`${mirror.host}/bad/unsigned:v1`)).rejects.toThrow('DENIED');
      expect(await outcome('bad/unsigned', graph)).toEqual({ statuses: [403, 403], state: 'unsigned' });
    });

    test.each(forms)('refuses what a key signed that nobody trusts: %s', async (form) => {
      const graph = await signed(`bad/stranger-${form}`, [{ key: keys.stranger, form }]);

      expect(await outcome(`bad/stranger-${form}`, graph)).toEqual(refused);
    });

    test.each(forms)('wants the annotation a rule names: %s', async (form) => {
      const without = await signed(`noted/without-${form}`, [{ key: keys.release, form }]);
      const other = await signed(`noted/other-${form}`, [{ key: keys.release, form, note: 'test' }]);
      const right = await signed(`noted/right-${form}`, [{ key: keys.release, form, note: 'prod' }]);
      const wrongKey = await signed(`noted/key-${form}`, [{ key: keys.ed25519, form, note: 'prod' }]);

      expect([
        await outcome(`noted/without-${form}`, without),
        await outcome(`noted/other-${form}`, other),
        await outcome(`noted/right-${form}`, right),
        await outcome(`noted/key-${form}`, wrongKey),
      ]).toEqual([
        { statuses: [403, 403], state: 'verified' },
        { statuses: [403, 403], state: 'verified' },
        allowed,
        { statuses: [403, 403], state: 'verified' },
      ]);
    });

    test('refuses another image under the tag of whose signature the signature of a signed image was copied', async () => {
      const good = await signed('bad/copied', [{ key: keys.release, form: 'tag' }]);
      const bad = newImage();
      await registry.push('bad/copied', 'v1', bad);
      const stolen = await pulled(registry, 'bad/copied', `${tagOf(good.digest)}.sig`);
      await registry.push('bad/copied', `${tagOf(bad.digest)}.sig`, stolen);

      expect(await outcome('bad/copied', bad)).toEqual(refused);
    });

    test('refuses another image to which the bundle of a signed image was attached', async () => {
      const good = await signed('bad/attached', [{ key: keys.release, form: 'bundle' }]);
      const bad = newImage();
      await registry.push('bad/attached', 'v1', bad);
      const { bundle } = await attachedBundle(registry, 'bad/attached', good);
      await attach(registry, 'bad/attached', bad, bundle);

      expect(await outcome('bad/attached', bad)).toEqual(refused);
    });

    test.each([
      ['the payload', (payload: Buffer, signature: string) => [flip(payload), signature] as const],
      ['the signature', (payload: Buffer, signature: string) => [payload, flipBase64(signature)] as const],
    ])('refuses a signature under a tag of which one byte of %s was changed', async (what, change) => {
      const repository = `bad/tag-${what.split(' ')[1] ?? ''}`;
      const graph = await signed(repository, [{ key: keys.release, form: 'tag' }]);
      const tag = `${tagOf(graph.digest)}.sig`;
      const { layers } = await manifestOf(registry, repository, tag);
      const payload = await blobOf(registry, repository, layers[0]?.digest ?? '');
      const [changed, signature] = change(payload, layers[0]?.annotations?.[signatureAnnotation] ?? '');
      await registry.push(repository, tag, signatureManifest(changed, signature));

      expect(await outcome(repository, graph)).toEqual(refused);
    });

    test.each(['payload', 'sig'])('refuses a bundle of which one byte of its %s was changed', async (part) => {
      const repository = `bad/bundle-${part}`;
      const graph = newImage();
      const source = await signed(`${repository}-source`, [{ key: keys.release, form: 'bundle' }], graph);
      const { bundle } = await attachedBundle(registry, `${repository}-source`, source);
      const text = bundle.toString();
      const value = new RegExp(`"${part}":"([^"]+)"`).exec(text)?.[1] ?? '';
      await registry.push(repository, 'v1', graph);
      await attach(registry, repository, graph, Buffer.from(text.replace(value, flipBase64(value))));

      expect(await outcome(repository, graph)).toEqual(refused);
    });

    test('refuses an image whose signature was stripped, under a name where it was never seen signed', async () => {
      const graph = await signed('good/kept', [{ key: keys.release, form: 'tag' }]);
      await registry.push('bad/stripped', 'v1', graph);

      expect([await outcome('good/kept', graph), await outcome('bad/stripped', graph)]).toEqual([
        allowed,
        { statuses: [403, 403], state: 'unsigned' },
      ]);
    });

    test('does not take an image that names a signed one as its subject for a signature of it', async () => {
      const good = await signed('bad/rider', [{ key: keys.release, form: 'bundle' }]);
      const { bundle } = await attachedBundle(registry, 'bad/rider', good);
      const rider = artifact({
        type: bundleType,
        subject: good,
        layers: [{ mediaType: bundleType, content: bundle }, 'something else'],
      });
      await registry.push('bad/rider', 'rider', rider);

      expect((await ask(`${mirror.url}/v2/bad/rider/manifests/rider`)).status).toBe(403);
    });

    test('keeps the signatures it fetched: what is verified stays so after a restart without the registry', async () => {
      const graphs = [
        await signed('good/offline-tag', [{ key: keys.release, form: 'tag' }]),
        await signed('good/offline-bundle', [{ key: keys.release, form: 'bundle' }]),
      ] as const;
      const unsigned = await signed('bad/offline', []);
      await outcome('good/offline-tag', graphs[0]);
      await outcome('good/offline-bundle', graphs[1]);
      await registry.proxy?.stop();
      await mirror.stop();
      await mirror.start();

      expect([
        await outcome('good/offline-tag', graphs[0]),
        await outcome('good/offline-bundle', graphs[1]),
        (await ask(`${mirror.url}/v2/bad/offline/manifests/${unsigned.digest}`)).status === 200,
      ]).toEqual([allowed, allowed, false]);
    });
  },
);

function policyOf(keys: Readonly<Record<'release' | 'ed25519' | 'rsa', CosignKey>>): unknown {
  return {
    version: 1,
    trust: {
      keys: {
        release: { file: keys.release.publicFile },
        ed25519: { pem: keys.ed25519.publicPem },
        rsa: { pem: keys.rsa.publicPem },
      },
    },
    rules: [
      {
        name: 'noted',
        artifacts: ['up.test/noted/**'],
        require: { signature: { keys: ['release'], annotations: { env: 'prod' } } },
      },
      { name: 'signed', require: { signature: true } },
    ],
  };
}

function privatePem(key: ReturnType<typeof generateKeyPairSync>['privateKey'] & object): string {
  return (key as { export(options: object): string | Buffer }).export({ type: 'pkcs8', format: 'pem' }).toString();
}

interface ReadManifest {
  readonly layers: readonly { readonly digest: string; readonly annotations?: Readonly<Record<string, string>> }[];
}

function tagOf(digest: string): string {
  return digest.replace(':', '-');
}

async function manifestOf(registry: Registry, repository: string, reference: string): Promise<ReadManifest> {
  const answer = await ask(`${registry.directUrl}/v2/${repository}/manifests/${reference}`, {
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
  });
  return JSON.parse(answer.body.toString()) as ReadManifest;
}

async function blobOf(registry: Registry, repository: string, digest: string): Promise<Buffer> {
  return (await ask(`${registry.directUrl}/v2/${repository}/blobs/${digest}`)).body;
}

/** A signature manifest as it stands in the registry. */
async function pulled(registry: Registry, repository: string, tag: string): Promise<Graph> {
  const { layers } = await manifestOf(registry, repository, tag);
  const [layer] = layers;
  return signatureManifest(
    await blobOf(registry, repository, layer?.digest ?? ''),
    layer?.annotations?.[signatureAnnotation] ?? '',
  );
}

function signatureManifest(payload: Buffer, signature: string): Graph {
  return manifest({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', content: '{}' },
    layers: [{ mediaType: simpleSigning, content: payload, annotations: { [signatureAnnotation]: signature } }],
  });
}

/** The bundle cosign attached, found by the fallback tag. */
async function attachedBundle(
  registry: Registry,
  repository: string,
  subject: Graph,
): Promise<{ readonly bundle: Buffer }> {
  const answer = await ask(`${registry.directUrl}/v2/${repository}/manifests/${tagOf(subject.digest)}`, {
    headers: { accept: 'application/vnd.oci.image.index.v1+json' },
  });
  const index = JSON.parse(answer.body.toString()) as { readonly manifests: readonly { readonly digest: string }[] };
  const { layers } = await manifestOf(registry, repository, index.manifests[0]?.digest ?? '');
  return { bundle: await blobOf(registry, repository, layers[0]?.digest ?? '') };
}

async function attach(registry: Registry, repository: string, subject: Graph, bundle: Buffer): Promise<void> {
  const carrier = artifact({ type: bundleType, subject, layers: [{ mediaType: bundleType, content: bundle }] });
  await registry.push(repository, carrier.digest, carrier);
  const fallback = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [carrier.descriptor],
  };
  const answer = await fetch(`${registry.directUrl}/v2/${repository}/manifests/${tagOf(subject.digest)}`, {
    method: 'PUT',
    headers: { 'content-type': fallback.mediaType },
    body: JSON.stringify(fallback),
  });
  if (answer.status !== 201) throw new Error(`the fallback tag was not pushed: ${String(answer.status)}`);
}

function flip(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf('docker-reference') + 'docker-reference":"'.length;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

function flipBase64(text: string): string {
  const bytes = Buffer.from(text, 'base64');
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString('base64');
}
