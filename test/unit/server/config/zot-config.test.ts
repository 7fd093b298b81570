import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../../server/config/load.ts';
import type { UpstreamInput } from '../../../../server/config/schema.ts';
import { loadZotConfig, previewZot } from '../../../../server/config/zot-config.ts';
import type { ZotReading } from '../../../../server/config/zot-config.ts';
import type { ZotDisk } from '../../../../server/config/zot-section.ts';
import { zotExample, zotExamples } from '../../../support/zot-examples.ts';

/** A zot that runs in /work, where these files and folders are. */
function disk(files: Readonly<Record<string, string>> = {}, folders: readonly string[] = []): ZotDisk {
  return {
    resolve: (path) => (path.startsWith('/') ? path : `/work/${path.replace(/^\.\//, '')}`),
    read: (path) => files[path],
    isDirectory: (path) => folders.includes(path),
  };
}

function registry(entry: object, given: ZotDisk = disk()): ZotReading {
  return loadZotConfig(JSON.stringify({ extensions: { sync: { registries: [entry] } } }), 'zot.json', given);
}

function upstreamsOf({ settingsPatch }: ZotReading): readonly UpstreamInput[] {
  return settingsPatch.upstreams ?? [];
}

describe("the examples of zot's documentation", () => {
  it.each(zotExamples)('%s loads as it is printed, and is what the settings can hold', (name) => {
    const { settingsPatch, problems, notHonoured } = loadZotConfig(zotExample(name), 'zot.json', disk());
    expect(problems).toEqual([]);
    const values = { ...settingsPatch, dataDirectory: '/data' };
    const { settings } = loadSettings({ flags: {}, env: {}, cwd: '/', foreign: { path: 'zot.json', values } });
    expect(settings.upstreams?.length).toBeGreaterThan(0);
    expect(settings.upstreamRegistry).toBe('');
    expect(notHonoured.filter(({ why }) => why.includes('nothing that corresponds'))).toEqual([]);
  });

  it.each<[(typeof zotExamples)[number], RegExp[]]>([
    ['basic', [/^z:1:\d+: this is a piece/, /^z:23:\d+: a comma is missing/]],
    ['polled', [/^z:1:1: this is a piece/, /^z:32:3: a \] is missing before this \}/]],
    ['readme-sync', [/^z:1:3: this is a piece/, /^z:33:1: the file ends before its \} \] \}/]],
    ['on-demand', []],
    ['mixed', []],
    ['subpaths', []],
    ['migration', []],
  ])('%s is said not to be JSON, where it is not', (name, expected) => {
    const { warnings } = loadZotConfig(zotExample(name), 'z', disk());
    const syntax = warnings.filter((warning) => !warning.includes('extensions.sync'));
    expect(syntax).toEqual(expected.map((pattern): unknown => expect.stringMatching(pattern)));
  });

  it('makes two upstreams of the on-demand example, and nothing else is asked', () => {
    expect(loadZotConfig(zotExample('on-demand'), 'zot.json', disk()).settingsPatch).toEqual({
      listen: '0.0.0.0:8080',
      dataDirectory: '/tmp/zot',
      log: { level: 'debug' },
      upstreamRegistry: '',
      upstreams: [
        {
          name: 'k8s.gcr.io',
          urls: ['https://k8s.gcr.io'],
          onDemand: true,
          maxRetries: 0,
          tls: { verify: true },
          content: [{ prefix: '**', destination: '/k8s-images' }],
        },
        {
          name: 'docker.io',
          // library/ is added by itself, and only to official images
          urls: ['https://docker.io'],
          onDemand: true,
          maxRetries: 0,
          tls: { verify: true },
          content: [{ prefix: '**', destination: '/docker-images' }],
        },
      ],
    });
  });

  it('gives the mixed example its accounts, certificates and order', () => {
    const credentials = zotExample('credentials');
    const given = disk({ '/work/examples/sync-auth-filepath.json': credentials }, ['/home/user/certs']);
    const [first, second, third, fourth] = upstreamsOf(loadZotConfig(zotExample('mixed'), 'zot.json', given));
    expect(first).toMatchObject({
      name: 'registry1:5000',
      onDemand: false,
      maxRetries: 3,
      retryDelay: '5m',
      tls: { verify: true, certDirectory: '/home/user/certs' },
    });
    expect(first).not.toHaveProperty('accounts');
    // registry2 has an account and registry3 has none: no password of one is sent to the other
    expect(second).toMatchObject({
      name: 'registry2:5000',
      urls: ['https://registry2:5000'],
      tls: { verify: false },
      accounts: [{ username: 'user2', password: 'pass2' }],
    });
    expect(third).toMatchObject({ name: 'registry3:5000', urls: ['https://registry3:5000'], tls: { verify: false } });
    expect(third).not.toHaveProperty('accounts');
    expect(fourth).toMatchObject({ name: 'docker.io', onDemand: true, content: [{ prefix: '**' }] });
  });

  it.each(['subpaths', 'readme-subpaths'] as const)('does all that the %s example says', (name) => {
    const { notHonoured, settingsPatch } = loadZotConfig(zotExample(name), 'zot.json', disk());
    expect(notHonoured).toEqual([]);
    expect(settingsPatch).toMatchObject({
      dataDirectory: '/tmp/zot',
      storagePaths: [{ prefix: 'kube-proxy', directory: '/tmp/kube-proxy' }],
    });
  });

  it('names each thing of a sub-path that is done otherwise, and where zot keeps content', () => {
    const subPaths = { '/a': { rootDirectory: 'a', dedupe: false, gc: false, gcDelay: '1h' }, '/b': { gc: true } };
    const text = JSON.stringify({ storage: { rootDirectory: 'root', dedupe: false, subPaths, retention: {} } });
    const { notHonoured, storageRoots, problems, settingsPatch } = loadZotConfig(text, 'zot.json', disk());
    expect(settingsPatch.storagePaths).toEqual([{ prefix: 'a', directory: '/work/a' }]);
    expect({ keys: notHonoured.map(({ key }) => key), storageRoots, problems }).toEqual({
      keys: [
        'storage.dedupe',
        'storage.subPaths./a.dedupe',
        'storage.subPaths./a.gc',
        'storage.subPaths./a.gcDelay',
        'storage.subPaths./b.rootDirectory',
        'storage.retention',
      ],
      storageRoots: ['/work/root', '/work/a'],
      problems: [],
    });
  });
});

describe('sub-paths', () => {
  it.each<[object, string[], string[]]>([
    // what is said alike for all is done
    [{ gc: true, gcDelay: '2h', dedupe: true, rootDirectory: '/one' }, [], ['/one']],
    [{ gcDelay: '1h', rootDirectory: '/one' }, ['gcDelay'], ['/one']],
    [{ gc: false, rootDirectory: '/one' }, ['gc'], ['/one']],
    // within the storage's own root, around it, or around that of another sub-path
    [{ rootDirectory: '/zot/sub' }, ['rootDirectory'], []],
    [{ rootDirectory: '/' }, ['rootDirectory'], []],
    [{ rootDirectory: '/zot' }, ['rootDirectory'], []],
  ])('%j', (sub, keys, directories) => {
    const storage = { rootDirectory: '/zot', gcDelay: '2h', subPaths: { '/infra': sub } };
    const { notHonoured, settingsPatch } = loadZotConfig(JSON.stringify({ storage }), 'zot.json', disk());
    expect(notHonoured.map(({ key }) => key)).toEqual(keys.map((key) => `storage.subPaths./infra.${key}`));
    expect((settingsPatch.storagePaths ?? []).map(({ directory }) => directory)).toEqual(directories);
  });

  it('two of which are one in the other are kept together, and it says so', () => {
    const subPaths = {
      '/a': { rootDirectory: '/one' },
      '/b': { rootDirectory: '/one/b' },
      '/C': { rootDirectory: '/c' },
    };
    const { notHonoured, settingsPatch } = loadZotConfig(JSON.stringify({ storage: { subPaths } }), 'zot.json', disk());
    expect(notHonoured.map(({ key }) => key)).toEqual([
      'storage.subPaths./b.rootDirectory',
      'storage.subPaths./C.rootDirectory',
    ]);
    expect(settingsPatch.storagePaths).toEqual([{ prefix: 'a', directory: '/one' }]);
  });
});

describe('registries', () => {
  it.each<[object, string[]]>([
    [{ urls: ['https://ghcr.io'] }, ['ghcr.io']],
    [{ urls: ['https://index.docker.io'] }, ['docker.io']],
    [{ urls: ['https://a.test/team/x/'] }, ['a.test-team-x']],
    [{ urls: ['http://a.test:5000/v2/team'] }, ['a.test-team:5000']],
    // a name without a dot, or one that content rules use, would take requests from the rules
    [{ urls: ['https://registry'] }, ['registry:443']],
    [{ urls: ['http://registry'] }, ['registry:80']],
    [{ urls: ['https://ghcr.io'], content: [{ prefix: 'org/**', destination: '/ghcr.io' }] }, ['ghcr.io:443']],
    [{ urls: ['ghcr.io'] }, ['ghcr.io']],
  ])('%j is named %j', (entry, names) => {
    expect(upstreamsOf(registry(entry)).map(({ name }) => name)).toEqual(names);
  });

  it('names every registry of a host of its own', () => {
    const registries = Array.from({ length: 3 }, () => ({ urls: ['https://a.test:5000'] }));
    const reading = loadZotConfig(JSON.stringify({ registries }), 'zot.json', disk());
    expect(upstreamsOf(reading).map(({ name }) => name)).toEqual(['a.test:5000', 'a.test-2:5000', 'a.test-3:5000']);
  });

  it('keeps fallback URLs together and in order', () => {
    const [upstream] = upstreamsOf(registry({ urls: ['https://a.test', 'http://b.test:5000/x', 'https://c.test'] }));
    expect(upstream?.urls).toEqual(['https://a.test', 'http://b.test:5000/x', 'https://c.test']);
  });

  it('finds an account by host and port, also when the port is the usual one', () => {
    const account = { username: 'u', password: 'secret-word' };
    const given = disk({ '/work/c.json': JSON.stringify({ 'a.test:443': account, 'registry-1.docker.io': account }) });
    const text = JSON.stringify({
      sync: { credentialsFile: 'c.json', registries: [{ urls: ['https://a.test'] }, { urls: ['https://docker.io'] }] },
    });
    const reading = loadZotConfig(text, 'zot.json', given);
    expect(upstreamsOf(reading).map(({ accounts }) => accounts)).toEqual([[account], [account]]);
    expect(JSON.stringify(previewZot(text, 'zot.json', given))).not.toContain('secret-word');
  });

  it('delivers only what is signed for onlySigned', () => {
    const { settingsPatch, notHonoured } = registry({ urls: ['https://a.test'], onDemand: true, onlySigned: true });
    expect(settingsPatch.upstreams).toMatchObject([{ onDemand: true, onlySigned: true }]);
    expect(notHonoured).toEqual([]);
  });

  it('is not asked on demand unless it says so', () => {
    expect(upstreamsOf(registry({ urls: ['https://a.test'] }))).toMatchObject([{ onDemand: false }]);
  });

  it('reads keys in any case, and names every one it does not know', () => {
    const { settingsPatch, notHonoured } = registry({ URLs: ['https://a.test'], ondemand: 'true', frobnicate: 1 });
    expect(settingsPatch.upstreams).toMatchObject([{ name: 'a.test', onDemand: true }]);
    expect(notHonoured.map(({ key }) => key)).toEqual(['extensions.sync.registries[0].frobnicate']);
  });

  it('has none when sync is switched off', () => {
    const text = '{"sync": {"enable": false, "registries": [{"urls": ["https://a.test"], "onDemand": true}]}}';
    const reading = loadZotConfig(text, 'zot.json', disk());
    expect(upstreamsOf(reading)).toEqual([]);
    expect(reading.warnings).toEqual([expect.stringContaining('zot.json:1:11: extensions.sync.enable is false')]);
  });
});

describe('tag filters', () => {
  const regexOf = (regex: string): string | undefined =>
    upstreamsOf(registry({ urls: ['https://a.test'], content: [{ prefix: '**', tags: { regex } }] }))[0]?.content?.[0]
      ?.tags?.regex;

  it.each([
    ['4.*', '^(?:4.*)'],
    ['v1\\..*', '^(?:v1\\..*)'],
    ['.*', '.*'],
    ['^4.*', '^4.*'],
    ['alpine', 'alpine'],
    ['v1\\.*', 'v1\\.*'],
    ['(?i)RC', '(?i:RC)'],
    ['\\Av1(?P<minor>.5)\\z', '^v1(?<minor>.5)$'],
  ])('%s becomes %s', (given, expected) => {
    expect(regexOf(given)).toBe(expected);
  });
});

describe('what a file says besides', () => {
  const whole = (content: object): ZotReading => loadZotConfig(JSON.stringify(content), 'zot.json', disk());

  it.each<[object, object]>([
    [{ http: { address: '0.0.0.0', port: '8080' } }, { listen: '0.0.0.0:8080' }],
    [{ http: { address: '::', port: 5000 } }, { listen: '[::]:5000' }],
    [{ http: { port: '5000' } }, { listen: '127.0.0.1:5000' }],
    [
      { http: { tls: { cert: 'c.pem', key: '/k.pem' } } },
      { tls: { cert: '/work/c.pem', key: '/k.pem', clientCa: '' } },
    ],
    [{ storage: { rootDirectory: 'data' } }, { dataDirectory: '/work/data' }],
    [{ storage: { gc: true } }, {}],
    [{ storage: { gc: false } }, { gc: { every: '0s' } }],
    [{ storage: { gc: false, gcDelay: '2h' } }, { gc: { every: '0s', delay: '2h' } }],
    [{ storage: { gcDelay: '2h', gcInterval: '30m' } }, { gc: { delay: '2h', every: '30m' } }],
    [{ extensions: { scrub: { interval: '24h' } } }, { scrub: { every: '1d' } }],
    [{ extensions: { scrub: { enable: false, interval: '24h' } } }, { scrub: { every: '0s' } }],
    [{ extensions: { scrub: {} } }, {}],
    [{ log: { level: 'fatal' } }, { log: { level: 'error' } }],
  ])('%j becomes %j', (content, patch) => {
    expect(whole(content).settingsPatch).toEqual({ ...patch, upstreamRegistry: '', upstreams: [] });
  });

  it('refuses to open what zot keeps closed', () => {
    const { notHonoured } = whole({ http: { auth: { htpasswd: {} }, accessControl: {} } });
    expect(notHonoured.map(({ key, isRefused }) => [key, isRefused])).toEqual([
      ['http.auth', true],
      ['http.accessControl', true],
    ]);
  });

  it('tells everything that is wrong at once, with its place', () => {
    const text = `{
  "http": {"port": "x"},
  "sync": {"registries": [
    {"urls": []},
    {"urls": ["https://user:pw@a.test", "ftp://a.test"], "onDemand": 3, "retryDelay": "soon"},
    {"urls": ["https://a.test"], "content": [{"tags": {"regex": "("}}]}
  ]}
}`;
    const { problems } = loadZotConfig(
      text.replace('"sync"', '"extensions": {"sync"').replace(/\}$/, '}}'),
      'zot.json',
    );
    expect(problems.map((problem) => problem.replace(/^(zot\.json:\d+:\d+: \S+).*$/s, '$1'))).toEqual([
      'zot.json:2:12: http.port',
      'zot.json:4:6: extensions.sync.registries[0].urls',
      'zot.json:5:15: extensions.sync.registries[1].urls:',
      'zot.json:5:41: extensions.sync.registries[1].urls:',
      'zot.json:5:58: extensions.sync.registries[1].onDemand',
      'zot.json:5:73: extensions.sync.registries[1].retryDelay',
      'zot.json:6:46: extensions.sync.registries[2].content[0].prefix',
      'zot.json:6:56: extensions.sync.registries[2].content[0].tags.regex',
    ]);
    expect(problems.join()).not.toContain('pw');
  });

  it.each([zotExample('credentials'), '[1]', '"x"', '{}'])('does not take anything else for one', (text) => {
    expect(loadZotConfig(text, 'zot.json').problems).not.toEqual([]);
  });
});

it('shows what each registry becomes before anything is changed', () => {
  expect(previewZot(zotExample('polled'), 'zot.json', disk()).registries).toEqual([
    {
      urls: ['https://registry1:5000'],
      upstreams: ['registry1:5000'],
      isFetched: false,
      rules: [
        {
          text: 'repo1/repo → the same name',
          example: { upstream: 'repo1/repo', here: 'repo1/repo' },
          tags: 'matching ^(?:4.*), semantic versions',
        },
        {
          text: 'repo2/repo → repo2, prefix stripped',
          example: { upstream: 'repo2/repo', here: 'repo2' },
          tags: undefined,
        },
        {
          text: 'repo3/repo → the same name',
          example: { upstream: 'repo3/repo', here: 'repo3/repo' },
          tags: undefined,
        },
      ],
    },
  ]);
});
