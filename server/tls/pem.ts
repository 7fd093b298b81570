import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readTextFile, unreadableReason } from '../lib/text-file.ts';

const fileLimitBytes = 4 * 2 ** 20;

/** What was read, or why it could not be, to follow the setting's name in a sentence. Never any content of the file. */
export type PemResult<T> = { readonly value: T } | { readonly problem: string };

/** Certificates of a PEM file in their order, at least one. */
export interface CertificateFile {
  readonly pem: string;
  readonly certificates: readonly [X509Certificate, ...X509Certificate[]];
}

export interface KeyFile {
  readonly pem: string;
  readonly key: KeyObject;
}

/** Reads a file of one or more PEM certificates. */
export function readCertificates(path: string): PemResult<CertificateFile> {
  const text = readText(path);
  if ('problem' in text) return text;
  const blocks =
    text.value.match(
      /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g,
    ) ?? [];
  const certificates: X509Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      return { problem: `${path} holds a damaged certificate (number ${String(index + 1)})` };
    }
  }
  const [first, ...rest] = certificates;
  if (first === undefined)
    return {
      problem: `${path} holds no PEM certificate${text.value.includes('PRIVATE KEY-----') ? ', but a private key' : ''}`,
    };
  return { value: { pem: `${blocks.join('\n')}\n`, certificates: [first, ...rest] } };
}

/** Reads a file with a PEM private key that needs no passphrase. */
export function readPrivateKey(path: string): PemResult<KeyFile> {
  const text = readText(path);
  if ('problem' in text) return text;
  const [pem] =
    /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----[\s\S]*?-----END (?:[A-Z]+ )*PRIVATE KEY-----/.exec(text.value) ?? [];
  if (pem === undefined)
    return {
      problem: `${path} holds no PEM private key${text.value.includes('BEGIN CERTIFICATE') ? ', but a certificate' : ''}`,
    };
  if (pem.includes('ENCRYPTED')) return { problem: `${path} is protected by a passphrase; give a key without one` };
  try {
    return { value: { pem: `${pem}\n`, key: createPrivateKey(pem) } };
  } catch {
    return { problem: `${path} holds a damaged private key` };
  }
}

function readText(path: string): PemResult<string> {
  try {
    return { value: readTextFile(path, fileLimitBytes) };
  } catch (error) {
    return { problem: `${path} ${unreadableReason(error)}` };
  }
}
