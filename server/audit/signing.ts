import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { lineHash } from './chain.ts';
import type { ChainHead, Seal } from './chain.ts';

/** Signs lines of the log with an Ed25519 key. */
export interface Signer {
  /** The public key: 32 bytes in base64. */
  readonly publicKey: string;
  sign(bytes: Uint8Array): Buffer;
}

/** What precedes the 32 bytes of an Ed25519 public key in its DER form (RFC 8410). */
const derPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const signatureMark = ',"signature":"';

/** A new key pair: the private key as PEM (PKCS #8), the public one as 32 bytes in base64. */
export function makeKeyPair(): { readonly privateKey: string; readonly publicKey: string } {
  const pair = generateKeyPairSync('ed25519');
  return {
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: rawKey(pair.publicKey),
  };
}

/** The signer of a private key in PEM. @throws Error when it is not an Ed25519 key */
export function signerOf(privateKeyPem: string): Signer {
  const privateKey = createPrivateKey(privateKeyPem);
  return {
    publicKey: rawKey(createPublicKey(privateKey)),
    sign: (bytes) => sign(null, bytes, privateKey),
  };
}

/** A line (with its end, no place yet) after `head`, signed: the signature covers all of the line before itself. */
export function signedLine(
  line: string,
  head: ChainHead,
  signer: Signer,
): { readonly bytes: Buffer; readonly head: ChainHead } {
  const seq = head.seq + 1;
  const signed = `${line.trimEnd().slice(0, -1)},"seq":${String(seq)},"prev":"${head.hash}","key":"${signer.publicKey}"`;
  const signature = signer.sign(Buffer.from(signed)).toString('base64');
  const bytes = Buffer.from(`${signed}${signatureMark}${signature}"}\n`);
  return { bytes, head: { seq, hash: lineHash(bytes.subarray(0, -1)) } };
}

/** Whether the signature of a signed line, without its end, is that of the key it names. */
export function isSignatureGood(line: Buffer, { key = '', signature = '' }: Seal): boolean {
  const end = line.lastIndexOf(signatureMark);
  try {
    return end > 0 && verify(null, line.subarray(0, end), publicKeyOf(key), Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}

/** SHA-256 of the public key's DER form, in hex: what `openssl pkey -pubin -outform DER | sha256sum` prints. */
export function fingerprintOf(publicKey: string): string {
  return createHash('sha256').update(derPrefix).update(Buffer.from(publicKey, 'base64')).digest('hex');
}

/** The public key as PEM. */
export function publicKeyPem(publicKey: string): string {
  return publicKeyOf(publicKey).export({ type: 'spki', format: 'pem' }).toString();
}

/** 32 bytes in base64 of a public key in PEM; undefined when it is not an Ed25519 key. */
export function readPublicKey(pem: string): string | undefined {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? rawKey(key) : undefined;
  } catch {
    return undefined;
  }
}

function publicKeyOf(publicKey: string): KeyObject {
  return createPublicKey({
    key: Buffer.concat([derPrefix, Buffer.from(publicKey, 'base64')]),
    format: 'der',
    type: 'spki',
  });
}

function rawKey(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).subarray(derPrefix.length).toString('base64');
}
