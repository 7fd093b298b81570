import { createHash } from 'node:crypto';
import { bundleFromJSON } from '@sigstore/bundle';
import type { Bundle } from '@sigstore/bundle';
import { isSignedBy } from './public-key.ts';
import type { TrustRoots } from './trust-roots.ts';
import { asObject, failed, readObject, textsOf } from './verdict.ts';
import type { Signer, Verdict } from './verdict.ts';

/** The start of the artifact and media types of Sigstore bundles that are referrers, whatever their version. */
export const bundleTypePrefix = 'application/vnd.dev.sigstore.bundle';

const statementType = 'application/vnd.in-toto+json';
/** What cosign says by a signature; an SBOM or a scan by the same key says something else. */
const signatureClaim = 'https://sigstore.dev/cosign/sign/v1';
/** Of an attestation; the result is no verdict about a signature. */
const notASignature = 'it is an attestation, not a signature';

/** What a bundle is attached to. */
export interface BundleSubject {
  readonly digest: string;
  /** The subject's own bytes. */
  readonly manifest: Buffer;
}

/** Whether a bundle attests something else than a signature (an SBOM, provenance): then nobody expects it to be one. PURE. */
export function isOtherAttestation(verdict: Verdict): boolean {
  return verdict.state === 'failed' && verdict.reason === notASignature;
}

/**
 * Checks a Sigstore bundle against what it is attached to: the digest in its statement, or the digest its message signature is
 * over, must be the subject's. By a trusted key; or by its certificate, with the proof of the transparency log. PURE.
 */
export function verifySigstoreBundle(content: Buffer, subject: BundleSubject, roots: TrustRoots): Verdict {
  let bundle: Bundle;
  try {
    bundle = bundleFromJSON(readObject(content));
  } catch {
    return failed('it is not a Sigstore bundle that can be read');
  }
  const signed = readSigned(bundle, subject);
  if ('reason' in signed) return failed(signed.reason);
  const material = bundle.verificationMaterial.content;
  if (material.$case !== 'publicKey') {
    if (roots.keyless === undefined)
      return failed('it was made without a key, and no trusted root is given to check that');
    const verdict = roots.keyless.verify(bundle, subject.manifest);
    return verdict.state === 'failed' ? verdict : { ...verdict, annotations: signed.annotations };
  }
  // the bundle's hint is not signed: every trusted key is tried. What a key made needs no log: the key itself is trusted
  const keys = roots.keys.filter(({ key }) => isSignedBy(key, signed.data, signed.signature));
  if (keys.length === 0) return failed('no trusted key made it');
  const signers = keys.map(({ name }): Signer => ({ kind: 'key', name }));
  return { state: 'verified', signers, signedAt: undefined, expiresAt: undefined, annotations: signed.annotations };
}

type Signed =
  | { readonly data: Buffer; readonly signature: Buffer; readonly annotations: Readonly<Record<string, string>> }
  | { readonly reason: string };

function readSigned({ content }: Bundle, subject: BundleSubject): Signed {
  if (content.$case === 'messageSignature') return readMessage(content.messageSignature, subject);
  const { payload, payloadType, signatures } = content.dsseEnvelope;
  const [signature] = signatures;
  if (signatures.length !== 1 || signature === undefined) return { reason: 'it does not carry exactly one signature' };
  if (payloadType !== statementType) return { reason: 'what was signed is no in-toto statement' };
  const statement = readObject(payload);
  if (statement?.['predicateType'] !== signatureClaim) return { reason: notASignature };
  const annotations = annotationsOf(statement, subject.digest);
  if (annotations === undefined) return { reason: `it signs ${subjectsOf(statement)}, not this` };
  return { data: preAuthEncoding(payloadType, payload), signature: signature.sig, annotations };
}

interface MessageSignature {
  readonly messageDigest: { readonly digest: Buffer };
  readonly signature: Buffer;
}

function readMessage({ messageDigest, signature }: MessageSignature, { digest, manifest }: BundleSubject): Signed {
  const own = createHash('sha256').update(manifest).digest();
  if (!messageDigest.digest.equals(own) || (digest.startsWith('sha256:') && digest !== `sha256:${own.toString('hex')}`))
    return { reason: `it signs sha256:${messageDigest.digest.toString('hex')}, not this` };
  return { data: manifest, signature, annotations: {} };
}

/** What the statement says of the digest; undefined when it is not about it. */
function annotationsOf(
  statement: Readonly<Record<string, unknown>>,
  digest: string,
): Readonly<Record<string, string>> | undefined {
  const [algorithm = '', hex = ''] = digest.split(':');
  const subjects = Array.isArray(statement['subject']) ? (statement['subject'] as unknown[]).map(asObject) : [];
  const found = subjects.find((one) => asObject(one?.['digest'])?.[algorithm] === hex);
  return found === undefined ? undefined : textsOf(found['annotations']);
}

function subjectsOf(statement: Readonly<Record<string, unknown>>): string {
  const subjects = Array.isArray(statement['subject']) ? (statement['subject'] as unknown[]) : [];
  const digests = subjects.flatMap((one) => Object.entries(textsOf(asObject(one)?.['digest'])));
  const [first] = digests.map(([algorithm, hex]) => `${algorithm}:${hex}`.slice(0, 200));
  return first ?? 'nothing';
}

/** DSSE v1, "PAE": what is signed names its own type. */
function preAuthEncoding(type: string, payload: Buffer): Buffer {
  const head = `DSSEv1 ${String(Buffer.byteLength(type))} ${type} ${String(payload.length)} `;
  return Buffer.concat([Buffer.from(head), payload]);
}
