import { createSecureContext } from 'node:tls';
import type { SecureVersion, TlsOptions } from 'node:tls';
import type { Settings } from '../config/schema.ts';
import { ConfigError } from '../errors.ts';
import { findCipherSuite, unknownCipherSuite } from './cipher-names.ts';
import type { CipherSuite } from './cipher-names.ts';
import { readAuthorities, readKeyPair } from './key-pair.ts';
import type { KeyPair, Read, TlsProblem } from './key-pair.ts';

type ServerTlsSettings = Settings['tls'];

/** What a listener with TLS is opened with, and what a person wants to know about its certificate. */
export interface ServerTls {
  /** For `tls.createServer`, `https.createServer` and Fastify's `https`. */
  readonly options: TlsOptions;
  /** Whether clients must show a certificate. */
  readonly isMutual: boolean;
  /** Host names and addresses the certificate is for. */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Reads the certificate files of the mirror listener; undefined when TLS is off (neither certificate nor key).
 * @throws ConfigError (CONFIG_INVALID) with every problem of {@link serverTlsProblems}
 */
export function readServerTls(settings: ServerTlsSettings): ServerTls | undefined {
  const { value, problems } = load(settings);
  if (problems.length > 0)
    throw new ConfigError(problems.map((problem) => `tls.${problem.setting} ${problem.message}.`));
  return value;
}

/** Everything that keeps these settings from working, each about one setting of `tls`. */
export function serverTlsProblems(settings: ServerTlsSettings): readonly TlsProblem[] {
  return load(settings).problems;
}

function load(settings: ServerTlsSettings): Read<ServerTls> {
  const pair = readKeyPair(settings);
  const clientCa = readAuthorities('clientCa', settings.clientCa);
  const suites = readSuites(settings);
  const problems = [...pair.problems, ...clientCa.problems, ...suites.problems];
  if (settings.cert === '' && settings.key === '')
    return { value: undefined, problems: [...problems, ...withoutEffect(settings)] };
  if (pair.value === undefined || suites.value === undefined || problems.length > 0)
    return { value: undefined, problems };
  const unusable = certificateProblem(pair.value, suites.value);
  if (unusable !== undefined) return { value: undefined, problems: [unusable] };
  const options: TlsOptions = {
    cert: pair.value.cert.pem,
    key: pair.value.key.pem,
    ...versions(settings, suites.value),
    ...(clientCa.value === undefined
      ? {}
      : {
          ca: clientCa.value.certificates.map((certificate) => certificate.toString()),
          requestCert: true,
          rejectUnauthorized: true,
        }),
  };
  const refused = contextProblem(options, settings);
  return refused === undefined
    ? { value: describe(options, pair.value), problems: [] }
    : { value: undefined, problems: [refused] };
}

/** Settings that would be accepted and ignored without TLS, which nobody who asks for client certificates wants. */
function withoutEffect(settings: ServerTlsSettings): readonly TlsProblem[] {
  const given = {
    clientCa: settings.clientCa !== '',
    minVersion: settings.minVersion !== '1.2',
    cipherSuites: settings.cipherSuites.length > 0,
  };
  return Object.entries(given).flatMap(([setting, isGiven]) =>
    isGiven ? [{ setting, message: 'has no effect without a certificate and its key; give both' }] : [],
  );
}

function readSuites(settings: ServerTlsSettings): Read<readonly CipherSuite[]> {
  const setting = 'cipherSuites';
  const suites: CipherSuite[] = [];
  const problems: TlsProblem[] = [];
  for (const name of settings.cipherSuites) {
    const suite = findCipherSuite(name);
    if (suite === undefined) problems.push({ setting, message: unknownCipherSuite(name) });
    else suites.push(suite);
  }
  const tooOld = settings.minVersion === '1.3' ? suites.filter((suite) => suite.version === '1.2') : [];
  if (tooOld.length > 0)
    problems.push({
      setting,
      message: `names ${tooOld.map((suite) => suite.name).join(', ')}, which belong to TLS 1.2, while 1.3 is the lowest version accepted; remove them or accept 1.2`,
    });
  return { value: suites, problems };
}

/** The list is of what is allowed: a version none of whose suites is in it is not spoken. */
function versions(settings: ServerTlsSettings, suites: readonly CipherSuite[]): TlsOptions {
  const minVersion: SecureVersion = settings.minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2';
  if (suites.length === 0) return { minVersion };
  const has = (version: string): boolean => suites.some((suite) => suite.version === version);
  const ciphers = [...new Set(suites.map((suite) => suite.openssl))].join(':');
  return {
    ciphers,
    honorCipherOrder: true,
    minVersion: has('1.2') ? minVersion : 'TLSv1.3',
    maxVersion: has('1.3') ? 'TLSv1.3' : 'TLSv1.2',
  };
}

function certificateProblem(pair: KeyPair, suites: readonly CipherSuite[]): TlsProblem | undefined {
  const kind = pair.key.key.asymmetricKeyType?.startsWith('rsa') === true ? 'RSA' : 'ECDSA';
  if (suites.length === 0 || suites.some((suite) => suite.key === 'any' || suite.key === kind)) return undefined;
  return {
    setting: 'cipherSuites',
    message: `names only suites that cannot be used with this certificate, whose key is ${kind}; add a suite with ${kind} in its name or one of TLS 1.3`,
  };
}

/** OpenSSL has the last word: it refuses keys and signatures that are too weak. */
function contextProblem(options: TlsOptions, settings: ServerTlsSettings): TlsProblem | undefined {
  try {
    createSecureContext(options);
    return undefined;
  } catch (error) {
    const reason = ((error as NodeJS.ErrnoException).code ?? 'ERR_SSL')
      .replace(/^ERR_(?:SSL|OSSL)_?/, '')
      .replaceAll('_', ' ')
      .toLowerCase();
    return { setting: 'cert', message: `${settings.cert} is refused by OpenSSL${reason === '' ? '' : `: ${reason}`}` };
  }
}

function describe(options: TlsOptions, pair: KeyPair): ServerTls {
  const [leaf] = pair.cert.certificates;
  const names = (leaf.subjectAltName ?? '')
    .split(', ')
    .map((name) => name.replace(/^(?:DNS|IP Address):/, ''))
    .filter((name) => name !== '');
  return { options, isMutual: options.requestCert === true, names, expiresAt: leaf.validToDate.getTime() };
}
