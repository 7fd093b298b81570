import { RequestError } from '../errors.ts';
import { isDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import { isIndexType, mediaTypes } from './media-types.ts';

/** image-spec config: the platform an index entry is for. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** image-spec descriptor.md. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What the mirror reads out of a manifest; the bytes themselves are kept untouched. */
export interface Manifest {
  readonly mediaType: string;
  /** `index` lists manifests, `image` lists config and layers, `artifact` is the retired OCI artifact manifest. */
  readonly kind: 'index' | 'image' | 'artifact';
  readonly artifactType: string | undefined;
  readonly config: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
  readonly manifests: readonly Descriptor[];
  readonly subject: Descriptor | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Manifests larger than this are refused (distribution-spec: registries SHOULD accept at least 4 MiB). */
export const manifestLimitBytes = 4 * 1024 * 1024;

type Json = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads a manifest. `contentType` is what the sender said it is; the document's own `mediaType` wins when it has one,
 * since that is what was hashed.
 * @throws RequestError (MANIFEST_INVALID)
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): Manifest {
  const document = parseDocument(bytes);
  const mediaType = mediaTypeOf(document, contentType);
  const config = document.config === undefined ? undefined : readDescriptor(document.config, 'config');
  return {
    mediaType,
    kind: isIndexType(mediaType) ? 'index' : mediaType === mediaTypes.ociArtifact ? 'artifact' : 'image',
    // image-spec manifest.md: without artifactType, a referrer's type is its config's media type
    artifactType:
      typeof document.artifactType === 'string' && document.artifactType !== ''
        ? document.artifactType
        : isIndexType(mediaType)
          ? undefined
          : config?.mediaType,
    config,
    layers: readList(document.layers ?? document.blobs, 'layers'),
    manifests: readList(document.manifests, 'manifests'),
    subject:
      document.subject === undefined || document.subject === null
        ? undefined
        : readDescriptor(document.subject, 'subject'),
    annotations: readAnnotations(document.annotations),
  };
}

function parseDocument(bytes: Uint8Array): Json {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  if (!isRecord(value)) throw invalid('it is not a JSON object');
  if (value.schemaVersion === 1)
    throw invalid('schema version 1 is not supported; rebuild the image with a current tool');
  return value;
}

/** The media type of a manifest document, by its own word, its sender's, or its shape. */
function mediaTypeOf(document: Json, contentType: string | undefined): string {
  if (typeof document.mediaType === 'string' && document.mediaType !== '') return document.mediaType;
  const sent = contentType?.split(';')[0]?.trim().toLowerCase();
  const known: readonly string[] = Object.values(mediaTypes);
  if (sent !== undefined && known.includes(sent)) return sent;
  if (Array.isArray(document.manifests)) return mediaTypes.ociIndex;
  if (document.config !== undefined || Array.isArray(document.layers)) return mediaTypes.ociManifest;
  throw invalid('it names no media type and has neither "config" nor "manifests"');
}

function readList(value: unknown, field: string): Descriptor[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(`"${field}" is not a list`);
  return value.map((entry: unknown, i) => readDescriptor(entry, `${field}[${String(i)}]`));
}

function readDescriptor(value: unknown, field: string): Descriptor {
  if (!isRecord(value)) throw invalid(`"${field}" is not a descriptor`);
  const { mediaType, digest, size } = value;
  if (typeof digest !== 'string' || !isDigest(digest)) throw invalid(`"${field}.digest" is not a digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw invalid(`"${field}.size" is not a size in bytes`);
  const platform = readPlatform(value.platform);
  return {
    mediaType: typeof mediaType === 'string' ? mediaType : 'application/octet-stream',
    digest,
    size,
    ...(typeof value.artifactType === 'string' ? { artifactType: value.artifactType } : {}),
    ...(platform === undefined ? {} : { platform }),
    ...(isRecord(value.annotations) ? { annotations: readAnnotations(value.annotations) } : {}),
  };
}

function readPlatform(value: unknown): Platform | undefined {
  if (!isRecord(value) || typeof value.os !== 'string' || typeof value.architecture !== 'string') return undefined;
  return {
    os: value.os,
    architecture: value.architecture,
    ...(typeof value.variant === 'string' ? { variant: value.variant } : {}),
  };
}

function readAnnotations(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

function invalid(why: string, cause?: unknown): RequestError {
  return new RequestError('MANIFEST_INVALID', `invalid manifest: ${why}`, { cause });
}
