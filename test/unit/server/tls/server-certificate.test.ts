import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Settings } from '../../../../server/config/schema.ts';
import { ConfigError } from '../../../../server/errors.ts';
import { cipherSuites } from '../../../../server/tls/cipher-names.ts';
import { clientTlsProblems } from '../../../../server/tls/client-certificate.ts';
import { readServerTls, serverTlsProblems } from '../../../../server/tls/server-certificate.ts';
import { makeCertificates } from './certificates.ts';
import type { Certificates } from './certificates.ts';

type Tls = Settings['tls'];
const off: Tls = { cert: '', key: '', clientCa: '', minVersion: '1.2', cipherSuites: [] };

let made: Certificates;
beforeAll(() => {
  made = makeCertificates();
});
afterAll(() => {
  made.remove();
});

function withPair(name: 'rsa' | 'ec', more: Partial<Tls> = {}): Tls {
  return { ...off, cert: made.file(`${name}.crt`), key: made.file(`${name}.key`), ...more };
}

function clientPair(name: string): ConnectionOptions {
  return { cert: readFileSync(made.file(`${name}.crt`)), key: readFileSync(made.file(`${name}.key`)) };
}

/** One real connection to a real server: protocol and suite when a byte came through, "refused" otherwise. */
async function handshake(settings: Tls, client: ConnectionOptions): Promise<string> {
  const options = readServerTls(settings)?.options ?? {};
  const server = createServer(options, (socket) => socket.on('error', () => undefined).end('.'));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ca = readFileSync(settings.cert);
  const socket = connect({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    ca,
    servername: 'localhost',
    ...client,
  });
  const outcome = await outcomeOf(socket);
  socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  return outcome;
}

function outcomeOf(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    // a client certificate is refused after the client's side of a TLS 1.3 handshake is done, so only a byte proves it
    socket.once('data', () => {
      resolve(`${socket.getProtocol() ?? ''} ${socket.getCipher().standardName}`);
    });
    socket.once('error', () => {
      resolve('refused');
    });
    socket.once('end', () => {
      resolve('refused');
    });
  });
}

const tls12: ConnectionOptions = { maxVersion: 'TLSv1.2' };
const tls13: ConnectionOptions = { minVersion: 'TLSv1.3' };

describe('the flag combinations of the original, with real connections', () => {
  it('serves TLS 1.2 and 1.3 with certificate and key, and nothing older', async () => {
    const settings = withPair('rsa');
    expect(await handshake(settings, tls13)).toMatch(/^TLSv1\.3 /);
    expect(await handshake(settings, tls12)).toMatch(/^TLSv1\.2 /);
    expect(
      await handshake(settings, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
    ).toBe('refused');
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'asks for a client certificate of the named authority with --tls-client-ca over %s',
    async (version) => {
      const settings = withPair('rsa', { clientCa: made.file('ca.crt') });
      const spoken: ConnectionOptions = { minVersion: version, maxVersion: version };
      expect(await handshake(settings, { ...spoken, ...clientPair('client') })).toMatch(version);
      expect(await handshake(settings, spoken)).toBe('refused');
      expect(await handshake(settings, { ...spoken, ...clientPair('stranger') })).toBe('refused');
    },
  );

  it('accepts clients of every authority in the file', async () => {
    const both = made.file('both.crt');
    writeFileSync(
      both,
      `# two authorities\n${readFileSync(made.file('ca.crt'), 'utf8')}\n${readFileSync(made.file('other-ca.crt'), 'utf8')}`,
    );
    const settings = withPair('ec', { clientCa: both });
    expect(await handshake(settings, clientPair('client'))).toMatch('TLS');
    expect(await handshake(settings, clientPair('stranger'))).toMatch('TLS');
    expect(await handshake(settings, clientPair('rsa'))).toBe('refused');
  });

  it('speaks 1.3 and the named suites only with --tls-min-version 1.3 and --tls-cipher-suites', async () => {
    const settings = withPair('rsa', {
      minVersion: '1.3',
      cipherSuites: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'],
    });
    expect(await handshake(settings, { ...tls13, ciphers: 'TLS_AES_256_GCM_SHA384' })).toBe(
      'TLSv1.3 TLS_AES_256_GCM_SHA384',
    );
    expect(await handshake(settings, { ...tls13, ciphers: 'TLS_CHACHA20_POLY1305_SHA256' })).toBe('refused');
    expect(await handshake(settings, tls12)).toBe('refused');
  });

  it('refuses 1.2 with --tls-min-version 1.3 alone', async () => {
    const settings = withPair('ec', { minVersion: '1.3' });
    expect(await handshake(settings, tls13)).toMatch(/^TLSv1\.3 /);
    expect(await handshake(settings, tls12)).toBe('refused');
  });

  it('speaks both versions when the list has suites of both', async () => {
    const settings = withPair('rsa', {
      cipherSuites: ['TLS_AES_256_GCM_SHA384', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
    });
    expect(await handshake(settings, tls13)).toBe('TLSv1.3 TLS_AES_256_GCM_SHA384');
    expect(await handshake(settings, tls12)).toBe('TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256');
    expect(await handshake(settings, { ...tls12, ciphers: 'ECDHE-RSA-AES256-GCM-SHA384' })).toBe('refused');
    expect(await handshake(settings, { ...tls13, ciphers: 'TLS_AES_128_GCM_SHA256' })).toBe('refused');
  });

  it.each(cipherSuites)('$name alone is spoken, and its version only', async (suite) => {
    const settings = withPair(suite.key === 'ECDSA' ? 'ec' : 'rsa', { cipherSuites: [suite.name] });
    const [spoken, other] = suite.version === '1.3' ? [tls13, tls12] : [tls12, tls13];
    expect(await handshake(settings, { ...spoken, ciphers: suite.openssl })).toBe(`TLSv${suite.version} ${suite.name}`);
    expect(await handshake(settings, other)).toBe('refused');
  });
});

describe('settings that do not work', () => {
  it.each<[string, () => Tls, [string, RegExp][]]>([
    ['a certificate alone', () => ({ ...withPair('rsa'), key: '' }), [['key', /missing/]]],
    ['a key alone', () => ({ ...withPair('rsa'), cert: '' }), [['cert', /missing/]]],
    [
      "another certificate's key",
      () => ({ ...withPair('rsa'), key: made.file('ec.key') }),
      [['key', /is not the key of the certificate/]],
    ],
    [
      'files that are not there',
      () => withPair('rsa', { cert: made.file('no.crt'), key: made.file('no.key'), clientCa: made.file('no.ca') }),
      [
        ['cert', /does not exist/],
        ['key', /does not exist/],
        ['clientCa', /does not exist/],
      ],
    ],
    [
      'certificate and key the wrong way round',
      () => withPair('rsa', { cert: made.file('rsa.key'), key: made.file('rsa.crt') }),
      [
        ['cert', /but a private key/],
        ['key', /but a certificate/],
      ],
    ],
    ['a locked key', () => withPair('ec', { key: made.file('locked.key') }), [['key', /passphrase/]]],
    ['a folder', () => withPair('ec', { key: made.directory }), [['key', /is a folder/]]],
    [
      'unknown suites',
      () => withPair('ec', { cipherSuites: ['TLS_NONSENSE', 'TLS_AES_128_GCM_SHA256', 'DES'] }),
      [
        ['cipherSuites', /"TLS_NONSENSE".*known are/],
        ['cipherSuites', /"DES"/],
      ],
    ],
    [
      'suites of 1.2 below 1.3',
      () =>
        withPair('rsa', {
          minVersion: '1.3',
          cipherSuites: ['TLS_AES_128_GCM_SHA256', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
        }),
      [['cipherSuites', /names TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, which belong to TLS 1\.2/]],
    ],
    [
      'suites the certificate cannot serve',
      () => withPair('rsa', { cipherSuites: ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'] }),
      [['cipherSuites', /whose key is RSA/]],
    ],
    ['a client authority without TLS', () => ({ ...off, clientCa: made.file('ca.crt') }), [['clientCa', /no effect/]]],
    [
      'a version and suites without TLS',
      () => ({ ...off, minVersion: '1.3', cipherSuites: ['TLS_AES_128_GCM_SHA256'] }),
      [
        ['minVersion', /no effect/],
        ['cipherSuites', /no effect/],
      ],
    ],
  ])('%s: every problem is named', (_, settings, expected) => {
    const problems = serverTlsProblems(settings());
    expect(problems).toEqual(
      expected.map(([setting, message]) => ({ setting, message: expect.stringMatching(message) as string })),
    );
    expect(() => readServerTls(settings())).toThrow(ConfigError);
  });

  it('a damaged file is named without its content', () => {
    const [cert, key] = [made.file('bad.crt'), made.file('bad.key')];
    writeFileSync(cert, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    writeFileSync(key, '-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n');
    const problems = serverTlsProblems({ ...off, cert, key });
    expect(problems.map((problem) => problem.setting)).toEqual(['cert', 'key']);
    expect(JSON.stringify(problems)).not.toMatch(/AAAA|SECRET/);
  });

  it('a chain in the wrong order is named', () => {
    const chain = made.file('chain.crt');
    writeFileSync(chain, readFileSync(made.file('ca.crt'), 'utf8') + readFileSync(made.file('client.crt'), 'utf8'));
    expect(serverTlsProblems({ ...off, cert: chain, key: made.file('client.key') })).toEqual([
      { setting: 'cert', message: expect.stringContaining('must begin with the certificate') as string },
    ]);
  });
});

it('leaves TLS off without certificate and key', () => {
  expect(readServerTls(off)).toBeUndefined();
  expect(serverTlsProblems(off)).toEqual([]);
});

it('tells names, expiry and whether clients need a certificate', () => {
  const tls = readServerTls(withPair('ec', { clientCa: made.file('ca.crt') }));
  expect(tls?.names).toEqual(['localhost', '127.0.0.1']);
  expect(tls?.isMutual).toBe(true);
  expect(tls?.expiresAt).toBeGreaterThan(new Date().getTime());
});

describe('certificates for upstreams', () => {
  const none = { verify: true, ca: '', cert: '', key: '', certDirectory: '' };

  it('pass when they fit', () => {
    expect(clientTlsProblems(none)).toEqual([]);
    expect(
      clientTlsProblems({
        ...none,
        cert: made.file('client.crt'),
        key: made.file('client.key'),
        ca: made.file('ca.crt'),
        certDirectory: made.directory,
      }),
    ).toEqual([]);
  });

  it('are named when they do not', () => {
    const settings = {
      ...none,
      cert: made.file('client.crt'),
      ca: made.file('client.key'),
      certDirectory: made.file('ca.crt'),
    };
    expect(clientTlsProblems(settings).map((problem) => problem.setting)).toEqual(['key', 'ca', 'certDirectory']);
  });
});
