import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';

/** A public key somebody trusts, under a name. */
export interface TrustedKey {
  readonly name: string;
  readonly key: KeyObject;
}

const hashOfCurve: Readonly<Record<string, string>> = {
  prime256v1: 'sha256',
  secp384r1: 'sha384',
  secp521r1: 'sha512',
};
const minimumRsaBits = 2048;

/** Why a text can't be a trusted key, to follow its name in a sentence; undefined when it can. PURE. */
export function publicKeyProblem(pem: string): string | undefined {
  if (pem.includes('PRIVATE KEY-----')) return 'is a private key; give the public one (cosign.pub)';
  if (!/-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(pem)) return 'is not a public key in PEM';
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    return 'is not a public key that can be read';
  }
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return undefined;
    case 'rsa':
      return modulusLength >= minimumRsaBits ? undefined : `is an RSA key of less than ${String(minimumRsaBits)} bits`;
    case 'ec':
      return namedCurve in hashOfCurve
        ? undefined
        : `is a key on the curve ${namedCurve}; known are P-256, P-384, P-521`;
    default:
      return 'is neither an ECDSA, an RSA nor an Ed25519 key';
  }
}

/**
 * Whether `key` made `signature` over `data`: ECDSA (DER) and RSA (PKCS #1 v1.5) over SHA-256, ECDSA over its curve's own hash
 * too (cosign signs with either, by version), Ed25519 and Ed25519ph (RFC 8032; cosign signs with the second). PURE.
 */
export function isSignedBy(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  if (key.asymmetricKeyType === 'ed25519')
    return verify(null, data, key, signature) || isPrehashed(key, data, signature);
  const own = hashOfCurve[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'sha256';
  return [...new Set(['sha256', own])].some((hash) => verify(hash, data, key, signature));
}

const ed25519Bytes = { key: 32, signature: 64 };

/** Node knows Ed25519 only. */
function isPrehashed(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== ed25519Bytes.signature) return false;
  // the key is the end of its SubjectPublicKeyInfo (RFC 8410)
  const bytes = key.export({ type: 'spki', format: 'der' }).subarray(-ed25519Bytes.key);
  return ed25519ph.verify(signature, data, bytes, { zip215: false });
}
