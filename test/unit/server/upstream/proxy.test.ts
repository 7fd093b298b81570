import { describe, expect, it } from 'vitest';
import { chooseProxy } from '../../../../server/upstream/proxy.ts';

const environment = { httpProxy: 'http://plain.test:3128', httpsProxy: 'http://secure.test:3128' };

function proxyFor(url: string, noProxy = ''): string | undefined {
  return chooseProxy(new URL(url), '', { ...environment, noProxy });
}

describe('chooseProxy', () => {
  it('takes the one of the upstream before the environment, for every host', () => {
    expect(chooseProxy(new URL('https://ghcr.io'), 'http://own.test', { ...environment, noProxy: '*' })).toBe(
      'http://own.test',
    );
  });

  it('takes the environment by scheme', () => {
    expect([proxyFor('https://ghcr.io/'), proxyFor('http://ghcr.io/')]).toEqual([
      environment.httpsProxy,
      environment.httpProxy,
    ]);
  });

  it.each(['http://localhost:5000/', 'http://127.0.0.1:5000/', 'http://127.9.9.9/', 'http://[::1]:5000/'])(
    'spares loopback: %s',
    (url) => {
      expect(proxyFor(url)).toBeUndefined();
    },
  );

  it.each([
    ['corp.test', 'https://corp.test/', true],
    ['corp.test', 'https://registry.corp.test/', true],
    ['corp.test', 'https://notcorp.test/', false],
    ['.corp.test', 'https://registry.corp.test/', true],
    ['.corp.test', 'https://corp.test/', false],
    ['*.corp.test', 'https://registry.corp.test/', true],
    ['CORP.test', 'https://corp.test/', true],
    ['corp.test:443', 'https://corp.test/', true],
    ['corp.test:8443', 'https://corp.test/', false],
    ['other.test, 10.0.0.0/8', 'https://10.1.2.3/', true],
    ['10.0.0.0/8', 'https://11.1.2.3/', false],
    ['fd00::/8', 'https://[fd00::1]/', true],
    ['*', 'https://anything.test/', true],
    ['', 'https://corp.test/', false],
  ])('with NO_PROXY=%s spares %s: %s', (noProxy, url, isSpared) => {
    expect(proxyFor(url, noProxy) === undefined).toBe(isSpared);
  });
});
