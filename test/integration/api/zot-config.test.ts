import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDirectory } from '../../support/cleanup.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { zotExample, zotExamples } from '../../support/zot-examples.ts';
import { AdminClient } from './admin-client.ts';

const secret = 'hunter2-never-shown';

const config = (...registries: readonly object[]): string =>
  JSON.stringify({
    storage: { rootDirectory: '/tmp/zot' },
    http: { port: '8080', auth: { htpasswd: { path: 'x' } } },
    extensions: { sync: { credentialsFile: 'creds.json', registries } },
  });

const everythingOf = (url: string, more: object = {}): object => ({ urls: [url], onDemand: true, ...more });

async function startAdmin(options: Parameters<typeof startTempMirror>[0] = {}) {
  const mirror = await startTempMirror(options);
  return { mirror, admin: new AdminClient(mirror.adminUrl) };
}

describe('the preview', () => {
  it('says what each registry becomes, what is in the way, and what is not done', async () => {
    const { admin } = await startAdmin();
    const content = config(
      everythingOf('https://k8s.gcr.io', {
        content: [{ prefix: '**', destination: '/k8s', tags: { regex: 'v1', semver: true } }],
        pollInterval: '6h',
        colour: 'blue',
      }),
      { urls: ['https://quay.io'], content: [{ prefix: 'org/**', destination: '/q', stripPrefix: true }] },
    );
    const credentials = JSON.stringify({ 'k8s.gcr.io': { username: 'ci', password: secret } });
    const preview = await admin.call('previewZotConfig', { body: { content, credentials } });
    expect(preview).toEqual({
      entries: [
        {
          name: 'k8s.gcr.io',
          registry: 0,
          urls: ['https://k8s.gcr.io'],
          isFetched: true,
          account: 'ci',
          rules: [
            {
              text: '** → k8s',
              example: { upstream: 'app', here: 'k8s/app' },
              tags: 'matching v1, semantic versions',
            },
          ],
          settings: expect.stringContaining('maxRetries: 2 → 0') as unknown,
          notHonoured: [
            { key: 'pollInterval', why: expect.stringContaining('sync') as unknown },
            { key: 'colour', why: expect.stringContaining('nothing that corresponds') as unknown },
          ],
        },
        {
          name: 'quay.io',
          registry: 1,
          urls: ['https://quay.io'],
          isFetched: false,
          rules: [{ text: 'org/** → q, prefix stripped', example: { upstream: 'org/app', here: 'q/app' } }],
          settings: expect.stringContaining('onDemand: true → false') as unknown,
          conflict: { changes: expect.stringContaining('onDemand: true → false') as unknown },
          notHonoured: [],
        },
      ],
      notHonoured: ['storage', 'http'].map((key) => ({ key, why: expect.stringContaining('--zot-config') as unknown })),
      warnings: [],
      problems: [],
      locked: false,
    });
    expect(admin.texts.join('')).not.toContain(secret);
  });

  it.each(zotExamples)("shows every registry of the example %s of zot's documentation", async (name) => {
    const { admin } = await startAdmin();
    const preview = await admin.call('previewZotConfig', { body: { content: zotExample(name) } });
    expect(preview.problems).toEqual([]);
    expect(preview.entries.length).toBeGreaterThan(0);
    expect(preview.entries.every(({ rules }) => rules.length > 0)).toBe(true);
  });

  it('says where the text is not JSON', async () => {
    const { admin } = await startAdmin();
    const lenient = await admin.call('previewZotConfig', {
      body: { content: '{"registries": [\n  {"urls": ["https://a.test"]\n   "onDemand": true}\n]}' },
    });
    expect(lenient).toMatchObject({ problems: [], entries: [{ name: 'a.test' }] });
    expect(lenient.warnings).toContainEqual(expect.stringMatching(/^zot\.json:3:4: a comma is missing/));
    const broken = await admin.call('previewZotConfig', { body: { content: '{\n  "registries": oops' } });
    expect(broken.problems).toContainEqual(expect.stringMatching(/^zot\.json:2:\d+: /));
  });

  it.each<[string, string, RegExp]>([
    ['credentials that are none', '{"k8s.gcr.io": "ci:secret-here"}', /^The credentials are not/],
    ['credentials that are no JSON', 'secret-here', /^The credentials are not/],
  ])('refuses %s without repeating them', async (_, credentials, message) => {
    const { admin } = await startAdmin();
    const content = config(everythingOf('https://k8s.gcr.io'));
    const { problems } = await admin.call('previewZotConfig', { body: { content, credentials } });
    expect(problems).toEqual([expect.stringMatching(message)]);
    expect(admin.texts.join('')).not.toContain('secret-here');
    const entries = [{ name: 'k8s.gcr.io' }];
    expect(await admin.fail('importZotConfig', { body: { content, credentials, entries } })).toMatchObject({
      status: 400,
      problems,
    });
  });

  it('says so when a text names no registry', async () => {
    const { admin } = await startAdmin();
    const { problems } = await admin.call('previewZotConfig', { body: { content: '{"storage": {}}' } });
    expect(problems).toEqual(['zot.json: it names no registry.']);
  });
});

describe('the import', () => {
  it('adds what was chosen, with its account sealed, and pulls by its rules', async () => {
    const graph = image();
    const upstream = await startFakeUpstream({ auth: { kind: 'basic', username: 'ci', password: secret } });
    upstream.add('kube-proxy', 'v1', graph);
    const { mirror, admin } = await startAdmin();
    const name = upstream.host;
    const content = config(
      everythingOf(upstream.url, { content: [{ prefix: '**', destination: '/k8s' }] }),
      everythingOf('https://other.test'),
    );
    const credentials = JSON.stringify({ [name]: { username: 'ci', password: secret } });
    const result = await admin.call('importZotConfig', { body: { content, credentials, entries: [{ name }] } });
    expect(result).toEqual({ added: [name], replaced: [], skipped: [] });
    expect((await mirror.pull('k8s/kube-proxy:v1')).digest).toBe(graph.digest);
    const { upstreams } = await admin.call('listUpstreams');
    expect(upstreams.map((one) => one.name)).not.toContain('other.test');
    expect(upstreams.at(-1)).toMatchObject({ name, accounts: [{ path: '', username: 'ci', kind: 'password' }] });
    const [line] = await mirror.audit({ event: 'config_change', artifact: `upstream ${name}` });
    expect(line?.['detail']).toMatch(/^added from a zot configuration; .*; account ci$/);
    await mirror.restart();
    expect((await mirror.pull('k8s/kube-proxy:v1')).digest).toBe(graph.digest);
    await mirror.stop();
    const kept = await Promise.all(
      ['mirror.db', 'audit/audit.jsonl'].map((file) => readFile(join(mirror.dataDirectory, file), 'latin1')),
    );
    expect([...kept, ...admin.texts, ...mirror.log].join('')).not.toContain(secret);
  });

  it('leaves an upstream that is there as it is, unless it is to be replaced', async () => {
    const { admin } = await startAdmin();
    const content = config(everythingOf('https://quay.io', { onDemand: false }), everythingOf('https://new.test'));
    const before = (await admin.call('listUpstreams')).upstreams.find(({ name }) => name === 'quay.io');
    const entries = [{ name: 'quay.io' }, { name: 'new.test', onConflict: 'replace' as const }];
    expect(await admin.call('importZotConfig', { body: { content, entries } })).toEqual({
      added: ['new.test'],
      replaced: [],
      skipped: ['quay.io'],
    });
    const after = (await admin.call('listUpstreams')).upstreams;
    expect(after.find(({ name }) => name === 'quay.io')?.settings).toEqual(before?.settings);
    const replace = [{ name: 'quay.io', onConflict: 'replace' as const }];
    expect(await admin.call('importZotConfig', { body: { content, entries: replace } })).toMatchObject({
      replaced: ['quay.io'],
    });
    const replaced = (await admin.call('listUpstreams')).upstreams;
    expect(replaced.find(({ name }) => name === 'quay.io')?.settings).toMatchObject({ onDemand: false });
  });

  it("keeps the file's order, whatever was there before, over a restart too", async () => {
    const { mirror, admin } = await startAdmin();
    const names = ['new.test', 'quay.io', 'ghcr.io'];
    const content = config(...names.map((name) => everythingOf(`https://${name}`)));
    const entries = names.toReversed().map((name) => ({ name, onConflict: 'replace' as const }));
    await admin.call('importZotConfig', { body: { content, entries } });
    const orderOf = async (): Promise<readonly string[]> =>
      (await new AdminClient(mirror.adminUrl).call('listUpstreams')).upstreams.map(({ name }) => name).slice(-3);
    expect(await orderOf()).toEqual(names);
    await mirror.restart();
    expect(await orderOf()).toEqual(names);
  });

  it.each<[string, object, number]>([
    ['nothing chosen', { entries: [] }, 400],
    ['a name that is not in the file', { entries: [{ name: 'else.test' }] }, 400],
  ])('refuses %s and changes nothing', async (_, chosen, status) => {
    const { admin } = await startAdmin();
    const before = await admin.call('listUpstreams');
    const content = config(everythingOf('https://a.test'));
    const body = { content, ...chosen } as { content: string; entries: { name: string }[] };
    expect((await admin.fail('importZotConfig', { body })).status).toBe(status);
    expect((await admin.call('listUpstreams')).upstreams.map(({ name }) => name)).toEqual(
      before.upstreams.map(({ name }) => name),
    );
  });

  it('is all or nothing: one that cannot work keeps the others out', async () => {
    const { mirror, admin } = await startAdmin();
    const certDir = await tempDirectory();
    await writeFile(join(certDir, 'client.cert'), 'no certificate');
    const before = await admin.call('listUpstreams');
    const content = config(everythingOf('https://new.test'), everythingOf('https://a.test', { certDir }));
    const entries = [{ name: 'new.test' }, { name: 'a.test' }];
    const { status } = await admin.fail('importZotConfig', { body: { content, entries } });
    expect(status).toBe(400);
    const namesOf = async (): Promise<readonly string[]> =>
      (await new AdminClient(mirror.adminUrl).call('listUpstreams')).upstreams.map(({ name }) => name);
    expect(await namesOf()).toEqual(before.upstreams.map(({ name }) => name));
    await mirror.restart();
    expect(await namesOf()).toEqual(before.upstreams.map(({ name }) => name));
  });

  it('is refused while the settings file lists the upstreams; the preview says so', async () => {
    const { admin } = await startAdmin({ settings: { upstreams: [{ name: 'ghcr.io' }] } });
    const content = config(everythingOf('https://a.test'));
    expect((await admin.call('previewZotConfig', { body: { content } })).locked).toBe(true);
    expect(await admin.fail('importZotConfig', { body: { content, entries: [{ name: 'a.test' }] } })).toMatchObject({
      status: 403,
      code: 'DENIED',
    });
  });
});
