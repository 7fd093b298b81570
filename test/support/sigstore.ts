import { createHash, createPrivateKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { testAuthority } from './test-authority.ts';

/** Who signs without a key. */
export interface TestSigner {
  readonly subject: string;
  readonly issuer: string;
  /** When the log saw it, milliseconds since the epoch; default: a day in 2026. */
  readonly at?: number;
  /** When the certificate ends; default: far away. */
  readonly notAfter?: Date;
}

/** A small world of Sigstore's: an authority that vouches for signers, and a log that sees what they sign. */
export interface TestSigstore {
  /** Its `trusted_root.json`. */
  readonly trustedRoot: string;
  /** A bundle as cosign attaches it. */
  bundle(digest: string, signer: TestSigner): TestBundle;
  /** Payload and annotations as cosign's older form has them. */
  legacy(
    digest: string,
    signer: TestSigner,
  ): { readonly payload: Buffer; readonly annotations: Record<string, string> };
}

/** JSON to change and to write again. */
export interface TestBundle {
  mediaType: string;
  verificationMaterial: {
    certificate: { rawBytes: string };
    tlogEntries: TestLogEntry[];
  };
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string; keyid: string }[] };
}

interface TestLogEntry {
  logIndex: string;
  logId: { keyId: string };
  kindVersion: { kind: string; version: string };
  integratedTime: string;
  inclusionPromise: { signedEntryTimestamp: string };
  inclusionProof: {
    logIndex: string;
    rootHash: string;
    treeSize: string;
    hashes: string[];
    checkpoint: { envelope: string };
  };
  canonicalizedBody: string;
}

const aDay = Date.parse('2026-03-01T12:00:00Z');
const statementType = 'application/vnd.in-toto+json';

/** What cosign signs in a bundle. */
export function statementOf(digest: string, annotations: Readonly<Record<string, string>> = {}): Buffer {
  const [algorithm = '', hex = ''] = digest.split(':');
  return Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { [algorithm]: hex }, annotations }],
      predicateType: 'https://sigstore.dev/cosign/sign/v1',
      predicate: {},
    }),
  );
}

/** What cosign signs in its older form. */
export function payloadOf(digest: string, optional: Readonly<Record<string, string>> | null = null): Buffer {
  return Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': 'registry.test/app' },
        image: { 'docker-manifest-digest': digest },
        type: 'cosign container image signature',
      },
      optional,
    }),
  );
}

/** A bundle that a key signed. */
export function keyBundle(
  payload: Buffer,
  key: KeyObject,
): Omit<TestBundle, 'verificationMaterial'> & { verificationMaterial: unknown } {
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: 'any' } },
    dsseEnvelope: envelopeOf(payload, key),
  };
}

/** Makes a world of its own; nothing another one signed is believed by its root. */
export function testSigstore(): TestSigstore {
  const authority = testAuthority('Test Fulcio');
  const log = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issue = ({ subject, issuer, notAfter }: TestSigner): { readonly der: string; readonly key: KeyObject } => {
    const { cert, key } = authority.issue({
      signer: { subject, issuer },
      ...(notAfter === undefined ? {} : { notAfter }),
    });
    return { der: new X509Certificate(cert).raw.toString('base64'), key: createPrivateKey(key) };
  };
  return {
    trustedRoot: trustedRootOf(authority.ca, log.publicKey),
    bundle: (digest, signer) => {
      const { der, key } = issue(signer);
      const dsseEnvelope = envelopeOf(statementOf(digest), key);
      const payloadHash = sha256(Buffer.from(dsseEnvelope.payload, 'base64')).toString('hex');
      const spec = {
        payloadHash: { algorithm: 'sha256', value: payloadHash },
        signatures: [{ signature: dsseEnvelope.signatures[0]?.sig }],
      };
      const entry = entryOf(log, { apiVersion: '0.0.1', kind: 'dsse', spec }, signer.at ?? aDay);
      const verificationMaterial = { certificate: { rawBytes: der }, tlogEntries: [entry] };
      return { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', verificationMaterial, dsseEnvelope };
    },
    legacy: (digest, signer) => {
      const { der, key } = issue(signer);
      const payload = payloadOf(digest);
      const signature = sign('sha256', payload, key).toString('base64');
      const spec = {
        data: { hash: { algorithm: 'sha256', value: sha256(payload).toString('hex') } },
        signature: { content: signature },
      };
      const entry = entryOf(log, { apiVersion: '0.0.1', kind: 'hashedrekord', spec }, signer.at ?? aDay);
      const proof = {
        SignedEntryTimestamp: entry.inclusionPromise.signedEntryTimestamp,
        Payload: {
          body: entry.canonicalizedBody,
          integratedTime: Number(entry.integratedTime),
          logIndex: Number(entry.logIndex),
          logID: Buffer.from(entry.logId.keyId, 'base64').toString('hex'),
        },
      };
      return {
        payload,
        annotations: {
          'dev.cosignproject.cosign/signature': signature,
          'dev.sigstore.cosign/certificate': `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`,
          'dev.sigstore.cosign/bundle': JSON.stringify(proof),
        },
      };
    },
  };
}

function envelopeOf(payload: Buffer, key: KeyObject): TestBundle['dsseEnvelope'] {
  const head = `DSSEv1 ${String(statementType.length)} ${statementType} ${String(payload.length)} `;
  const sig = sign(
    key.asymmetricKeyType === 'ed25519' ? null : 'sha256',
    Buffer.concat([Buffer.from(head), payload]),
    key,
  );
  return {
    payload: payload.toString('base64'),
    payloadType: statementType,
    signatures: [{ sig: sig.toString('base64'), keyid: '' }],
  };
}

/** An entry in a log of one: its promise and its proof. */
function entryOf(
  log: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
  body: unknown,
  at: number,
): TestLogEntry {
  const bytes = Buffer.from(JSON.stringify(body));
  const id = sha256(log.publicKey.export({ type: 'spki', format: 'der' }));
  const integratedTime = Math.floor(at / 1000);
  // in the order of canonical JSON
  const promise = { body: bytes.toString('base64'), integratedTime, logID: id.toString('hex'), logIndex: 0 };
  const root = sha256(Buffer.concat([Buffer.of(0), bytes]));
  const note = `rekor.test\n1\n${root.toString('base64')}\n`;
  const noteSignature = Buffer.concat([id.subarray(0, 4), sign('sha256', Buffer.from(note), log.privateKey)]);
  return {
    logIndex: '0',
    logId: { keyId: id.toString('base64') },
    kindVersion: { kind: (body as { kind: string }).kind, version: '0.0.1' },
    integratedTime: String(integratedTime),
    inclusionPromise: {
      signedEntryTimestamp: sign('sha256', Buffer.from(JSON.stringify(promise)), log.privateKey).toString('base64'),
    },
    inclusionProof: {
      logIndex: '0',
      rootHash: root.toString('base64'),
      treeSize: '1',
      hashes: [],
      checkpoint: { envelope: `${note}\n— rekor.test ${noteSignature.toString('base64')}\n` },
    },
    canonicalizedBody: bytes.toString('base64'),
  };
}

function trustedRootOf(ca: string, logKey: KeyObject): string {
  const key = logKey.export({ type: 'spki', format: 'der' });
  const validFor = { start: '2020-01-01T00:00:00Z' };
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        baseUrl: 'https://rekor.test',
        hashAlgorithm: 'SHA2_256',
        publicKey: { rawBytes: key.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
        logId: { keyId: sha256(key).toString('base64') },
      },
    ],
    certificateAuthorities: [
      {
        subject: { organization: 'test', commonName: 'Test Fulcio' },
        uri: 'https://fulcio.test',
        certChain: { certificates: [{ rawBytes: new X509Certificate(ca).raw.toString('base64') }] },
        validFor,
      },
    ],
    ctlogs: [],
    timestampAuthorities: [],
  });
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
