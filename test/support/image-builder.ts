import { digestOf } from '../../server/oci/digest.ts';
import type { Digest, DigestAlgorithm } from '../../server/oci/digest.ts';
import type { Descriptor, Platform } from '../../server/oci/manifest.ts';
import { mediaTypes } from '../../server/oci/media-types.ts';
import { contentDigest, contentOf, randomContent } from './content.ts';
import type { Content } from './content.ts';

/** The bytes and the type of one manifest. */
export interface ManifestContent {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** A manifest and all it references: everything a registry needs to serve it. */
export interface Graph {
  /** Points at the top manifest; put it into an index or a subject. */
  readonly descriptor: Descriptor;
  readonly digest: Digest;
  readonly mediaType: string;
  /** The top manifest's bytes. */
  readonly bytes: Buffer;
  readonly config: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
  /** The graphs an index lists, in its order. */
  readonly children: readonly Graph[];
  /** The top manifest and all below it. */
  readonly manifests: ReadonlyMap<Digest, ManifestContent>;
  readonly blobs: ReadonlyMap<Digest, Content>;
}

/** A blob with the media type a manifest lists it under. */
export interface LayerInput {
  readonly mediaType?: string;
  readonly content: Content | Uint8Array | string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export type LayerLike = LayerInput | Uint8Array | string;

export interface ManifestOptions {
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Docker schema 2 types instead of OCI's. */
  readonly docker?: boolean;
  /** How config, layers and manifest are named; default sha256. */
  readonly algorithm?: DigestAlgorithm;
}

const layerTypes = {
  oci: 'application/vnd.oci.image.layer.v1.tar+gzip',
  docker: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;
const configTypes = {
  oci: 'application/vnd.oci.image.config.v1+json',
  docker: 'application/vnd.docker.container.image.v1+json',
} as const;

/** The platform everything is for unless said otherwise. */
export const linuxAmd64: Platform = { os: 'linux', architecture: 'amd64' };
export const linuxArm64: Platform = { os: 'linux', architecture: 'arm64' };

/**
 * An image whose layers are the given bytes as they are. Registries do not look inside layers; clients that unpack
 * need `realImage` of `real-image.ts`.
 */
export function image(
  options: ManifestOptions & {
    readonly layers?: readonly LayerLike[];
    readonly config?: LayerLike;
    readonly subject?: Descriptor;
  } = {},
): Graph {
  const kind = options.docker === true ? 'docker' : 'oci';
  const platform = options.platform ?? linuxAmd64;
  return manifest({
    ...options,
    mediaType: kind === 'docker' ? mediaTypes.dockerManifest : mediaTypes.ociManifest,
    config: withType(options.config ?? imageConfig(platform), configTypes[kind]),
    layers: (options.layers ?? ['layer']).map((layer) => withType(layer, layerTypes[kind])),
    platform,
  });
}

/** A Docker schema 2 image; like {@link image}. */
export function dockerImage(options: Omit<Parameters<typeof image>[0] & object, 'docker'> = {}): Graph {
  return image({ ...options, docker: true });
}

/** A minimal image config for layers nobody unpacks. */
function imageConfig(platform: Platform): string {
  return JSON.stringify({
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    rootfs: { type: 'layers', diff_ids: [] },
  });
}

function withType(input: LayerLike, mediaType: string): LayerInput {
  return typeof input === 'string' || input instanceof Uint8Array
    ? { mediaType, content: input }
    : { mediaType, ...input };
}

/** The two bytes `{}`: the config of artifacts that have none (image-spec manifest.md, "Guidance for an empty descriptor"). */
export const emptyConfig: LayerInput = { mediaType: mediaTypes.ociEmpty, content: '{}' };

/** An OCI artifact: any type, perhaps attached to a `subject`. */
export function artifact(
  options: Omit<ManifestOptions, 'docker'> & {
    /** `artifactType` of the manifest. */
    readonly type: string;
    readonly subject?: Graph | Descriptor;
    readonly layers?: readonly LayerLike[];
    readonly config?: LayerInput;
  },
): Graph {
  const { type, subject, layers = ['artifact'], ...rest } = options;
  return manifest({
    ...rest,
    mediaType: mediaTypes.ociManifest,
    artifactType: type,
    config: options.config ?? emptyConfig,
    layers: layers.map((layer) => withType(layer, 'application/octet-stream')),
    ...(subject === undefined ? {} : { subject: 'descriptor' in subject ? bare(subject.descriptor) : bare(subject) }),
  });
}

/** A Helm chart as `helm push` writes it: known by its config's media type, without an artifactType. */
export function helmChart(
  options: { readonly name?: string; readonly version?: string; readonly content?: Content | Uint8Array | string } = {},
): Graph {
  const { name = 'chart', version = '1.2.3' } = options;
  return manifest({
    mediaType: mediaTypes.ociManifest,
    omitMediaType: true,
    config: {
      mediaType: 'application/vnd.cncf.helm.config.v1+json',
      content: JSON.stringify({ name, version, apiVersion: 'v2', description: 'A chart – für Tests' }),
    },
    layers: [
      {
        mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
        content: options.content ?? `chart ${name} ${version}`,
      },
    ],
    annotations: { 'org.opencontainers.image.title': name, 'org.opencontainers.image.version': version },
  });
}

/** An image of one layer of `sizeBytes` incompressible bytes that are never held in memory. */
export function bigImage(options: ManifestOptions & { readonly sizeBytes: number; readonly seed?: string }): Graph {
  const { sizeBytes, seed = 'big', ...rest } = options;
  return image({ ...rest, layers: [{ content: randomContent(seed, sizeBytes) }] });
}

/** An image that tries a mirror's edges: a zero-byte blob, one blob listed twice, non-ASCII annotations with a quote and a line break. */
export function oddImage(): Graph {
  return image({
    layers: [
      '',
      'twice',
      'twice',
      { content: 'with annotations', annotations: { 'org.opencontainers.image.title': 'Straße/日本語.txt' } },
    ],
    annotations: {
      'org.opencontainers.image.authors': 'Zoë Ünal 🚀 «中文»',
      'com.example.quote': 'a "quote"\nand a line',
    },
  });
}

/** An index, or a Docker manifest list, of graphs in the given order. */
export function index(
  children: readonly Graph[],
  options: ManifestOptions & { readonly artifactType?: string; readonly subject?: Descriptor } = {},
): Graph {
  const mediaType = options.docker === true ? mediaTypes.dockerList : mediaTypes.ociIndex;
  const bytes = encode({
    schemaVersion: 2,
    mediaType,
    artifactType: options.artifactType,
    manifests: children.map((child) => child.descriptor),
    subject: options.subject,
    annotations: options.annotations,
  });
  return indexOfBytes(bytes, mediaType, children, options.algorithm);
}

/** An index whose exact bytes are given; its children must be the graphs it lists. */
export function indexOfBytes(
  bytes: Buffer,
  mediaType: string,
  children: readonly Graph[],
  algorithm?: DigestAlgorithm,
): Graph {
  const digest = digestOf(bytes, algorithm);
  return {
    descriptor: { mediaType, digest, size: bytes.length },
    digest,
    mediaType,
    bytes,
    config: undefined,
    layers: [],
    children,
    manifests: new Map([[digest, { mediaType, bytes }], ...children.flatMap((child) => [...child.manifests])]),
    blobs: new Map(children.flatMap((child) => [...child.blobs])),
  };
}

interface ManifestInput extends ManifestOptions {
  readonly mediaType: string;
  /** Leaves `mediaType` out of the document, as older tools do. */
  readonly omitMediaType?: boolean;
  readonly artifactType?: string;
  readonly config: LayerInput;
  readonly layers: readonly LayerInput[];
  readonly subject?: Descriptor;
}

/** A manifest with config and layers of any media type; sizes and digests are computed. */
export function manifest(input: ManifestInput): Graph {
  const blobs = new Map<Digest, Content>();
  const describe = (layer: LayerInput): Descriptor => {
    const content =
      typeof layer.content === 'string' || layer.content instanceof Uint8Array
        ? contentOf(layer.content)
        : layer.content;
    const digest = contentDigest(content, input.algorithm);
    blobs.set(digest, content);
    return {
      mediaType: layer.mediaType ?? 'application/octet-stream',
      digest,
      size: content.size,
      ...(layer.annotations === undefined ? {} : { annotations: layer.annotations }),
    };
  };
  const config = describe(input.config);
  const layers = input.layers.map(describe);
  const bytes = encode({
    schemaVersion: 2,
    mediaType: input.omitMediaType === true ? undefined : input.mediaType,
    artifactType: input.artifactType,
    config,
    layers,
    subject: input.subject,
    annotations: input.annotations,
  });
  const digest = digestOf(bytes, input.algorithm);
  return {
    descriptor: {
      mediaType: input.mediaType,
      digest,
      size: bytes.length,
      ...(input.artifactType === undefined ? {} : { artifactType: input.artifactType }),
      ...(input.platform === undefined ? {} : { platform: input.platform }),
    },
    digest,
    mediaType: input.mediaType,
    bytes,
    config,
    layers,
    children: [],
    manifests: new Map([[digest, { mediaType: input.mediaType, bytes }]]),
    blobs,
  };
}

/** A subject needs no platform or artifact type. */
function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

/** Compact JSON; members that are undefined are left out. */
function encode(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}
