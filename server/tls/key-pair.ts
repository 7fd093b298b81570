import { readCertificates, readPrivateKey } from './pem.ts';
import type { CertificateFile, KeyFile, PemResult } from './pem.ts';

/** A problem of one of the TLS settings; `message` follows the setting's name in a sentence. */
export interface TlsProblem {
  readonly setting: string;
  readonly message: string;
}

export interface KeyPair {
  readonly cert: CertificateFile;
  readonly key: KeyFile;
}

/** What was read, and everything that is wrong with it. */
export interface Read<T> {
  readonly value: T | undefined;
  readonly problems: readonly TlsProblem[];
}

/** Reads a certificate and its private key; neither given is fine, one alone is not, and they must belong together. */
export function readKeyPair(files: { readonly cert: string; readonly key: string }): Read<KeyPair> {
  if (files.cert === '' && files.key === '') return { value: undefined, problems: [] };
  const cert = read('cert', files.cert, readCertificates);
  const key = read('key', files.key, readPrivateKey);
  const problems = [...cert.problems, ...key.problems];
  if (cert.value === undefined || key.value === undefined) return { value: undefined, problems };
  const mismatch = pairProblem(cert.value, key.value, files);
  return mismatch === undefined
    ? { value: { cert: cert.value, key: key.value }, problems }
    : { value: undefined, problems: [...problems, mismatch] };
}

/** Reads a file of authorities; none given is fine. */
export function readAuthorities(setting: string, path: string): Read<CertificateFile> {
  if (path === '') return { value: undefined, problems: [] };
  const file = readCertificates(path);
  return 'problem' in file
    ? { value: undefined, problems: [{ setting, message: file.problem }] }
    : { value: file.value, problems: [] };
}

function read<T>(setting: string, path: string, reader: (path: string) => PemResult<T>): Read<T> {
  if (path === '')
    return { value: undefined, problems: [{ setting, message: 'is missing; a certificate and its key go together' }] };
  const file = reader(path);
  return 'problem' in file
    ? { value: undefined, problems: [{ setting, message: file.problem }] }
    : { value: file.value, problems: [] };
}

function pairProblem(
  cert: CertificateFile,
  key: KeyFile,
  files: { readonly cert: string; readonly key: string },
): TlsProblem | undefined {
  const [leaf, ...chain] = cert.certificates;
  if (leaf.checkPrivateKey(key.key)) return undefined;
  if (chain.some((certificate) => certificate.checkPrivateKey(key.key)))
    return {
      setting: 'cert',
      message: `${files.cert} must begin with the certificate the key belongs to, followed by its issuers`,
    };
  return { setting: 'key', message: `${files.key} is not the key of the certificate in ${files.cert}` };
}
