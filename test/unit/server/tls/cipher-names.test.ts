import { getCiphers } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { cipherSuites, findCipherSuite, unknownCipherSuite } from '../../../../server/tls/cipher-names.ts';

/** crypto/tls of Go 1.26: CipherSuites() and, of InsecureCipherSuites(), what is neither RC4 nor 3DES. */
const goNames = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_RSA_WITH_AES_128_CBC_SHA',
  'TLS_RSA_WITH_AES_256_CBC_SHA',
  'TLS_RSA_WITH_AES_128_CBC_SHA256',
  'TLS_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256',
];

describe('cipher suites', () => {
  it("are all of Go's that still exist", () => {
    expect(cipherSuites.map((suite) => suite.name).sort()).toEqual([...goNames].sort());
  });

  it.each(cipherSuites.map((suite) => [suite.name, suite.openssl]))(
    '%s is one that this runtime has as %s',
    (_, openssl) => {
      expect(getCiphers()).toContain(openssl.toLowerCase());
    },
  );

  it("are found by Go's older names too", () => {
    expect(findCipherSuite('TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305')?.openssl).toBe('ECDHE-RSA-CHACHA20-POLY1305');
  });
});

it('names the known suites and the likeliest when one is unknown', () => {
  const message = unknownCipherSuite('TLS_AES_128_GCM_SHA265');
  expect(message).toContain('did you mean TLS_AES_128_GCM_SHA256;');
  for (const name of goNames) expect(message).toContain(name);
});

it("translates OpenSSL's name, which is not accepted", () => {
  expect(findCipherSuite('ECDHE-RSA-AES128-GCM-SHA256')).toBeUndefined();
  expect(unknownCipherSuite('ECDHE-RSA-AES128-GCM-SHA256')).toContain(
    'did you mean TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;',
  );
});

it.each(['TLS_RSA_WITH_RC4_128_SHA', 'TLS_RSA_WITH_3DES_EDE_CBC_SHA'])(
  'says that %s is broken, not unknown',
  (name) => {
    expect(findCipherSuite(name)).toBeUndefined();
    expect(unknownCipherSuite(name)).toContain('broken');
  },
);
