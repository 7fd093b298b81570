import type { Admission } from '../cache/admit.ts';
import type { Settings } from '../config/schema.ts';
import { RequestError } from '../errors.ts';
import type { RequestContext } from '../http/request-context.ts';
import type { Clock } from '../lib/clock.ts';
import { algorithmOf, digestOf, parseDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { manifestLimitBytes, parseManifest } from '../oci/manifest.ts';
import { isManifestType } from '../oci/media-types.ts';
import { isTag } from '../oci/reference.ts';
import type { Reference } from '../oci/reference.ts';
import { readManifestBody } from './request-body.ts';
import { respondNothing } from './respond.ts';

/** The specification asks for 10 at least. */
const tagsAtOnce = 100;

export interface ManifestPushParts {
  readonly admission: Admission;
  readonly clock: Clock;
  readonly sparse: Settings['push']['sparse'];
}

/** What was pushed, for the audit log. */
export interface PushedReference {
  readonly digest: Digest;
  readonly tags: readonly string[];
}

/** `PUT /v2/<name>/manifests/<reference>` (distribution-spec end-7). */
export class ManifestPushEndpoint {
  readonly #parts: ManifestPushParts;

  constructor(parts: ManifestPushParts) {
    this.#parts = parts;
  }

  async handle(
    context: RequestContext,
    repository: string,
    reference: Reference,
    query: URLSearchParams,
  ): Promise<PushedReference> {
    const tags = readTags(reference, query);
    const content = await readManifestBody(context.request, manifestLimitBytes);
    const digest = digestFor(reference, query, content);
    const mediaType = context.request.headers['content-type'];
    refuseMisnamed(content, mediaType);
    const { manifest } = await this.#parts.admission.admitPush({
      repository,
      digest,
      content,
      mediaType,
      tags,
      sparse: this.#parts.sparse,
      now: this.#parts.clock.now(),
    });
    const named = reference.kind === 'tag' ? reference.tag : digest;
    const headers = ['Location', `/v2/${repository}/manifests/${named}`, 'Docker-Content-Digest', digest];
    if (manifest.subject !== undefined) headers.push('OCI-Subject', manifest.subject.digest);
    if (reference.kind === 'digest' && tags.length > 0) headers.push('OCI-Tag', tags.join(', '));
    respondNothing(context, 201, headers);
    return { digest, tags };
  }
}

function readTags(reference: Reference, query: URLSearchParams): readonly string[] {
  if (reference.kind === 'tag') return [reference.tag];
  const tags = [...new Set(query.getAll('tag'))];
  const wrong = tags.find((tag) => !isTag(tag));
  if (wrong !== undefined)
    throw new RequestError('TAG_INVALID', `"${wrong.slice(0, 150)}" is not a tag`, { value: wrong.slice(0, 300) });
  if (tags.length > tagsAtOnce)
    throw new RequestError('REQUEST_INVALID', `at most ${String(tagsAtOnce)} tags can be pushed at once`);
  return tags;
}

function digestFor(reference: Reference, query: URLSearchParams, content: Buffer): Digest {
  if (reference.kind === 'digest') return reference.digest;
  const named = query.get('digest');
  if (named === null) return digestOf(content);
  const digest = parseDigest(named);
  return digestOf(content, algorithmOf(digest)) === digest ? digest : refuseDigest(digest);
}

function refuseDigest(digest: Digest): never {
  throw new RequestError('DIGEST_INVALID', `the manifest's bytes do not hash to ${digest}`, { value: digest });
}

/** A manifest that calls itself one thing and is sent as another is read differently by different clients. */
function refuseMisnamed(content: Buffer, contentType: string | undefined): void {
  const { mediaType } = parseManifest(content, contentType);
  if (!isManifestType(mediaType))
    throw new RequestError('MANIFEST_INVALID', `"${mediaType.slice(0, 200)}" is not the media type of a manifest`, {
      value: mediaType.slice(0, 200),
    });
  const sent = contentType?.split(';')[0]?.trim().toLowerCase();
  if (sent === undefined || !isManifestType(sent) || sent === mediaType) return;
  throw new RequestError('MANIFEST_INVALID', `the manifest says it is ${mediaType} and was sent as ${sent}`, {
    value: sent,
  });
}
