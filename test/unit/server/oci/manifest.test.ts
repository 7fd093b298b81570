import { describe, expect, test } from 'vitest';
import { RequestError } from '../../../../server/errors.ts';
import { parseManifest } from '../../../../server/oci/manifest.ts';
import { isIndexType, manifestAccept, mediaTypes } from '../../../../server/oci/media-types.ts';
import { throwsWith } from '../../../support/expect-code.ts';
import {
  artifact,
  dockerImage,
  helmChart,
  image,
  index,
  linuxArm64,
  oddImage,
} from '../../../support/image-builder.ts';
import { zhiFixture } from '../../../support/zhi-fixture.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const descriptor = { mediaType: 'application/octet-stream', digest, size: 3 };
const bytesOf = (document: unknown): Buffer => Buffer.from(JSON.stringify(document));

describe('parseManifest reads', () => {
  test('an image: config and layers in order', () => {
    const graph = image({ layers: ['a', 'b'], annotations: { 'org.example': 'yes' } });
    expect(parseManifest(graph.bytes)).toEqual({
      mediaType: mediaTypes.ociManifest,
      kind: 'image',
      artifactType: 'application/vnd.oci.image.config.v1+json',
      config: graph.config,
      layers: graph.layers,
      manifests: [],
      subject: undefined,
      annotations: { 'org.example': 'yes' },
    });
  });

  test('an index: descriptors with platforms', () => {
    const children = [image(), image({ platform: { ...linuxArm64, variant: 'v8' } })];
    const read = parseManifest(index(children).bytes);
    expect([read.kind, read.config, read.layers, read.artifactType]).toEqual(['index', undefined, [], undefined]);
    expect(read.manifests).toEqual(children.map((child) => child.descriptor));
  });

  test('an index with an artifact type and a subject', () => {
    const subject = image().descriptor;
    const read = parseManifest(index([], { artifactType: 'application/vnd.example', subject }).bytes);
    expect([read.artifactType, read.subject?.digest]).toEqual(['application/vnd.example', subject.digest]);
  });

  test('Docker images and lists', () => {
    const graph = index([dockerImage()], { docker: true });
    expect([parseManifest(graph.bytes).kind, parseManifest(dockerImage().bytes).kind]).toEqual(['index', 'image']);
  });

  test('an artifact attached to a subject', () => {
    const subject = image();
    const read = parseManifest(artifact({ type: 'application/vnd.example.sbom', subject }).bytes);
    expect([read.artifactType, read.subject]).toEqual([
      'application/vnd.example.sbom',
      { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.length },
    ]);
  });

  test('an artifact without artifactType by its config', () => {
    expect(parseManifest(helmChart().bytes).artifactType).toBe('application/vnd.cncf.helm.config.v1+json');
    expect(
      parseManifest(
        bytesOf({ schemaVersion: 2, artifactType: '', config: { ...descriptor, mediaType: 'x/y' }, layers: [] }),
      ).artifactType,
    ).toBe('x/y');
  });

  test('the retired artifact manifest, whose layers are called blobs', () => {
    const read = parseManifest(
      bytesOf({ mediaType: mediaTypes.ociArtifact, artifactType: 'x/y', blobs: [descriptor] }),
    );
    expect(read).toMatchObject({ kind: 'artifact', artifactType: 'x/y', layers: [descriptor], config: undefined });
  });

  test('annotations outside ASCII, a layer of zero bytes and one listed twice', () => {
    const read = parseManifest(oddImage().bytes);
    expect(read.annotations['org.opencontainers.image.authors']).toBe('Zoë Ünal 🚀 «中文»');
    expect(read.layers.map((layer) => layer.size)).toEqual([0, 5, 5, 16]);
  });

  test('the zhi fixture', () => {
    const fixture = zhiFixture();
    expect(parseManifest(fixture.index.bytes).manifests.map((child) => [child.digest, child.platform])).toEqual([
      [fixture.amd64.digest, { os: 'linux', architecture: 'amd64' }],
      [fixture.arm64.digest, { os: 'linux', architecture: 'arm64' }],
    ]);
  });

  test('fields nobody knows, and leaves them out', () => {
    const read = parseManifest(
      bytesOf({
        config: { ...descriptor, urls: ['https://example.test'], data: 'e30=' },
        layers: [],
        extra: 1,
        annotations: { a: 'b', c: 4 },
      }),
    );
    expect([read.config, read.annotations]).toEqual([descriptor, { a: 'b' }]);
  });

  test.each([null, undefined])('lists and subjects that are %s as none', (nothing) => {
    const read = parseManifest(bytesOf({ mediaType: mediaTypes.ociIndex, manifests: nothing, subject: nothing }));
    expect([read.manifests, read.subject]).toEqual([[], undefined]);
  });
});

describe('the media type is', () => {
  const bare = bytesOf({ config: descriptor, layers: [] });

  test('the document’s own, whatever the sender says', () => {
    expect(parseManifest(dockerImage().bytes, mediaTypes.ociIndex).mediaType).toBe(mediaTypes.dockerManifest);
  });

  test.each([
    [mediaTypes.dockerManifest, mediaTypes.dockerManifest],
    [`${mediaTypes.ociIndex}; charset=utf-8`, mediaTypes.ociIndex],
    [mediaTypes.ociManifest.toUpperCase(), mediaTypes.ociManifest],
    ['application/json', mediaTypes.ociManifest],
    ['text/plain', mediaTypes.ociManifest],
    [undefined, mediaTypes.ociManifest],
  ])('from the sender %s: %s, when the document has none', (sent, expected) => {
    expect(parseManifest(bare, sent).mediaType).toBe(expected);
  });

  test('an index’s by its shape when nobody says', () => {
    expect(parseManifest(bytesOf({ manifests: [descriptor] }))).toMatchObject({
      mediaType: mediaTypes.ociIndex,
      kind: 'index',
    });
  });
});

test.each<[string, Uint8Array]>([
  ['no bytes', Buffer.alloc(0)],
  ['text that is not JSON', Buffer.from('<html>')],
  ['half a document', image().bytes.subarray(0, 40)],
  ['bytes that are not UTF-8', Buffer.concat([Buffer.from('{"config":"'), Buffer.of(0xff, 0xfe), Buffer.from('"}')])],
  ['a list', bytesOf([])],
  ['null', bytesOf(null)],
  ['a number', bytesOf(1)],
  ['schema version 1', bytesOf({ schemaVersion: 1, fsLayers: [] })],
  ['a document that is no manifest', bytesOf({ hello: 'world' })],
  ['layers that are no list', bytesOf({ config: descriptor, layers: {} })],
  ['a layer that is no object', bytesOf({ config: descriptor, layers: ['a'] })],
  ['a config without a digest', bytesOf({ config: { size: 3 }, layers: [] })],
  ['a digest that is none', bytesOf({ config: { ...descriptor, digest: 'sha256:../../etc' }, layers: [] })],
  [
    'a digest that cannot be verified',
    bytesOf({ config: { ...descriptor, digest: `md5:${'0'.repeat(32)}` }, layers: [] }),
  ],
  ['a negative size', bytesOf({ config: descriptor, layers: [{ ...descriptor, size: -1 }] })],
  ['a size with a fraction', bytesOf({ config: descriptor, layers: [{ ...descriptor, size: 1.5 }] })],
  ['a size no number can hold exactly', Buffer.from(`{"config":{"digest":"${digest}","size":9007199254740993}}`)],
  ['a size that is text', bytesOf({ config: descriptor, layers: [{ ...descriptor, size: '3' }] })],
  ['a child that is no descriptor', bytesOf({ mediaType: mediaTypes.ociIndex, manifests: [{}] })],
  ['a subject that is no descriptor', bytesOf({ config: descriptor, layers: [], subject: {} })],
])('refuses %s', (_, bytes) => {
  throwsWith(() => parseManifest(bytes), RequestError, 'MANIFEST_INVALID');
});

describe('media types', () => {
  test('indexes are those whose children are manifests', () => {
    expect(Object.values(mediaTypes).filter(isIndexType)).toEqual([mediaTypes.ociIndex, mediaTypes.dockerList]);
  });

  test('upstreams are asked for every manifest type', () => {
    const manifestTypes = Object.values(mediaTypes).filter((type) => type !== mediaTypes.ociEmpty);
    expect(manifestAccept.split(', ').sort()).toEqual([...manifestTypes].sort());
  });
});
