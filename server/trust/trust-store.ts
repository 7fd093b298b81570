import { X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/**
 * What a store's signatures must hold (notation trust-store-trust-policy.md). `strict`: all. `permissive`: the end of the signature's
 * and the certificates' life is overlooked. What notation calls audit and skip are a rule in dry-run, and no rule.
 */
export const trustStoreLevels = ['strict', 'permissive'] as const;
export type TrustStoreLevel = (typeof trustStoreLevels)[number];

/** Certificates whose signatures, and those of whom they vouch for, are trusted. */
export interface TrustStore {
  readonly name: string;
  readonly level: TrustStoreLevel;
  readonly certificates: readonly X509Certificate[];
  /** Distinguished names, each a list of parts that a signer must have; anybody when there is none. */
  readonly subjects: readonly string[];
}

/** A chain that leads to a certificate of a store. */
export interface TrustedChain {
  readonly key: KeyObject;
  /** Distinguished name of the signer, on one line. */
  readonly subject: string;
  /** When its shortest-lived certificate ends, milliseconds since the epoch. */
  readonly endsAt: number;
}

const codeSigning = '1.3.6.1.5.5.7.3.3';
const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** More is no chain anybody uses. */
const chainLimit = 10;

/** Why a text can't be a trust store, to follow its name in a sentence; undefined when it can. PURE. */
export function trustStoreProblem(pem: string): string | undefined {
  const blocks = pem.match(block) ?? [];
  if (pem.includes('PRIVATE KEY-----')) return 'contains a private key; give certificates only';
  if (blocks.length === 0) return 'contains no certificate in PEM';
  for (const [index, text] of blocks.entries()) {
    try {
      new X509Certificate(text);
    } catch {
      return `contains a certificate that can’t be read (number ${String(index + 1)})`;
    }
  }
  return undefined;
}

/** Opens a store's PEM text. @throws Error when {@link trustStoreProblem} finds one */
export function openTrustStore(store: {
  readonly name: string;
  readonly pem: string;
  readonly level: TrustStoreLevel;
  readonly subjects: readonly string[];
}): TrustStore {
  const { name, level, pem, subjects } = store;
  return { name, level, subjects, certificates: (pem.match(block) ?? []).map((text) => new X509Certificate(text)) };
}

/**
 * Follows a signer's chain (leaf first, DER) to a certificate of the store; a text says why it leads nowhere. `at`: when all of
 * them must be valid, milliseconds since the epoch; a permissive store overlooks that they ended. PURE.
 */
export function followChain(chain: readonly Buffer[], store: TrustStore, at: number): TrustedChain | string {
  const certificates = readChain(chain);
  const leaf = certificates?.[0];
  if (certificates === undefined || leaf === undefined) return 'it carries no chain of certificates that can be read';
  const wrong = wrongLeaf(leaf) ?? brokenLink(certificates);
  if (wrong !== undefined) return wrong;
  const isTrusted = certificates.some((one) => store.certificates.some((other) => other.raw.equals(one.raw)));
  if (!isTrusted) return `its chain leads to no certificate of ${store.name}`;
  const endsAt = Math.min(...certificates.map(({ validToDate }) => validToDate.getTime()));
  const beginsAt = Math.max(...certificates.map(({ validFromDate }) => validFromDate.getTime()));
  if (beginsAt > at) return 'a certificate of its chain is not valid yet';
  if (endsAt <= at && store.level === 'strict') return 'a certificate of its chain has expired';
  if (!isNamed(leaf, store)) return `it was made by ${oneLine(leaf.subject)}, whom ${store.name} does not name`;
  return { key: leaf.publicKey, subject: oneLine(leaf.subject), endsAt };
}

function readChain(chain: readonly Buffer[]): readonly X509Certificate[] | undefined {
  if (chain.length > chainLimit) return undefined;
  try {
    return chain.map((der) => new X509Certificate(der));
  } catch {
    return undefined;
  }
}

function wrongLeaf(leaf: X509Certificate): string | undefined {
  if (leaf.ca) return 'it was made by an authority’s own certificate';
  // node gives the extended key usage under this name; undefined: none is stated
  const usage = leaf.keyUsage as readonly string[] | undefined;
  return usage === undefined || usage.includes(codeSigning) ? undefined : 'its certificate is not one for signing code';
}

function brokenLink(certificates: readonly X509Certificate[]): string | undefined {
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates[index + 1];
    if (issuer === undefined) return undefined;
    if (!issuer.ca || !certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey))
      return 'its chain of certificates is broken';
  }
  return undefined;
}

function isNamed(leaf: X509Certificate, { subjects }: TrustStore): boolean {
  const parts = new Set(leaf.subject.split('\n'));
  const names = subjects.map((name) => name.replace(/^x509\.subject:\s*/, '').split(/\s*,\s*/));
  return names.length === 0 || names.some((name) => name.every((part) => parts.has(part)));
}

function oneLine(subject: string): string {
  return subject.split('\n').join(', ');
}
