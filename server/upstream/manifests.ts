import { UpstreamError } from '../errors.ts';
import { algorithmOf, digestOf, isDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { manifestLimitBytes } from '../oci/manifest.ts';
import { manifestAccept } from '../oci/media-types.ts';
import { formatArtifactName } from '../oci/reference.ts';
import type { ManifestAnswer, ManifestHead } from './client.types.ts';
import type { Ask, Granted } from './session.ts';
import { headerOf, invalidAnswer, lengthOf } from './transport.ts';

/** HEAD or GET of a manifest (distribution-spec end-3). */
export function manifestAsk(upstream: string, method: 'GET' | 'HEAD', repository: string, reference: string): Ask {
  return {
    method,
    repository,
    path: `manifests/${reference}`,
    headers: { accept: manifestAccept },
    accepts: [200],
    subject: { kind: 'manifest', upstream, name: formatArtifactName(repository, reference) },
    // the blobs that follow use the same connection, and undici's parser takes 10 ms to load
    isBulk: method === 'GET',
  };
}

/** What the headers of a manifest's answer say. @throws UpstreamError (UPSTREAM_INVALID) when it is another manifest */
export function readManifestHead({ answer }: Granted, { subject }: Ask, reference: string): ManifestHead {
  const digest = digestHeaderOf(headerOf(answer, 'docker-content-digest'));
  if (digest !== undefined && isDigest(reference) && isOther(digest, reference)) {
    throw invalidAnswer(subject.upstream, `answered ${subject.name} with ${digest}`, answer.status);
  }
  return { digest, mediaType: mediaTypeOf(headerOf(answer, 'content-type')), sizeBytes: lengthOf(answer) };
}

/**
 * Reads and verifies a manifest: its bytes must hash to the digest asked for and to the one in the header.
 * @throws UpstreamError (UPSTREAM_INVALID when larger than 4 MiB, not JSON, or not what was promised; or as `bytes`)
 */
export async function readManifest(granted: Granted, ask: Ask, reference: string): Promise<ManifestAnswer> {
  const { answer } = granted;
  const { upstream, name } = ask.subject;
  const promised = digestHeaderOf(headerOf(answer, 'docker-content-digest'));
  const mediaType = mediaTypeOf(headerOf(answer, 'content-type'));
  const content = await answer.body.bytes(manifestLimitBytes);
  for (const digest of [isDigest(reference) ? reference : undefined, promised]) {
    if (digest !== undefined) assertHashesTo(content, digest, ask);
  }
  // a captive portal or a web site answers 200 as well
  if (!startsWithBrace(content))
    throw invalidAnswer(upstream, `answered ${name} with something that is not a manifest`, answer.status);
  const digest = isDigest(reference) ? reference : (promised ?? digestOf(content));
  return { digest, mediaType, content };
}

function assertHashesTo(content: Buffer, digest: Digest, { subject }: Ask): void {
  const actual = digestOf(content, algorithmOf(digest));
  if (actual === digest) return;
  throw new UpstreamError(
    'UPSTREAM_INVALID',
    `${subject.upstream} sent other bytes for ${subject.name} than ${digest}`,
    {
      value: subject.name,
      status: 200,
      detail: { expected: digest, actual },
    },
  );
}

/** False also when the algorithms differ: then only the bytes can tell. */
function isOther(one: Digest, other: Digest): boolean {
  return algorithmOf(one) === algorithmOf(other) && one !== other;
}

/** The header is optional for old registries; what is not a digest counts as absent. */
function digestHeaderOf(value: string | undefined): Digest | undefined {
  return value !== undefined && isDigest(value) ? value : undefined;
}

function mediaTypeOf(contentType: string | undefined): string | undefined {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  return type === '' ? undefined : type;
}

function startsWithBrace(content: Buffer): boolean {
  return /^\s*\{/.test(content.toString('latin1', 0, 64));
}
