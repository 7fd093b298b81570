import { describe, expect, it } from 'vitest';
import type { Settings } from '../../../../server/config/schema.ts';
import { load, problemsOf } from './loading.ts';
import type { Given } from './loading.ts';

describe('upstreams', () => {
  const summary = (settings: Settings): unknown => [
    settings.upstreamRegistry,
    settings.upstreams?.map(({ name, urls }) => [name, ...urls]),
  ];
  const starters = [['docker.io'], ['ghcr.io'], ['quay.io'], ['registry.k8s.io']];

  it.each<[string, Given, unknown]>([
    ['a host without a list', { flags: { 'upstream-registry': 'Quay.io' } }, ['quay.io', undefined]],
    [
      'an https URL that says no more than a host',
      { flags: { 'upstream-registry': 'https://quay.io/' } },
      ['quay.io', undefined],
    ],
    [
      'a URL without a list',
      { flags: { 'upstream-registry': 'http://127.0.0.1:5001' } },
      ['127.0.0.1:5001', [['127.0.0.1:5001', 'http://127.0.0.1:5001'], ...starters]],
    ],
    [
      'a listed name',
      { yaml: 'upstreams: [{ name: up.test, urls: ["http://127.0.0.1:5001"] }]\nupstreamRegistry: up.test' },
      ['up.test', [['up.test', 'http://127.0.0.1:5001']]],
    ],
    [
      'a listed URL',
      {
        yaml: 'upstreams: [{ name: up.test, urls: ["http://127.0.0.1:5001"] }]',
        flags: { 'upstream-registry': 'http://127.0.0.1:5001/' },
      },
      ['up.test', [['up.test', 'http://127.0.0.1:5001']]],
    ],
    ['a host that is not listed', { yaml: 'upstreams: [quay.io]' }, ['ghcr.io', [['ghcr.io'], ['quay.io']]]],
    [
      'short forms in the list',
      { yaml: 'upstreams: [GHCR.io, "http://10.0.0.9:5000/x"]' },
      ['ghcr.io', [['ghcr.io'], ['10.0.0.9:5000', 'http://10.0.0.9:5000/x']]],
    ],
    [
      "Docker Hub's other names",
      { yaml: 'upstreams: [{ name: registry-1.docker.io }]', flags: { 'upstream-registry': 'index.docker.io' } },
      ['docker.io', [['docker.io']]],
    ],
  ])('understands %s', (_, given, expected) => {
    expect(summary(load(given))).toEqual(expected);
  });

  it('fills in defaults and units', () => {
    const [upstream] =
      load({
        yaml: 'upstreamRegistry: a.test\nupstreams: [{ name: a.test, ttl: 1h30m, tags: [{ pattern: "v*", ttl: immutable }] }]\nfreeSpaceFloor: 2 GiB',
      }).upstreams ?? [];
    expect(upstream).toMatchObject({
      mode: 'check',
      ttl: 5_400_000,
      negativeTtl: 60_000,
      staleIfError: true,
      tags: [{ pattern: 'v*', ttl: 'immutable' }],
    });
  });

  it("makes the paths of an upstream's certificates absolute", () => {
    expect(
      load({ yaml: 'upstreams: [{ name: ghcr.io, tls: { ca: ca.pem, certDirectory: certs } }]' }).upstreams?.[0]?.tls,
    ).toMatchObject({ ca: '/etc/zhi/ca.pem', certDirectory: '/etc/zhi/certs' });
  });

  it.each<[string, Given, RegExp]>([
    [
      'a name twice',
      { yaml: 'upstreams:\n  - ghcr.io\n  - name: GHCR.IO' },
      /^\/etc\/zhi\/m\.yaml:3:11: upstreams\[1\]\.name .*already/,
    ],
    [
      'an intercepted host twice',
      { yaml: 'upstreams:\n  - ghcr.io\n  - { name: b.test, interceptHosts: [c.test, ghcr.io] }' },
      /m\.yaml:3:46: upstreams\[1\]\.interceptHosts\[1\] /,
    ],
    [
      'a default URL that its listed name does not have',
      {
        yaml: 'upstreams: [{ name: "127.0.0.1:5001", urls: ["http://10.0.0.1"] }]',
        flags: { 'upstream-registry': 'http://127.0.0.1:5001' },
      },
      /^--upstream-registry .*urls/,
    ],
    [
      'a password in a URL',
      { yaml: 'upstreams: [{ name: a.test, urls: ["https://u:hunter2@a.test"] }]' },
      /upstreams\[0\]\.urls\[0\] .*accounts/,
    ],
    ['a password in a short form', { yaml: 'upstreams: ["https://u:hunter2@a.test"]' }, /upstreams\[0\] .*accounts/],
    [
      'an account without a password',
      { yaml: 'upstreams: [{ name: a.test, accounts: [{ username: u }] }]' },
      /accounts\[0\] has a username without/,
    ],
    [
      'an account with both kinds of secret',
      { yaml: 'upstreams: [{ name: a.test, accounts: [{ username: u, password: hunter2, registryToken: hunter3 }] }]' },
      /accounts\[0\] has a registryToken and/,
    ],
    [
      'a proxy of another kind',
      { yaml: 'upstreams: [{ name: a.test, proxy: "socks5://u:hunter2@p" }]' },
      /upstreams\[0\]\.proxy is not an http/,
    ],
    [
      'a password that is a number',
      { yaml: 'upstreams: [{ name: a.test, accounts: [{ username: u, password: 20252025 }] }]' },
      /password must be a text, not a number; write it in quotes/,
    ],
  ])('refuses %s and tells no secret', (_, given, expected) => {
    const problems = problemsOf(given);
    expect(problems).toEqual([expect.stringMatching(expected)]);
    expect(problems.join()).not.toMatch(/hunter|20252025/);
  });
});
