import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDirectory } from '../../support/cleanup.ts';

/** PEM files of an authority made for one test, and of what it signed. */
export interface TestAuthority {
  readonly directory: string;
  readonly caFile: string;
  /** Signs a certificate for a name or address, or for a client when `subject` is neither. */
  readonly issue: (subject: string) => {
    readonly certFile: string;
    readonly keyFile: string;
    readonly cert: string;
    readonly key: string;
  };
}

/** Makes an authority with openssl. */
export async function makeAuthority(): Promise<TestAuthority> {
  const directory = await tempDirectory('certificates');
  const path = (name: string): string => join(directory, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/O=Test Authority/CN=Test Root',
  );
  return {
    directory,
    caFile: path('ca.pem'),
    issue: (subject) => {
      const isAddress = /^[\d.]+$/.test(subject);
      openssl('req', ...newKey, '-keyout', `${subject}.key`, '-out', `${subject}.csr`, '-subj', `/CN=${subject}`);
      writeFileSync(path(`${subject}.ext`), `subjectAltName=${isAddress ? 'IP' : 'DNS'}:${subject}`);
      const signing = [
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        `${subject}.ext`,
      ];
      openssl('x509', '-req', '-in', `${subject}.csr`, '-out', `${subject}.crt`, ...signing);
      const certFile = path(`${subject}.crt`);
      const keyFile = path(`${subject}.key`);
      return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
    },
  };
}
