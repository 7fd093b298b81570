import { RequestError } from '../errors.ts';
import { isDigest, parseDigest } from './digest.ts';
import type { Digest } from './digest.ts';

/** A tag or a digest, as in `/v2/<name>/manifests/<reference>` (distribution-spec end-3). */
export type Reference =
  { readonly kind: 'tag'; readonly tag: string } | { readonly kind: 'digest'; readonly digest: Digest };

/** distribution-spec "Pulling manifests": the grammar of `<name>`. */
const namePattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
/** A host is not part of `<name>`'s grammar when it carries a port; ours may appear as first segment. */
const hostPattern = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?$/;
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const nameLimit = 255;

/** True when `text` is a repository name of the specification's grammar, at most 255 characters. */
export function isRepositoryName(text: string): boolean {
  return text.length <= nameLimit && namePattern.test(text);
}

/**
 * Reads a repository name written by a client; a first segment with a port (`127.0.0.1:5001/app`) is accepted as upstream host.
 * @throws RequestError (NAME_INVALID)
 */
export function parseRepositoryName(text: string): string {
  const slash = text.indexOf('/');
  const hasHost = slash > 0 && hostPattern.test(text.slice(0, slash)) && text.slice(0, slash).includes(':');
  if (text.length <= nameLimit && isRepositoryName(hasHost ? text.slice(slash + 1) : text)) return text;
  throw new RequestError(
    'NAME_INVALID',
    'invalid repository name: expected lowercase path segments separated by "/", at most 255 characters',
    { value: text.slice(0, 300) },
  );
}

/** True when `text` is a tag of the specification's grammar. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/**
 * Reads `<reference>` of a manifest request: anything with a colon is a digest and must be well formed.
 * @throws RequestError (DIGEST_INVALID, TAG_INVALID)
 */
export function parseReference(text: string): Reference {
  if (text.includes(':')) return { kind: 'digest', digest: parseDigest(text) };
  if (isTag(text)) return { kind: 'tag', tag: text };
  throw new RequestError(
    'TAG_INVALID',
    'invalid tag: expected at most 128 characters of letters, digits, ".", "_" and "-"',
    { value: text.slice(0, 300) },
  );
}

/** How a reference is written on the wire. */
export function formatReference(reference: Reference): string {
  return reference.kind === 'tag' ? reference.tag : reference.digest;
}

export interface ArtifactName {
  /** Repository name as a client writes it, with or without an upstream host as first segment. */
  readonly repository: string;
  readonly reference: Reference;
}

/**
 * Reads `repository[:tag][@digest]` as people write it; no reference means the tag `latest`, a digest wins over a tag.
 * @throws RequestError (NAME_INVALID, TAG_INVALID, DIGEST_INVALID)
 */
export function parseArtifactName(text: string): ArtifactName {
  const bare = text.replace(/^(?:oci|docker):\/\//, '');
  const at = bare.indexOf('@');
  const named = at < 0 ? bare : bare.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const repository = parseRepositoryName(hasTag ? named.slice(0, colon) : named);
  if (at >= 0) return { repository, reference: { kind: 'digest', digest: parseDigest(bare.slice(at + 1)) } };
  return { repository, reference: parseReference(hasTag ? named.slice(colon + 1) : 'latest') };
}

/** `repository:tag` or `repository@digest`. */
export function formatArtifactName(repository: string, reference: string): string {
  return isDigest(reference) ? `${repository}@${reference}` : `${repository}:${reference}`;
}
