import { createHash } from 'node:crypto';
import { RequestError } from '../errors.ts';

/** Algorithms the mirror can verify (image-spec descriptor.md, registered algorithms). */
export type DigestAlgorithm = 'sha256' | 'sha512';

/** A digest as it stands on the wire, e.g. `sha256:6ee4…`; only made by {@link parseDigest} and {@link digestOf}. */
export type Digest = `${DigestAlgorithm}:${string}`;

const pattern = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

/** True when `text` is a well-formed digest of a supported algorithm. */
export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

/**
 * Reads a digest written by a client or an upstream.
 * @throws RequestError (DIGEST_INVALID)
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RequestError(
    'DIGEST_INVALID',
    'invalid digest: expected sha256: with 64 or sha512: with 128 lowercase hexadecimal characters',
    { value: text },
  );
}

/** The digest of bytes held in memory. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** The algorithm part of a digest. */
export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The hexadecimal part of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}
