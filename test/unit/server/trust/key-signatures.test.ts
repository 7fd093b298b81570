import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signatureTagOf, verifyCosignSignature } from '../../../../server/trust/cosign-signature.ts';
import { publicKeyProblem } from '../../../../server/trust/public-key.ts';
import { isOtherAttestation, verifySigstoreBundle } from '../../../../server/trust/sigstore-bundle.ts';
import { openTrustRoots } from '../../../../server/trust/trust-roots.ts';
import type { Verdict } from '../../../../server/trust/verdict.ts';
import { keyBundle, payloadOf, statementOf } from '../../../support/sigstore.ts';

const manifest = Buffer.from('{"schemaVersion":2}');
const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
const another = `sha256:${'b'.repeat(64)}`;
const pairs = {
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ed25519: generateKeyPairSync('ed25519'),
} as const;
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const roots = openTrustRoots(
  {
    keys: Object.entries(pairs).map(([name, { publicKey }]) => ({ name, pem: pemOf(publicKey) })),
    trustedRoot: undefined,
    stores: [],
  },
  () => false,
);

function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

function tagged(payload: Buffer, key: KeyObject, hash: string | null = 'sha256'): Verdict {
  const signature = sign(key.asymmetricKeyType === 'ed25519' ? null : hash, payload, key).toString('base64');
  return verifyCosignSignature(
    { payload, annotations: { 'dev.cosignproject.cosign/signature': signature } },
    digest,
    roots,
  );
}

function bundled(payload: Buffer, key: KeyObject): Verdict {
  return verifySigstoreBundle(Buffer.from(JSON.stringify(keyBundle(payload, key))), { digest, manifest }, roots);
}

describe.each(Object.entries(pairs))('a signature by a %s key', (name, { privateKey }) => {
  const verified = {
    state: 'verified',
    signers: [{ kind: 'key', name }],
    signedAt: undefined,
    expiresAt: undefined,
    annotations: { env: 'prod' },
  };

  it('is verified in both forms, with what it says besides', () => {
    expect([
      tagged(payloadOf(digest, { env: 'prod' }), privateKey),
      bundled(statementOf(digest, { env: 'prod' }), privateKey),
    ]).toEqual([verified, verified]);
  });

  it('of another image fails in both forms', () => {
    expect([tagged(payloadOf(another), privateKey).state, bundled(statementOf(another), privateKey).state]).toEqual([
      'failed',
      'failed',
    ]);
  });

  it('fails when any byte of the signature is changed', () => {
    const payload = payloadOf(digest);
    const signature = sign(name === 'ed25519' ? null : 'sha256', payload, privateKey);
    const states = [...signature.keys()].map((at) => {
      const changed = Buffer.from(signature);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const annotations = { 'dev.cosignproject.cosign/signature': changed.toString('base64') };
      return verifyCosignSignature({ payload, annotations }, digest, roots).state;
    });

    expect(new Set(states)).toEqual(new Set(['failed']));
  });
});

it('by a P-384 key is verified over its own hash too', () => {
  expect(tagged(payloadOf(digest), pairs.p384.privateKey, 'sha384').state).toBe('verified');
});

it('by a key that nobody trusts fails in both forms', () => {
  expect([tagged(payloadOf(digest), stranger).state, bundled(statementOf(digest), stranger).state]).toEqual([
    'failed',
    'failed',
  ]);
});

describe('what a trusted key signed that is no signature of an image', () => {
  const key = pairs.p256.privateKey;
  it.each([
    ['no JSON', Buffer.from('{')],
    ['a list', Buffer.from('[]')],
    ['another type', Buffer.from(payloadOf(digest).toString().replace('cosign container', 'other container'))],
    ['no digest', Buffer.from(payloadOf(digest).toString().replace('docker-manifest-digest', 'digest'))],
    ['a digest that only begins the same', payloadOf(`${digest}0`)],
    ['bytes that are no text', Buffer.from('ff', 'hex')],
  ])('fails under a tag: %s', (_, payload) => {
    expect(tagged(payload, key).state).toBe('failed');
  });

  it.each([
    ['no JSON', Buffer.from('{')],
    ['no subject', Buffer.from(statementOf(digest).toString().replace('"subject"', '"other"'))],
    ['another algorithm', Buffer.from(statementOf(digest).toString().replace('"sha256"', '"sha512"'))],
  ])('fails in a bundle: %s', (_, statement) => {
    expect(bundled(statement, key).state).toBe('failed');
  });

  it('is told from an attestation, which is not expected to be one', () => {
    const sbom = Buffer.from(
      statementOf(digest).toString().replace('https://sigstore.dev/cosign/sign/v1', 'https://spdx.dev'),
    );

    expect([bundled(sbom, key), bundled(statementOf(another), key)].map(isOtherAttestation)).toEqual([true, false]);
  });
});

it('of the manifest’s own bytes is verified, of others it fails', () => {
  const about = (signed: Buffer): Verdict => {
    const signature = sign('sha256', signed, pairs.p256.privateKey).toString('base64');
    const messageDigest = { algorithm: 'SHA2_256', digest: createHash('sha256').update(signed).digest('base64') };
    const { dsseEnvelope: _, ...bundle } = keyBundle(signed, pairs.p256.privateKey);
    const content = Buffer.from(JSON.stringify({ ...bundle, messageSignature: { messageDigest, signature } }));
    return verifySigstoreBundle(content, { digest, manifest }, roots);
  };

  expect([about(manifest).state, about(Buffer.from('{"schemaVersion":3}')).state]).toEqual(['verified', 'failed']);
});

it.each(['', '{}', '[]', 'null', '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}'])(
  'a bundle that is %s fails and throws nothing',
  (text) => {
    expect(verifySigstoreBundle(Buffer.from(text), { digest, manifest }, roots).state).toBe('failed');
  },
);

it.each([
  [pemOf(pairs.p256.publicKey), true],
  [pemOf(pairs.ed25519.publicKey), true],
  [pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey), false],
  [pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey), false],
  [pemOf(generateKeyPairSync('x25519').publicKey), false],
  [pairs.p256.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), false],
  ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', false],
  ['', false],
])('tells a key that can be trusted (%#)', (pem, isOne) => {
  expect(publicKeyProblem(pem) === undefined).toBe(isOne);
});

it('the tag of a digest’s signatures is cosign’s', () => {
  expect(signatureTagOf(another)).toBe(`sha256-${'b'.repeat(64)}.sig`);
});
