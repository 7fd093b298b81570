import { createHash } from 'node:crypto';
import { bundleFromJSON } from '@sigstore/bundle';
import type { Keyless } from './keyless.ts';
import { isSignedBy } from './public-key.ts';
import type { TrustRoots } from './trust-roots.ts';
import { asObject, failed, readBase64, readObject, textsOf } from './verdict.ts';
import type { Signer, Verdict } from './verdict.ts';

/** Media type of the layers that are signed payloads (cosign SIGNATURE_SPEC.md). */
export const simpleSigningType = 'application/vnd.dev.cosign.simplesigning.v1+json';

const payloadType = 'cosign container image signature';
const names = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  proof: 'dev.sigstore.cosign/bundle',
};

/** One layer of a `.sig` manifest: what was signed, and the annotations that carry the signature. Upstream controls both. */
export interface CosignSignature {
  readonly payload: Buffer;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Tag under which cosign keeps the signatures of a digest. PURE. */
export function signatureTagOf(digest: string): string {
  return `${digest.replace(':', '-')}.sig`;
}

/** The digest a payload says it is about; undefined for what is no payload. PURE. */
export function subjectOfPayload(payload: Buffer | undefined): string | undefined {
  const critical = payload === undefined ? undefined : asObject(readObject(payload)?.['critical']);
  const digest = asObject(critical?.['image'])?.['docker-manifest-digest'];
  return typeof digest === 'string' ? digest : undefined;
}

/**
 * Checks one signature in cosign's older form against the digest that is asked for: by a trusted key, or by the certificate and
 * the log entry it carries. PURE but for the certificates' own time, which the log proves.
 */
export function verifyCosignSignature(signed: CosignSignature, digest: string, roots: TrustRoots): Verdict {
  const signature = readBase64(signed.annotations[names.signature] ?? '');
  if (signature === undefined) return failed('the signature is not base64');
  const payload = readObject(signed.payload);
  const critical = asObject(payload?.['critical']);
  if (critical?.['type'] !== payloadType) return failed('what was signed is no cosign payload');
  const about = asObject(critical['image'])?.['docker-manifest-digest'];
  if (about !== digest)
    return failed(`it signs ${typeof about === 'string' ? about.slice(0, 200) : 'nothing'}, not this`);
  const annotations = textsOf(payload?.['optional']);
  const keys = roots.keys.filter(({ key }) => isSignedBy(key, signed.payload, signature));
  if (keys.length === 0) return verifyByCertificate(roots.keyless, signed, { signature, annotations });
  const signers = keys.map(({ name }): Signer => ({ kind: 'key', name }));
  return { state: 'verified', signers, signedAt: undefined, expiresAt: undefined, annotations };
}

interface ReadSignature {
  readonly signature: Buffer;
  readonly annotations: Readonly<Record<string, string>>;
}

type Keylessly = CosignSignature & { readonly certificate: string; readonly signature: Buffer };

/** The older form says the same as a bundle, in other words: it is translated, so that one library checks both. */
function verifyByCertificate(
  keyless: Keyless | undefined,
  signed: CosignSignature,
  { signature, annotations }: ReadSignature,
): Verdict {
  const certificate = signed.annotations[names.certificate];
  if (certificate === undefined) return failed('no trusted key made it');
  if (keyless === undefined) return failed('it was made without a key, and no trusted root is given to check that');
  const proof = readObject(signed.annotations[names.proof] ?? '');
  if (proof === undefined) return failed('it was made without a key and carries no entry of a transparency log');
  let bundle: ReturnType<typeof bundleFromJSON>;
  try {
    bundle = bundleFromJSON(toBundle({ ...signed, certificate, signature }, proof));
  } catch {
    return failed('its certificate or log entry is malformed');
  }
  const verdict = keyless.verify(bundle, signed.payload);
  return verdict.state === 'failed' ? verdict : { ...verdict, annotations };
}

function toBundle({ payload, certificate, signature }: Keylessly, proof: Readonly<Record<string, unknown>>): unknown {
  const entry = asObject(proof['Payload']) ?? {};
  const body = typeof entry['body'] === 'string' ? entry['body'] : '';
  const { kind, apiVersion } = readObject(Buffer.from(body, 'base64')) ?? {};
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    verificationMaterial: {
      x509CertificateChain: { certificates: [{ rawBytes: certificate.replace(/-----[^-]+-----|\s/g, '') }] },
      tlogEntries: [
        {
          logIndex: String(entry['logIndex']),
          logId: { keyId: Buffer.from(String(entry['logID']), 'hex').toString('base64') },
          kindVersion: { kind, version: apiVersion },
          integratedTime: String(entry['integratedTime']),
          inclusionPromise: { signedEntryTimestamp: proof['SignedEntryTimestamp'] },
          canonicalizedBody: body,
        },
      ],
    },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: createHash('sha256').update(payload).digest('base64') },
      signature: signature.toString('base64'),
    },
  };
}
