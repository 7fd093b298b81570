import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { verifyNotationEnvelope } from '../../../../server/trust/notation-envelope.ts';
import { openTrustRoots } from '../../../../server/trust/trust-roots.ts';
import { trustStoreProblem } from '../../../../server/trust/trust-store.ts';
import type { Verdict } from '../../../../server/trust/verdict.ts';
import {
  notationCertificate,
  notationDigest,
  notationEnvelopes,
  notationNow,
} from '../../../support/notation-examples.ts';
import { testAuthority } from '../../../support/test-authority.ts';

const [jws, cose] = notationEnvelopes as [(typeof notationEnvelopes)[number], (typeof notationEnvelopes)[number]];
const dayMs = 86_400_000;

function verify(
  envelope: { readonly mediaType: string; readonly content: Buffer },
  question: { readonly digest?: string; readonly now?: number } = {},
  store: {
    readonly pem?: string;
    readonly level?: 'strict' | 'permissive';
    readonly subjects?: readonly string[];
  } = {},
): Verdict {
  const { pem = notationCertificate, level = 'strict', subjects = [] } = store;
  const stores = [{ name: 'acme', pem, level, subjects }];
  const roots = openTrustRoots({ keys: [], trustedRoot: undefined, stores }, () => false);
  return verifyNotationEnvelope({ ...envelope, digest: notationDigest, now: notationNow, ...question }, roots);
}

const ends = new X509Certificate(notationCertificate).validToDate.getTime();

describe.each([
  ['JWS', jws],
  ['COSE', cose],
])('a %s envelope of notation', (_, envelope) => {
  it('is verified with its signer, its time and its end', () => {
    expect(verify(envelope)).toEqual({
      state: 'verified',
      signers: [{ kind: 'certificate', store: 'acme', subject: 'C=US, ST=WA, L=Seattle, O=Notary, CN=wabbit' }],
      signedAt: Date.parse('2026-11-21T13:54:53Z'),
      expiresAt: ends,
      annotations: {},
    });
  });

  it.each([
    ['of another image', { digest: `sha256:${'b'.repeat(64)}` }, {}],
    ['after its certificate ended', { now: notationNow + 2 * dayMs }, {}],
    ['before its certificate began', { now: notationNow - dayMs }, {}],
    ['by whom the store does not know', {}, { pem: testAuthority().ca }],
    ['by whom the store does not name', {}, { subjects: ['O=acme', 'CN=wabbit, O=acme'] }],
  ])('fails: %s', (_, question, store) => {
    expect(verify(envelope, question, store).state).toBe('failed');
  });

  it('is verified by its name, and by a permissive store after its end', () => {
    expect([
      verify(envelope, {}, { subjects: ['x509.subject: C=US, O=Notary'] }).state,
      verify(envelope, { now: notationNow + 2 * dayMs }, { level: 'permissive' }).state,
    ]).toEqual(['verified', 'verified']);
  });
});

it('fails when any byte of a JWS envelope’s payload, headers, signature or certificate is changed', () => {
  const document = JSON.parse(jws.content.toString()) as Record<string, string> & { header: { x5c: string[] } };
  const verdicts: string[] = [];
  for (const part of ['payload', 'protected', 'signature', 'x5c']) {
    const bytes = Buffer.from(part === 'x5c' ? (document.header.x5c[0] ?? '') : (document[part] ?? ''), 'base64');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const next = structuredClone(document);
      if (part === 'x5c') next.header.x5c[0] = changed.toString('base64');
      else next[part] = changed.toString('base64url');
      verdicts.push(verify({ ...jws, content: Buffer.from(JSON.stringify(next)) }).state);
    }
  }

  expect(new Set(verdicts)).toEqual(new Set(['failed']));
});

it('fails when any byte of a COSE envelope is changed, but for the agent it does not cover', () => {
  const { content } = cose;
  // the value after the name of the unprotected header
  const agent = content.indexOf('io.cncf.notary.signingAgent');
  const end = content.indexOf('notation-go', agent);
  const isLoose = (at: number): boolean => at >= agent && at < end + 'notation-go/1.3.2'.length;
  const verified: number[] = [];
  for (let at = 0; at < content.length; at += 1) {
    const changed = Buffer.from(content);
    changed[at] = (changed[at] ?? 0) ^ 1;
    if (!isLoose(at) && verify({ ...cose, content: changed }).state === 'verified') verified.push(at);
  }

  // 0xd2, the tag that says "COSE_Sign1", is not covered either
  expect(verified.filter((at) => at > 0)).toEqual([]);
});

it.each([
  ['application/jose+json', Buffer.from('{}')],
  ['application/jose+json', Buffer.from('[')],
  ['application/cose', Buffer.alloc(0)],
  ['application/cose', Buffer.from('9f9f9f9f', 'hex')],
  ['application/cose', Buffer.from('84'.repeat(100), 'hex')],
  ['application/cose', Buffer.from('845bffffffffffffffff', 'hex')],
  ['text/plain', jws.content],
])('fails for %s that is no envelope, and throws nothing (%#)', (mediaType, content) => {
  expect(verify({ mediaType, content }).state).toBe('failed');
});

it.each([
  [notationCertificate, true],
  [notationCertificate.repeat(2), true],
  ['', false],
  ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', false],
  ['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', false],
])('tells a trust store (%#)', (pem, isOne) => {
  expect(trustStoreProblem(pem) === undefined).toBe(isOne);
});
