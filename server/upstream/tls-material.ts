import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { UpstreamTlsSettings } from '../config/schema.ts';
import { ConfigError } from '../errors.ts';

/** Certificates for the connections of one upstream, read once: building a context per connection costs milliseconds. */
export interface TlsMaterial {
  /** Whether the upstream's own certificate is verified; other hosts' always are. */
  readonly verify: boolean;
  /** For the upstream's own hosts: extra authorities and the client certificate. Undefined means Node's default. */
  readonly own: SecureContext | undefined;
  /** For hosts the upstream leads to: extra authorities, never the client certificate. */
  readonly foreign: SecureContext | undefined;
}

interface PemFiles {
  readonly ca: string[];
  readonly cert: string[];
  readonly key: string[];
}

/**
 * Reads the PEM files of an upstream, or the global ones when it has none of its own. `certDirectory` is laid out as
 * Docker does: `*.crt` are authorities, `*.cert` with `*.key` a client certificate.
 * @throws ConfigError (CONFIG_INVALID) with every file that cannot be read or used
 */
export function readTlsMaterial(own: UpstreamTlsSettings, global: UpstreamTlsSettings): TlsMaterial {
  const settings = isEmpty(own) ? global : own;
  const problems: string[] = [];
  const files = readPemFiles(settings, problems);
  if (files.cert.length !== files.key.length)
    problems.push('A client certificate needs both its certificate and its key.');
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    verify: settings.verify,
    own: files.ca.length + files.cert.length === 0 ? undefined : makeContext(files),
    foreign: files.ca.length === 0 ? undefined : makeContext({ ca: files.ca, cert: [], key: [] }),
  };
}

function isEmpty(tls: UpstreamTlsSettings): boolean {
  return tls.verify && tls.ca === '' && tls.cert === '' && tls.key === '' && tls.certDirectory === '';
}

function readPemFiles(settings: UpstreamTlsSettings, problems: string[]): PemFiles {
  const files: PemFiles = { ca: [], cert: [], key: [] };
  const read = (path: string, into: string[]): void => {
    if (path === '') return;
    try {
      into.push(readFileSync(path, 'utf8'));
    } catch (error) {
      problems.push(`The file ${path} cannot be read: ${codeOf(error)}.`);
    }
  };
  read(settings.ca, files.ca);
  read(settings.cert, files.cert);
  read(settings.key, files.key);
  for (const name of listDirectory(settings.certDirectory, problems)) {
    const path = join(settings.certDirectory, name);
    if (name.endsWith('.crt')) read(path, files.ca);
    else if (name.endsWith('.cert')) read(path, files.cert);
    else if (name.endsWith('.key')) read(path, files.key);
  }
  return files;
}

function listDirectory(path: string, problems: string[]): string[] {
  if (path === '') return [];
  try {
    return readdirSync(path).sort();
  } catch (error) {
    problems.push(`The folder ${path} cannot be read: ${codeOf(error)}.`);
    return [];
  }
}

function makeContext(files: PemFiles): SecureContext {
  try {
    return createSecureContext({
      // naming any authority replaces Node's list, so the extra ones are added to it
      ...(files.ca.length === 0 ? {} : { ca: [...getCACertificates('default'), ...files.ca] }),
      ...(files.cert.length === 0 ? {} : { cert: files.cert, key: files.key }),
    });
  } catch (cause) {
    throw new ConfigError([`The certificates for upstreams cannot be used: ${codeOf(cause)}.`], { cause });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
