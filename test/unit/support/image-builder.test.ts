import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../server/oci/digest.ts';
import { parseManifest } from '../../../server/oci/manifest.ts';
import { mediaTypes } from '../../../server/oci/media-types.ts';
import { bytesOf, concatContent, contentDigest, contentOf, randomContent } from '../../support/content.ts';
import {
  artifact,
  bigImage,
  dockerImage,
  helmChart,
  image,
  index,
  linuxArm64,
  oddImage,
} from '../../support/image-builder.ts';
import type { Graph } from '../../support/image-builder.ts';
import { bigRealImage, realImage, realIndex } from '../../support/real-image.ts';
import { zhiFixture } from '../../support/zhi-fixture.ts';

function blobText(graph: Graph, digest: string): string {
  return bytesOf([...graph.blobs].find(([own]) => own === digest)![1]).toString();
}

describe('content', () => {
  test('random content is the same from any offset as when read whole', () => {
    const content = randomContent('seed', 700_001);
    const whole = bytesOf(content);
    expect(whole).toHaveLength(700_001);
    for (const [start, end] of [
      [0, 1],
      [5, 37],
      [16, 32],
      [262_143, 262_146],
      [699_990, 700_001],
    ] as const) {
      expect(Buffer.concat([...content.read(start, end)])).toEqual(whole.subarray(start, end));
    }
    expect(contentDigest(content)).toBe(digestOf(whole));
    expect(contentDigest(randomContent('other', 700_001))).not.toBe(contentDigest(content));
  });

  test('joined content reads across the seams', () => {
    const content = concatContent([contentOf('abc'), contentOf(''), contentOf('defg')]);
    expect(bytesOf(content).toString()).toBe('abcdefg');
    expect(Buffer.concat([...content.read(2, 5)]).toString()).toBe('cde');
  });
});

describe('image builder', () => {
  test('reproduces the digests of the zhi fixture', () => {
    const { index: top, amd64, arm64, single } = zhiFixture();
    expect({ index: top.digest, amd64: amd64.digest, arm64: arm64.digest, single: single.digest }).toEqual({
      index: 'sha256:1056fd3d28aa29f5f02b913cd196bee7b917b5bb5aed3ab7fe6ac750d5dfb111',
      amd64: 'sha256:8ca510fa77e187e7cc10343a671304bdb20990e23f0430106da4c174937a7951',
      arm64: 'sha256:88e517e72b335fd7e427cc4ba60e1c97b3981ef4250ae0928540e24273e6dbbf',
      single: 'sha256:a6f4ef971e1fc6c4a6a86f372ec0863ab72239e7ce4cac4a472b8f548d740cc6',
    });
    expect([top.bytes.length, amd64.bytes.length, single.bytes.length]).toEqual([491, 392, 393]);
    expect(single.config?.digest).toBe('sha256:6ee479588630b64e6a45053147fe5149ff167de2c45be671ccc243997d8f06e2');
    expect([single, amd64, arm64].map((graph) => graph.layers[0]!.digest)).toEqual([
      'sha256:8ed3996fef512a73af08c58f1fa6e19b59a34360b28cb275f2b151b438090197',
      'sha256:c6c06b704dd7233d376ad5a98879ba188138a58b6051f99e4a26f5545487cb6b',
      'sha256:bc8d236dd3a35062d9f8067d31d4776d188661b7b65e17352914369ba5b441d1',
    ]);
  });

  test.each<[string, () => Graph]>([
    ['an image', () => image({ layers: ['a', 'b'] })],
    ['a Docker image', () => dockerImage({ layers: ['a'] })],
    ['an image named by sha512', () => image({ layers: ['a'], algorithm: 'sha512' })],
    ['an artifact', () => artifact({ type: 'application/vnd.example.sbom', subject: image() })],
    ['a Helm chart', () => helmChart()],
    ['an odd image', oddImage],
    ['a real image', () => realImage({ docker: true })],
    ['an index', () => index([image(), image({ platform: linuxArm64 })])],
    ['a list of real images', () => realIndex({ docker: true })],
  ])('%s is the same every time and every reference in it leads to its bytes', (_, build) => {
    const graph = build();
    expect(build().bytes).toEqual(graph.bytes);
    expect(graph.descriptor).toMatchObject({
      digest: graph.digest,
      mediaType: graph.mediaType,
      size: graph.bytes.length,
    });
    for (const [digest, { bytes, mediaType }] of graph.manifests) {
      const manifest = parseManifest(bytes, mediaType);
      expect(digestOf(bytes, digest.startsWith('sha512') ? 'sha512' : 'sha256')).toBe(digest);
      expect(manifest.mediaType).toBe(mediaType);
      for (const child of manifest.manifests) expect(graph.manifests.get(child.digest)?.bytes).toHaveLength(child.size);
      for (const blob of [...(manifest.config ? [manifest.config] : []), ...manifest.layers]) {
        const content = graph.blobs.get(blob.digest)!;
        expect(content.size).toBe(blob.size);
        expect(contentDigest(content, digest.startsWith('sha512') ? 'sha512' : 'sha256')).toBe(blob.digest);
      }
    }
  });

  test('an artifact points at its subject with type, digest and size', () => {
    const subject = image({ layers: ['a'] });
    const attached = parseManifest(artifact({ type: 'application/vnd.example.signature', subject }).bytes);
    expect(attached).toMatchObject({
      artifactType: 'application/vnd.example.signature',
      subject: { mediaType: mediaTypes.ociManifest, digest: subject.digest, size: subject.bytes.length },
    });
  });

  test('a Helm chart is known by its config alone', () => {
    const chart = helmChart({ name: 'web', version: '2.0.0' });
    expect(parseManifest(chart.bytes, chart.mediaType).config?.mediaType).toBe(
      'application/vnd.cncf.helm.config.v1+json',
    );
    expect(JSON.parse(chart.bytes.toString())).not.toHaveProperty('mediaType');
  });

  test('the odd image has a blob of zero bytes and annotations outside ASCII', () => {
    const odd = oddImage();
    expect(odd.layers[0]).toMatchObject({
      size: 0,
      digest: 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    });
    expect(odd.bytes.includes('日本語')).toBe(true);
  });

  test('a big image describes a layer it does not hold', () => {
    const big = bigImage({ sizeBytes: 4 * 1024 * 1024 });
    expect(big.layers[0]?.size).toBe(4 * 1024 * 1024);
    expect(contentDigest(big.blobs.get(big.layers[0]!.digest)!)).toBe(big.layers[0]!.digest);
  });

  test('a big real image is gzip that unpacks to the digest its config names', () => {
    const big = bigRealImage(1_500_000);
    const config = JSON.parse(blobText(big, big.config!.digest)) as { rootfs: { diff_ids: string[] } };
    const layer = bytesOf(big.blobs.get(big.layers[0]!.digest)!);
    expect(layer).toHaveLength(big.layers[0]!.size);
    expect(digestOf(gunzipSync(layer))).toBe(config.rootfs.diff_ids[0]);
  });

  test('a real image names the digests of its unpacked layers', () => {
    const real = realImage({ layers: [{ 'etc/motd': 'one' }, { 'etc/issue': 'two' }] });
    const config = JSON.parse(blobText(real, real.config!.digest)) as { rootfs: { diff_ids: string[] } };
    const unpacked = real.layers.map(({ digest }) => digestOf(gunzipSync(bytesOf(real.blobs.get(digest)!))));
    expect(config.rootfs.diff_ids).toEqual(unpacked);
  });
});
