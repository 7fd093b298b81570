import { describe, expect, it } from 'vitest';
import { verifyCosignSignature } from '../../../../server/trust/cosign-signature.ts';
import { trustedRootProblem } from '../../../../server/trust/keyless.ts';
import { verifySigstoreBundle } from '../../../../server/trust/sigstore-bundle.ts';
import { openTrustRoots } from '../../../../server/trust/trust-roots.ts';
import type { Verdict } from '../../../../server/trust/verdict.ts';
import { testSigstore } from '../../../support/sigstore.ts';
import type { TestBundle } from '../../../support/sigstore.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const another = `sha256:${'b'.repeat(64)}`;
const signer = {
  subject: 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1',
  issuer: 'https://token.test',
};
const world = testSigstore();
const stranger = testSigstore();
const roots = openTrustRoots(
  { keys: [], trustedRoot: world.trustedRoot, stores: [] },
  (subject, issuer) => [subject, issuer].join() === [signer.subject, signer.issuer].join(),
);
const manifest = Buffer.from('{}');

function verify(bundle: TestBundle, about = digest): Verdict {
  return verifySigstoreBundle(Buffer.from(JSON.stringify(bundle)), { digest: about, manifest }, roots);
}

function flip(base64: string, at = 0.5): string {
  const bytes = Buffer.from(base64, 'base64');
  const position = Math.floor(bytes.length * at);
  bytes[position] = (bytes[position] ?? 0) ^ 1;
  return bytes.toString('base64');
}

const verified = {
  state: 'verified',
  signers: [{ kind: 'identity', ...signer }],
  signedAt: Date.parse('2026-03-01T12:00:00Z'),
  expiresAt: undefined,
  annotations: {},
};

describe('a signature that was made without a key', () => {
  it('is verified with its signer and the time the log proves, as a bundle and in the older form', () => {
    expect([
      verify(world.bundle(digest, signer)),
      verifyCosignSignature(world.legacy(digest, signer), digest, roots),
    ]).toEqual([verified, verified]);
  });

  type Change = (bundle: TestBundle) => void;
  const changes: readonly (readonly [string, Change])[] = [
    ['payload', (bundle) => (bundle.dsseEnvelope.payload = flip(bundle.dsseEnvelope.payload))],
    ['signature', ({ dsseEnvelope: { signatures } }) => signatures.forEach((one) => (one.sig = flip(one.sig)))],
    ['second signature', ({ dsseEnvelope: { signatures } }) => signatures.push({ sig: 'AA==', keyid: '' })],
    ['certificate', ({ verificationMaterial: { certificate } }) => (certificate.rawBytes = flip(certificate.rawBytes))],
    [
      'signature of the certificate',
      ({ verificationMaterial: { certificate } }) => (certificate.rawBytes = flip(certificate.rawBytes, 0.98)),
    ],
    ['no log entry', ({ verificationMaterial }) => (verificationMaterial.tlogEntries = [])],
    ['log', eachEntry((entry) => (entry.logId.keyId = flip(entry.logId.keyId)))],
    ['time', eachEntry((entry) => (entry.integratedTime = String(Number(entry.integratedTime) + 1)))],
    ['body', eachEntry((entry) => (entry.canonicalizedBody = flip(entry.canonicalizedBody)))],
    ['promise', eachEntry(({ inclusionPromise: one }) => (one.signedEntryTimestamp = flip(one.signedEntryTimestamp)))],
    [
      'tree',
      eachEntry(
        ({ inclusionProof: one }) => (one.checkpoint.envelope = one.checkpoint.envelope.replace('\n1\n', '\n2\n')),
      ),
    ],
    ['proof', eachEntry(({ inclusionProof: one }) => one.hashes.push('AA=='))],
    [
      'entry of something else',
      (bundle) => {
        bundle.verificationMaterial.tlogEntries = world.bundle(another, signer).verificationMaterial.tlogEntries;
      },
    ],
  ];
  it.each(changes)('fails when this is changed: %s', (_, change) => {
    const bundle = world.bundle(digest, signer);
    change(bundle);

    expect(verify(bundle).state).toBe('failed');
  });

  it.each([
    ['dev.cosignproject.cosign/signature'],
    ['dev.sigstore.cosign/certificate'],
    ['dev.sigstore.cosign/bundle'],
  ])('fails in the older form when one byte of %s is changed, or it is missing', (name) => {
    const signed = world.legacy(digest, signer);
    const text = signed.annotations[name] ?? '';
    const at = Math.floor(text.length / 2);
    const changed = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
    const { [name]: _, ...without } = signed.annotations;

    expect([
      verifyCosignSignature({ ...signed, annotations: { ...signed.annotations, [name]: changed } }, digest, roots)
        .state,
      verifyCosignSignature({ ...signed, annotations: without }, digest, roots).state,
    ]).toEqual(['failed', 'failed']);
  });

  it('fails when it is of another image, of somebody else, by another authority, or after its certificate ended', () => {
    const notAfter = new Date('2026-02-01T00:00:00Z');

    expect(
      [
        verify(world.bundle(another, signer)),
        verify(world.bundle(digest, { ...signer, subject: 'mallory@acme.test' })),
        verify(world.bundle(digest, { ...signer, issuer: 'https://elsewhere.test' })),
        verify(stranger.bundle(digest, signer)),
        verify(world.bundle(digest, { ...signer, notAfter })),
      ].map(({ state }) => state),
    ).toEqual(['failed', 'failed', 'failed', 'failed', 'failed']);
  });

  it('fails without a trusted root', () => {
    const none = openTrustRoots({ keys: [], trustedRoot: undefined, stores: [] }, () => true);
    const content = Buffer.from(JSON.stringify(world.bundle(digest, signer)));

    expect([
      verifySigstoreBundle(content, { digest, manifest }, none).state,
      verifyCosignSignature(world.legacy(digest, signer), digest, none).state,
    ]).toEqual(['failed', 'failed']);
  });
});

it.each([
  ['', false],
  ['{}', false],
  ['{"tlogs":[],"certificateAuthorities":[],"ctlogs":[],"timestampAuthorities":[]}', false],
  ['{"tlogs":[{}],"certificateAuthorities":[{}]}', false],
  [world.trustedRoot, true],
])('takes %.40s for a trusted root: %s', (text, isOne) => {
  expect(trustedRootProblem(text) === undefined).toBe(isOne);
});

function eachEntry(change: (entry: TestBundle['verificationMaterial']['tlogEntries'][number]) => void) {
  return ({ verificationMaterial }: TestBundle): void => {
    verificationMaterial.tlogEntries.forEach(change);
  };
}
