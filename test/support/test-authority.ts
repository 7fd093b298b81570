import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate and its key as PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** DNS names and IP addresses; default `localhost` and `127.0.0.1`. */
  readonly hosts?: readonly string[];
  readonly commonName?: string;
  /** Default: 2049-12-31. A past time gives an expired certificate. */
  readonly notAfter?: Date;
  /** A certificate for signing code instead: with who signs (a mail address or a URI) and who vouched, as Sigstore's authority writes it. */
  readonly signer?: { readonly subject: string; readonly issuer: string };
}

/** A certificate authority for tests, made on the spot without any tool. */
export interface TestAuthority {
  /** The authority's own certificate as PEM. */
  readonly ca: string;
  /** A certificate good for servers and clients. */
  issue(options?: CertificateOptions): TestCertificate;
}

interface Issuer {
  readonly name: Buffer;
  readonly key: KeyObject;
}

/** Makes an authority whose certificates (ECDSA P-256) Go, OpenSSL and Node accept. */
export function testAuthority(commonName = 'Test Authority'): TestAuthority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer: Issuer = { name: distinguishedName(commonName), key: keys.privateKey };
  const ca = certificate({
    issuer,
    subject: issuer.name,
    publicKey: keys.publicKey,
    notAfter: farAway,
    extensions: [
      extension('551d13', true, sequence(der(0x01, Buffer.of(0xff)))),
      extension('551d0f', true, der(0x03, Buffer.of(1, 0x06))),
    ],
  });
  return { ca, issue: (options = {}) => issueLeaf(issuer, options) };
}

const farAway = new Date(Date.UTC(2049, 11, 31));

function issueLeaf(issuer: Issuer, options: CertificateOptions): TestCertificate {
  const { hosts = ['localhost', '127.0.0.1'], commonName = hosts[0] ?? 'test', notAfter = farAway } = options;
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = hosts.map((host) =>
    isIP(host) === 4 ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host)),
  );
  const cert = certificate({
    issuer,
    subject: distinguishedName(commonName),
    publicKey: keys.publicKey,
    notAfter,
    extensions: [
      extension('551d0f', true, der(0x03, Buffer.of(7, 0x80))),
      ...(options.signer === undefined ? serverExtensions(names) : signerExtensions(options.signer)),
    ],
  });
  return { cert, key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

function serverExtensions(names: readonly Buffer[]): Buffer[] {
  const usage = sequence(objectId('2b06010505070301'), objectId('2b06010505070302'));
  return [extension('551d25', false, usage), extension('551d11', false, sequence(...names))];
}

/** RFC 5280 for the subject; 1.3.6.1.4.1.57264.1.8 of Fulcio's oid-info.md for the issuer. */
function signerExtensions({ subject, issuer }: { readonly subject: string; readonly issuer: string }): Buffer[] {
  const name = der(subject.includes('://') ? 0x86 : 0x81, Buffer.from(subject));
  return [
    extension('551d25', false, sequence(objectId('2b06010505070303'))),
    extension('551d11', true, sequence(name)),
    extension('2b0601040183bf300108', false, der(0x0c, Buffer.from(issuer))),
  ];
}

interface CertificateParts {
  readonly issuer: Issuer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly notAfter: Date;
  readonly extensions: readonly Buffer[];
}

/** RFC 5280 §4.1, in DER. */
function certificate(parts: CertificateParts): string {
  const algorithm = sequence(objectId('2a8648ce3d040302'));
  const serial = randomBytes(8);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const toSign = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, serial),
    algorithm,
    parts.issuer.name,
    sequence(utcTime(new Date(Date.UTC(2020, 0, 1))), utcTime(parts.notAfter)),
    parts.subject,
    parts.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...parts.extensions)),
  );
  const signature = sign('sha256', toSign, parts.issuer.key);
  const whole = sequence(toSign, algorithm, der(0x03, Buffer.concat([Buffer.of(0), signature])));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from(commonName)))));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(critical ? [der(0x01, Buffer.of(0xff))] : []), der(0x04, value));
}

function utcTime(date: Date): Buffer {
  return der(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function sequence(...items: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(items));
}

function der(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), value]);
}
