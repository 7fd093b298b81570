import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Real certificates in a folder of their own, made with the openssl command. */
export interface Certificates {
  readonly directory: string;
  file(name: string): string;
  remove(): void;
}

/**
 * rsa.crt/.key and ec.crt/.key: self-signed server certificates for localhost and 127.0.0.1. ca.crt and other-ca.crt:
 * two authorities; client.crt/.key is signed by the first, stranger.crt/.key by the second. locked.key is ec.key under a passphrase.
 */
export function makeCertificates(): Certificates {
  const directory = mkdtempSync(join(tmpdir(), 'zhi-tls-'));
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const server = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-days', '2'];
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'rsa.key', '-out', 'rsa.crt', ...server);
  openssl('req', '-x509', ...ec, '-nodes', '-keyout', 'ec.key', '-out', 'ec.crt', ...server);
  openssl('pkey', '-in', 'ec.key', '-aes128', '-passout', 'pass:secret', '-out', 'locked.key');
  for (const [ca, client] of [
    ['ca', 'client'],
    ['other-ca', 'stranger'],
  ] as const) {
    openssl(
      'req',
      '-x509',
      ...ec,
      '-nodes',
      '-keyout',
      `${ca}.key`,
      '-out',
      `${ca}.crt`,
      '-subj',
      `/CN=${ca}`,
      '-days',
      '2',
    );
    openssl('req', ...ec, '-nodes', '-keyout', `${client}.key`, '-out', `${client}.csr`, '-subj', `/CN=${client}`);
    openssl(
      'x509',
      '-req',
      '-in',
      `${client}.csr`,
      '-CA',
      `${ca}.crt`,
      '-CAkey',
      `${ca}.key`,
      '-set_serial',
      '1',
      '-days',
      '2',
      '-out',
      `${client}.crt`,
    );
  }
  return {
    directory,
    file: (name) => join(directory, name),
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
