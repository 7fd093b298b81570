import { nearest } from '../lib/nearest.ts';

/** A TLS cipher suite under both of its names. */
export interface CipherSuite {
  /** As Go's standard library and IANA write it. */
  readonly name: string;
  /** As OpenSSL writes it. */
  readonly openssl: string;
  readonly version: '1.2' | '1.3';
  /** The kind of certificate it needs; any for TLS 1.3. */
  readonly key: 'RSA' | 'ECDSA' | 'any';
}

const suite = (name: string, openssl: string): CipherSuite => ({
  name,
  openssl,
  version: '1.2',
  key: name.includes('_ECDSA_') ? 'ECDSA' : 'RSA',
});
const suite13 = (name: string): CipherSuite => ({ name, openssl: name, version: '1.3', key: 'any' });

/** The suites of Go's crypto/tls that can be had here, those Go offers by default first. */
export const cipherSuites: readonly CipherSuite[] = [
  suite13('TLS_AES_128_GCM_SHA256'),
  suite13('TLS_AES_256_GCM_SHA384'),
  suite13('TLS_CHACHA20_POLY1305_SHA256'),
  suite('TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'),
  suite('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'),
  suite('TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384'),
  suite('TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'),
  suite('TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305'),
  suite('TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-RSA-CHACHA20-POLY1305'),
  suite('TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', 'ECDHE-ECDSA-AES128-SHA'),
  suite('TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', 'ECDHE-RSA-AES128-SHA'),
  suite('TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA', 'ECDHE-ECDSA-AES256-SHA'),
  suite('TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA', 'ECDHE-RSA-AES256-SHA'),
  suite('TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 'ECDHE-ECDSA-AES128-SHA256'),
  suite('TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', 'ECDHE-RSA-AES128-SHA256'),
  suite('TLS_RSA_WITH_AES_128_GCM_SHA256', 'AES128-GCM-SHA256'),
  suite('TLS_RSA_WITH_AES_256_GCM_SHA384', 'AES256-GCM-SHA384'),
  suite('TLS_RSA_WITH_AES_128_CBC_SHA256', 'AES128-SHA256'),
  suite('TLS_RSA_WITH_AES_128_CBC_SHA', 'AES128-SHA'),
  suite('TLS_RSA_WITH_AES_256_CBC_SHA', 'AES256-SHA'),
];

/** Go's older constants for two of them. */
const aliases: Readonly<Record<string, string>> = {
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
};

/** Go knows them as insecure; OpenSSL no longer has them. */
const broken: ReadonlySet<string> = new Set([
  'TLS_RSA_WITH_RC4_128_SHA',
  'TLS_RSA_WITH_3DES_EDE_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_RC4_128_SHA',
  'TLS_ECDHE_RSA_WITH_RC4_128_SHA',
  'TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA',
]);

const byName: ReadonlyMap<string, CipherSuite> = new Map(cipherSuites.map((known) => [known.name, known]));

/** The suite Go calls `name`; undefined when there is none here. */
export function findCipherSuite(name: string): CipherSuite | undefined {
  return byName.get(aliases[name] ?? name);
}

/** Why there is no suite `name`, with what to write instead, to follow the setting's name in a sentence. */
export function unknownCipherSuite(name: string): string {
  const shown = JSON.stringify(name.slice(0, 100));
  if (broken.has(name)) return `${shown} is a broken cipher suite that is no longer offered; remove it`;
  const byOpenssl = cipherSuites.find((known) => known.openssl === name.toUpperCase());
  const guess = byOpenssl?.name ?? nearest(name, byName.keys());
  const advice = guess === undefined ? '' : `; did you mean ${guess}`;
  return `${shown} is not a cipher suite by Go's names${advice}; known are ${[...byName.keys()].join(', ')}`;
}
