import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../../server/config/load.ts';
import type { Settings } from '../../../../server/config/schema.ts';
import { ConfigError } from '../../../../server/errors.ts';
import { load, problemsOf } from './loading.ts';
import type { Given } from './loading.ts';

describe('precedence', () => {
  it('is the default when nobody says anything, as the original has it', () => {
    expect(load()).toMatchObject({
      listen: ':5050',
      adminListen: '127.0.0.1:5051',
      upstreamRegistry: 'ghcr.io',
      dataDirectory: '/home/ann/.zhi/mirror',
      tls: { cert: '', key: '', clientCa: '', minVersion: '1.2', cipherSuites: [] },
      audit: { file: '' },
    });
    expect(load().upstreams).toBeUndefined();
  });

  it.each([
    ['listen', ':7', 'listen: ":8"', (s: Settings) => s.listen, ':5050', ':8', ':7'],
    [
      'admin-listen',
      '[::1]:7',
      'adminListen: localhost:8',
      (s: Settings) => s.adminListen,
      '127.0.0.1:5051',
      'localhost:8',
      '[::1]:7',
    ],
    [
      'upstream-registry',
      'quay.io',
      'upstreamRegistry: docker.io',
      (s: Settings) => s.upstreamRegistry,
      'ghcr.io',
      'docker.io',
      'quay.io',
    ],
    [
      'data-dir',
      'd',
      'dataDirectory: e',
      (s: Settings) => s.dataDirectory,
      '/home/ann/.zhi/mirror',
      '/etc/zhi/e',
      '/work/d',
    ],
    ['storage', 'd', 'storageDirectory: e', (s: Settings) => s.storageDirectory, '', '/etc/zhi/e', '/work/d'],
    ['audit', 'a.log', 'audit: { file: /b.log }', (s: Settings) => s.audit.file, '', '/b.log', '/work/a.log'],
    ['log-level', 'warn', 'log: { level: error }', (s: Settings) => s.log.level, 'info', 'error', 'warn'],
    ['tls-cert', 'c', 'tls: { cert: ~/d }', (s: Settings) => s.tls.cert, '', '/home/ann/d', '/work/c'],
    ['tls-key', '/c', 'tls: { key: d }', (s: Settings) => s.tls.key, '', '/etc/zhi/d', '/c'],
    ['tls-client-ca', '~/c', 'tls: { clientCa: ../d }', (s: Settings) => s.tls.clientCa, '', '/etc/d', '/home/ann/c'],
    ['tls-min-version', '1.2', 'tls: { minVersion: 1.3 }', (s: Settings) => s.tls.minVersion, '1.2', '1.3', '1.2'],
    [
      'tls-cipher-suites',
      'A, B,',
      'tls: { cipherSuites: [C] }',
      (s: Settings) => s.tls.cipherSuites,
      [],
      ['C'],
      ['A', 'B'],
    ],
    [
      'upstream-tls-cert',
      'c',
      'upstreamTls: { cert: d }',
      (s: Settings) => s.upstreamTls.cert,
      '',
      '/etc/zhi/d',
      '/work/c',
    ],
    [
      'upstream-tls-key',
      'c',
      'upstreamTls: { key: d }',
      (s: Settings) => s.upstreamTls.key,
      '',
      '/etc/zhi/d',
      '/work/c',
    ],
    ['upstream-tls-ca', 'c', 'upstreamTls: { ca: d }', (s: Settings) => s.upstreamTls.ca, '', '/etc/zhi/d', '/work/c'],
  ])(
    'lets --%s win over the file, and the file over the default',
    (flag, value, yaml, read, byDefault, byFile, byFlag) => {
      expect(read(load())).toEqual(byDefault);
      expect(read(load({ yaml }))).toEqual(byFile);
      expect(read(load({ yaml, flags: { [flag]: value } }))).toEqual(byFlag);
    },
  );

  it('keeps what the file says beside a flag of the same section', () => {
    expect(
      load({ yaml: 'tls: { cert: /a, key: /b, minVersion: "1.3" }', flags: { 'tls-cert': '/c' } }).tls,
    ).toMatchObject({ cert: '/c', key: '/b', minVersion: '1.3' });
  });
});

describe('directories', () => {
  it.each<[string, Given, { dataDirectory: string; storageDirectory: string }]>([
    ['is under the home', {}, { dataDirectory: '/home/ann/.zhi/mirror', storageDirectory: '' }],
    ['is a system folder without a home', { env: {} }, { dataDirectory: '/var/lib/zhi-mirror', storageDirectory: '' }],
    [
      'is the storage when only that is given',
      { flags: { storage: '/s' } },
      { dataDirectory: '/s', storageDirectory: '/s' },
    ],
    [
      'is apart from the storage when both are given',
      { flags: { storage: '/s', 'data-dir': '/d' } },
      { dataDirectory: '/d', storageDirectory: '/s' },
    ],
    [
      'is what the file says beside --storage',
      { yaml: 'dataDirectory: /d', flags: { storage: '/s' } },
      { dataDirectory: '/d', storageDirectory: '/s' },
    ],
    [
      'is the storage of the file too',
      { yaml: 'storageDirectory: s' },
      { dataDirectory: '/etc/zhi/s', storageDirectory: '/etc/zhi/s' },
    ],
  ])('the data directory %s', (_, given, expected) => {
    expect(load(given)).toMatchObject(expected);
  });

  it('leaves "-" as standard output for the audit', () => {
    expect(load({ flags: { audit: '-' } }).audit.file).toBe('-');
    expect(load({ yaml: 'audit: { file: "-" }' }).audit.file).toBe('-');
  });
});

describe('problems', () => {
  it('are reported all together, each with its place, its name and what is allowed', () => {
    const yaml = [
      'listn: x',
      'listen: ":1"',
      'listen: ":2"',
      'upstreams:',
      '  - name: up.test',
      '    ttl: 300',
      '    mode: maybe',
      '    nme: y',
      'log: { level: loud }',
      'offline: "yes"',
      'trustedProxies: [nonsense]',
      'freeSpaceFloor: 5',
    ].join('\n');
    const problems = problemsOf({ yaml, flags: { 'tls-min-version': '1.1', 'admin-listen': '0.0.0.0:5051' } });
    const place = '/etc/zhi/m.yaml:';
    const expected = [
      '--tls-min-version must be one of "1.2", "1.3", not "1.1".',
      '--admin-listen "0.0.0.0:5051" can be reached from other machines, and logins are not built yet; use a loopback address such as "127.0.0.1:5051".',
      `${place}1:1: listn is not a setting; did you mean listen?`,
      `${place}3:1: listen is given twice; keep one.`,
      `${place}6:10: upstreams[0].ttl must be a duration such as "30s", "5m" or "24h", not the number 300.`,
      `${place}7:11: upstreams[0].mode must be one of "check", "prefer-cache", "offline", not "maybe".`,
      `${place}8:5: upstreams[0].nme is not a setting; did you mean name?`,
      `${place}9:15: log.level must be one of "trace", "debug", "info", "warn", "error", not "loud".`,
      `${place}10:10: offline must be true or false, not "yes".`,
      `${place}11:18: trustedProxies[0] "nonsense" is not an address or range such as "10.0.0.7" or "10.0.0.0/8".`,
      `${place}12:17: freeSpaceFloor must be a size such as "500 MB" or "5 GiB", not the number 5.`,
    ];
    expect([...problems].sort()).toEqual([...expected].sort());
  });

  it.each<[string, Given, string]>([
    [
      'an unknown setting far from any other',
      { yaml: 'zzzzzzzzzz: 1' },
      '/etc/zhi/m.yaml:1:1: zzzzzzzzzz is not a setting; known here are listen, ',
    ],
    [
      'an unknown setting called __proto__',
      { yaml: '__proto__: { listen: x }' },
      '/etc/zhi/m.yaml:1:1: __proto__ is not a setting',
    ],
    [
      'an empty section',
      { yaml: 'tls:' },
      '/etc/zhi/m.yaml:1:5: tls must be a mapping ("name: value" lines), not nothing.',
    ],
    [
      'a section of the wrong type below a flag',
      { yaml: 'tls: 5', flags: { 'tls-cert': 'x' } },
      '/etc/zhi/m.yaml:1:6: tls must be a mapping',
    ],
    [
      'a missing name',
      { yaml: 'upstreams:\n  - urls: []' },
      '/etc/zhi/m.yaml:2:5: upstreams[0].name is missing; it must be a text.',
    ],
    [
      'a number out of range',
      { yaml: 'upstreams: [{ name: a.test, maxRetries: 99 }]' },
      '/etc/zhi/m.yaml:1:41: upstreams[0].maxRetries must be at most 10, not the number 99.',
    ],
    [
      'a tag rule without sense',
      { yaml: 'upstreams: [{ name: a.test, tags: [{ pattern: a, ttl: never }] }]' },
      '/etc/zhi/m.yaml:1:55: upstreams[0].tags[0].ttl must be "immutable" or a duration such as',
    ],
    [
      'a bad host',
      { yaml: 'upstreams: [{ name: a/b }]' },
      '/etc/zhi/m.yaml:1:21: upstreams[0].name "a/b" is not a host such as',
    ],
    ['an empty flag', { flags: { storage: '' } }, '--storage is empty; it must have a value.'],
    [
      'a listener on the same port',
      { flags: { listen: ':5051' } },
      '--admin-listen "127.0.0.1:5051" is the port the mirror listens on too (":5051"); choose another.',
    ],
    ['a bad address', { flags: { listen: '5050' } }, '--listen "5050" is not an address such as ":5050"'],
    [
      'a bad log level',
      { flags: { 'log-level': 'loud' } },
      '--log-level must be one of "trace", "debug", "info", "warn", "error", not "loud".',
    ],
    [
      'an upstream with a path',
      { flags: { 'upstream-registry': 'ghcr.io/org' } },
      '--upstream-registry "ghcr.io/org" has a path; write the host alone, or a URL such as "https://ghcr.io/org".',
    ],
    [
      'a bad proxy of the environment',
      { env: { HTTPS_PROXY: 'ftp://x' } },
      "The environment's HTTPS_PROXY is not an http:// or https:// URL",
    ],
  ])('name %s', (_, given, expected) => {
    expect(problemsOf(given).map((problem) => problem.slice(0, expected.length))).toEqual([expected]);
  });

  it('of a file that cannot be read name it', () => {
    const readFile = (): string => {
      throw Object.assign(new Error(), { code: 'ENOENT' });
    };
    expect(problemsOf({ settingsFile: 'm.yaml', readFile })).toEqual(['--settings: m.yaml does not exist.']);
    expect(problemsOf({ settingsFile: '', readFile })).toEqual(['--settings is empty; it must name a settings file.']);
  });

  it('of broken syntax stand alone, for what the file means is not known', () => {
    expect(problemsOf({ yaml: 'listen: [' })).toEqual([
      expect.stringMatching(/^\/etc\/zhi\/m\.yaml:\d+:\d+: .*not closed/),
    ]);
  });

  it('of further checks are put where the setting comes from', () => {
    const check = (): { path: string[]; message: string }[] => [
      { path: ['tls', 'cert'], message: 'is odd' },
      { path: ['tls', 'key'], message: 'is odd' },
    ];
    expect(problemsOf({ flags: { 'tls-cert': 'x' }, check })).toEqual(['--tls-cert is odd.', '--tls-key is odd.']);
    expect(problemsOf({ yaml: 'tls: { key: y }', flags: { 'tls-cert': 'x' }, check })).toEqual([
      '--tls-cert is odd.',
      '/etc/zhi/m.yaml:1:13: tls.key is odd.',
    ]);
  });
});

it('hands the proxies of the environment on', () => {
  expect(
    loadSettings({ flags: {}, env: { HTTPS_PROXY: 'p.test:1', NO_PROXY: 'a' }, cwd: '/' }).proxyEnvironment,
  ).toEqual({ httpsProxy: 'http://p.test:1', httpProxy: '', noProxy: 'a' });
});

it('reads a file from the disk relative to the working directory', () => {
  expect(() => loadSettings({ flags: {}, env: {}, cwd: '/', settingsFile: 'no/such/file.yaml' })).toThrow(ConfigError);
});
