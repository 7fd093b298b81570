import { constants, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readCoseEnvelope } from './cose-envelope.ts';
import { readJwsEnvelope } from './jws-envelope.ts';
import type { TrustRoots } from './trust-roots.ts';
import { followChain } from './trust-store.ts';
import type { TrustStore } from './trust-store.ts';
import { asObject, failed, readObject, textsOf } from './verdict.ts';
import type { Verdict } from './verdict.ts';

/** Artifact type of notation's signatures. */
export const notationType = 'application/vnd.cncf.notary.signature';

/** What both envelope forms carry (notaryproject signature-specification.md). Whoever wrote it controls all of it. */
export interface NotationEnvelope {
  readonly algorithm: string;
  readonly contentType: unknown;
  readonly scheme: unknown;
  /** Names of the headers that must be understood. */
  readonly critical: readonly unknown[];
  /** Milliseconds since the epoch; undefined where it says none. */
  readonly signingTime: number | undefined;
  readonly authenticSigningTime: number | undefined;
  readonly expiry: number | undefined;
  /** DER, leaf first. */
  readonly chain: readonly Buffer[];
  readonly payload: Buffer;
  /** The bytes that were signed. */
  readonly data: Buffer;
  readonly signature: Buffer;
}

/** An envelope, the digest it is asked about, and now: milliseconds since the epoch. */
export interface NotationQuestion {
  readonly mediaType: string;
  readonly content: Buffer;
  readonly digest: string;
  readonly now: number;
}

const readers: Readonly<Record<string, (content: Buffer) => NotationEnvelope | undefined>> = {
  'application/jose+json': readJwsEnvelope,
  'application/cose': readCoseEnvelope,
};
const payloadType = 'application/vnd.cncf.notary.payload.v1+json';
const prefix = 'io.cncf.notary';
const understood = new Set<unknown>(
  ['signingScheme', 'signingTime', 'authenticSigningTime', 'expiry'].map((name) => `${prefix}.${name}`),
);
const hashes: Readonly<Record<string, string>> = { '256': 'sha256', '384': 'sha384', '512': 'sha512' };

/** Checks one notation envelope, JWS or COSE, against the digest that is asked for, by each trust store. PURE. */
export function verifyNotationEnvelope(question: NotationQuestion, roots: TrustRoots): Verdict {
  const envelope = readers[question.mediaType]?.(question.content);
  if (envelope === undefined) return failed('it is not a notation envelope that can be read');
  const target = asObject(readObject(envelope.payload)?.['targetArtifact']);
  const wrong = wrongHeaders(envelope) ?? wrongTarget(target, question.digest);
  if (wrong !== undefined) return failed(wrong);
  if (roots.stores.length === 0) return failed('it is a notation signature, and no trust store is given to check that');
  let reason = '';
  for (const store of roots.stores) {
    const verdict = verifyByStore(envelope, store, question.now);
    if (typeof verdict !== 'string') return { ...verdict, annotations: textsOf(target?.['annotations']) };
    reason = reason === '' ? verdict : reason;
  }
  return failed(reason);
}

function wrongHeaders({ contentType, scheme, critical }: NotationEnvelope): string | undefined {
  if (contentType !== payloadType) return 'what was signed is no notation payload';
  if (scheme !== 'notary.x509' && scheme !== 'notary.x509.signingAuthority') return 'its signing scheme is not known';
  if (!critical.includes(`${prefix}.signingScheme`)) return 'it does not insist on its signing scheme';
  return critical.every((name) => understood.has(name)) ? undefined : 'it insists on something that is not known here';
}

function wrongTarget(target: Readonly<Record<string, unknown>> | undefined, digest: string): string | undefined {
  const about = target?.['digest'];
  return about === digest
    ? undefined
    : `it signs ${typeof about === 'string' ? about.slice(0, 200) : 'nothing'}, not this`;
}

function verifyByStore(envelope: NotationEnvelope, store: TrustStore, now: number) {
  const isAuthority = String(envelope.scheme).endsWith('.signingAuthority');
  const signedAt = isAuthority ? envelope.authenticSigningTime : envelope.signingTime;
  if (signedAt === undefined) return 'it does not say when it was made';
  if (signedAt > now + clockPlayMs) return 'it was made in the future';
  // only an authority's time is proved: else the certificates must still be valid
  const chain = followChain(envelope.chain, store, isAuthority ? signedAt : now);
  if (typeof chain === 'string') return chain;
  if (!isSigned(envelope, chain.key)) return 'its signature is not its certificate’s';
  if (store.level === 'strict' && (envelope.expiry ?? Infinity) <= now) return 'it has expired';
  return {
    state: 'verified',
    signers: [{ kind: 'certificate', store: store.name, subject: chain.subject }],
    signedAt,
    expiresAt: store.level === 'strict' ? endOf(envelope.expiry, isAuthority ? undefined : chain.endsAt) : undefined,
  } as const;
}

function endOf(...ends: readonly (number | undefined)[]): number | undefined {
  const known = ends.filter((end) => end !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** A signer's clock may be ahead by this. */
const clockPlayMs = 5 * 60_000;

/** The algorithm is the certificate's to choose (notaryproject "Algorithm Selection"), so that none can be made weaker. */
function isSigned({ algorithm, data, signature }: NotationEnvelope, key: KeyObject): boolean {
  const hash = hashes[algorithm.slice(2)];
  if (hash === undefined || algorithm !== algorithmOf(key)) return false;
  if (algorithm.startsWith('ES')) return verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return verify(hash, data, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature);
}

function algorithmOf(key: KeyObject): string | undefined {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec')
    return { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }[namedCurve];
  if (key.asymmetricKeyType !== 'rsa') return undefined;
  return { 2048: 'PS256', 3072: 'PS384', 4096: 'PS512' }[modulusLength];
}
