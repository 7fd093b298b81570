import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../../server/db/database.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from './admin-client.ts';

/** Nothing of this may ever come back. */
const planted = [
  'p4ssw0rd-planted',
  't0ken-planted',
  'pr0xy-planted',
  Buffer.from('robot:p4ssw0rd-planted').toString('base64'),
];

async function started() {
  const mirror = await startTempMirror();
  return { mirror, admin: new AdminClient(mirror.adminUrl) };
}

describe('upstreams over the admin API', () => {
  it('start with the registries most people need and show their settings as text', async () => {
    const { admin } = await started();
    const { upstreams, locked } = await admin.call('listUpstreams');
    expect(locked).toBe(false);
    expect(upstreams.map(({ name, isDefault, position }) => [name, isDefault, position])).toEqual([
      ['docker.io', false, 0],
      ['ghcr.io', true, 1],
      ['quay.io', false, 2],
      ['registry.k8s.io', false, 3],
    ]);
    expect(upstreams[0]).toMatchObject({
      settings: { name: 'docker.io', mode: 'check', ttl: '5m', retryDelay: '250ms' },
      accounts: [],
      repositories: 0,
      contentBytes: 0,
      health: { state: 'unknown' },
    });
  });

  it('are added, changed, made the default and removed; each change is in the audit', async () => {
    const { mirror, admin } = await started();
    const upstream = await startFakeUpstream();
    const graph = image();
    upstream.add('acme/app', 'v1', graph);
    const added = await admin.call('addUpstream', {
      body: { name: 'new.test', urls: [upstream.url], mode: 'prefer-cache' },
    });
    expect(added).toMatchObject({
      name: 'new.test',
      position: 4,
      settings: { mode: 'prefer-cache', urls: [upstream.url], ttl: '5m' },
    });
    expect((await mirror.pull('new.test/acme/app:v1')).digest).toBe(graph.digest);
    const changed = await admin.call('updateUpstream', {
      query: { name: 'new.test' },
      body: { ...(added.settings as { name: string }), ttl: '1h', tags: [{ pattern: 'v*', ttl: 'immutable' }] },
    });
    expect(changed.settings).toMatchObject({
      ttl: '1h',
      mode: 'prefer-cache',
      tags: [{ pattern: 'v*', ttl: 'immutable' }],
    });
    await admin.call('setDefaultUpstream', { body: { name: 'new.test' } });
    expect((await mirror.pull('acme/app:v1')).digest).toBe(graph.digest);
    expect((await admin.fail('removeUpstream', { query: { name: 'new.test' } })).code).toBe('CONFLICT');
    await admin.call('setDefaultUpstream', { body: { name: 'ghcr.io' } });
    await admin.call('removeUpstream', { query: { name: 'new.test' } });
    expect((await admin.call('listUpstreams')).upstreams).toHaveLength(4);
    const lines = await mirror.audit({ event: 'config_change', artifact: 'upstream new.test' }, 4);
    expect(lines.map((line) => line['detail'])).toEqual([
      `added; urls: [] → ["${upstream.url}"]; mode: check → prefer-cache`,
      'ttl: 5m → 1h; tags: [] → [{"pattern":"v*","ttl":"immutable"}]',
      'made the default',
      'removed; what is cached from it stays',
    ]);
    expect(await mirror.pull('new.test/acme/app:v1').catch((error: unknown) => error)).toMatchObject({
      status: expect.any(Number) as number,
    });
  });

  it('refuse what can not work, each problem named', async () => {
    const { admin } = await started();
    const problems = async (body: object): Promise<readonly string[] | undefined> =>
      (await admin.fail('addUpstream', { body: body as { name: string } })).problems;
    expect((await admin.fail('addUpstream', { body: { name: 'ghcr.io' } })).code).toBe('CONFLICT');
    expect(await problems({ name: 'a b', ttl: 'soon', nonsense: 1 })).toHaveLength(3);
    expect(await problems({ name: 'a.test', urls: ['https://robot:p4ssw0rd-planted@a.test'] })).toHaveLength(1);
    expect(await problems({ name: 'a.test', interceptHosts: ['quay.io'] })).toHaveLength(1);
    expect(await problems({ name: 'a.test', proxy: 'ftp://proxy' })).toHaveLength(1);
    expect((await admin.fail('addUpstream', { body: { name: 'a.test', tls: { ca: '/no/such.pem' } } })).code).toBe(
      'CONFIG_INVALID',
    );
    expect((await admin.fail('updateUpstream', { query: { name: 'no.test' }, body: { name: 'no.test' } })).code).toBe(
      'NOT_FOUND',
    );
    expect(
      (await admin.fail('updateUpstream', { query: { name: 'ghcr.io' }, body: { name: 'other.test' } })).code,
    ).toBe('REQUEST_INVALID');
    for (const name of ['removeUpstream', 'addAccount', 'removeAccount'] as const) {
      expect(
        (
          await admin.fail(name, {
            query: { name: 'no.test' },
            ...(name === 'addAccount' ? { body: { username: 'u', password: 'p' } } : {}),
          })
        ).code,
      ).toBe('NOT_FOUND');
    }
    expect((await admin.fail('setDefaultUpstream', { body: { name: 'no.test' } })).code).toBe('NOT_FOUND');
    expect((await admin.fail('retryUpstream', { body: { name: 'no.test' } })).code).toBe('NOT_FOUND');
    expect((await admin.call('listUpstreams')).upstreams).toHaveLength(4);
  });

  it('can not be changed while the settings file lists them', async () => {
    const upstream = await startFakeUpstream();
    const mirror = await startTempMirror({ upstream });
    const admin = new AdminClient(mirror.adminUrl);
    expect(await admin.call('listUpstreams')).toMatchObject({
      locked: true,
      upstreams: [{ name: 'up.test', locked: true, settings: { urls: [upstream.url], retryDelay: '1ms' } }],
    });
    expect((await admin.fail('addUpstream', { body: { name: 'a.test' } })).code).toBe('DENIED');
    expect((await admin.fail('removeUpstream', { query: { name: 'up.test' } })).code).toBe('DENIED');
    expect(
      (await admin.fail('addAccount', { query: { name: 'up.test' }, body: { username: 'u', password: 'p' } })).code,
    ).toBe('DENIED');
    const imported = await admin.call('importDockerConfig', {
      body: { content: JSON.stringify({ auths: { 'up.test': { auth: Buffer.from('u:p').toString('base64') } } }) },
    });
    expect(imported).toMatchObject({ imported: [], skipped: [{ host: 'up.test' }] });
  });

  it('take secrets and never give them back: not in an answer, an event, the log or the audit', async () => {
    const { mirror, admin } = await started();
    const upstream = await startFakeUpstream({
      auth: { kind: 'basic', username: 'robot', password: 'p4ssw0rd-planted' },
    });
    upstream.add('acme/app', 'v1', image());
    const events = await admin.listen();
    await admin.call('addUpstream', {
      body: { name: 'sec.test', urls: [upstream.url], accounts: [{ username: 'robot', password: 'p4ssw0rd-planted' }] },
    });
    await admin.call('addUpstream', { body: { name: 'proxied.test', proxy: 'http://me:pr0xy-planted@127.0.0.1:9' } });
    const withToken = await admin.call('addAccount', {
      query: { name: 'sec.test' },
      body: { path: 'other', registryToken: 't0ken-planted' },
    });
    expect(withToken.accounts).toEqual([
      { path: '', username: 'robot', kind: 'password' },
      { path: 'other', username: '', kind: 'token' },
    ]);
    await mirror.pull('sec.test/acme/app:v1');
    await admin.fail('addUpstream', {
      body: { name: 'sec.test', accounts: [{ username: 'robot', password: 'p4ssw0rd-planted' }] },
    });
    await admin.fail('addUpstream', {
      body: { name: 'b.test', accounts: [{ password: 'p4ssw0rd-planted', more: 't0ken-planted' } as never] },
    });
    await admin.fail('importDockerConfig', { body: { content: '{"auths": p4ssw0rd-planted' } });
    await admin.fail('importDockerConfig', {
      body: { content: JSON.stringify({ auths: { 'a.test': { auth: ['p4ssw0rd-planted'] } } }) },
    });
    await admin.call('importDockerConfig', {
      body: { content: JSON.stringify({ auths: { 'ghcr.io': { auth: planted[3] } } }) },
    });
    const { upstreams } = await admin.call('listUpstreams');
    const proxied = upstreams.find(({ name }) => name === 'proxied.test')!;
    expect((proxied.settings as { proxy: string }).proxy).toBe('http://***@127.0.0.1:9');
    await admin.call('updateUpstream', {
      query: { name: 'proxied.test' },
      body: { ...(proxied.settings as { name: string }), ttl: '1m' },
    });
    const test = await admin.call('testUpstream', {
      body: { upstream: proxied.settings as { name: string }, testId: 't1' },
    });
    expect(test.steps[0]).toMatchObject({ step: 'dns' });
    await admin.call('getStatus');
    await admin.call('getDashboard');
    await events.next('upstream-test');
    await events.close();
    const said = [
      ...admin.texts,
      ...mirror.log,
      JSON.stringify(await mirror.audit({ event: 'config_change' }, 5)),
    ].join('\n');
    expect(planted.filter((secret) => said.includes(secret))).toEqual([]);
  });

  it("keep a proxy's password when the window sends back what it was shown", async () => {
    const { mirror, admin } = await started();
    const proxy = 'http://me:pr0xy-planted@127.0.0.1:9';
    await admin.call('addUpstream', { body: { name: 'proxied.test', proxy } });
    const shown = (await admin.call('listUpstreams')).upstreams.at(-1)!.settings as { name: string };
    await admin.call('updateUpstream', { query: { name: 'proxied.test' }, body: { ...shown, ttl: '1m' } });
    await mirror.stop();
    const db = openDatabase(`${mirror.dataDirectory}/mirror.db`);
    const row = db
      .prepare<[], { settings: string }>(`SELECT settings FROM upstreams WHERE name = 'proxied.test'`)
      .get();
    db.close();
    expect(JSON.parse(row!.settings)).toMatchObject({ proxy, ttl: '1m' });
  });

  it('lose accounts one by one, and take them from Docker, with an upstream where there was none', async () => {
    const { admin } = await started();
    const auth = (text: string): string => Buffer.from(text).toString('base64');
    const content = JSON.stringify({
      auths: {
        'https://index.docker.io/v1/': { auth: auth('hub:secret') },
        'registry.test:5000/team': { auth: auth('team:se:cret') },
        'gone.test': {},
        'oauth.test': { identitytoken: 'x' },
      },
      credHelpers: { 'aws.test': 'ecr-login' },
    });
    const { imported, skipped } = await admin.call('importDockerConfig', { body: { content } });
    expect(imported).toEqual(['https://index.docker.io/v1/', 'registry.test:5000/team']);
    expect(skipped.map(({ host }) => host)).toEqual(['gone.test', 'oauth.test', 'aws.test']);
    const { upstreams } = await admin.call('listUpstreams');
    expect(
      upstreams.filter(({ accounts }) => accounts.length > 0).map(({ name, accounts }) => [name, accounts]),
    ).toEqual([
      ['docker.io', [{ path: '', username: 'hub', kind: 'password' }]],
      ['registry.test:5000', [{ path: 'team', username: 'team', kind: 'password' }]],
    ]);
    expect((await admin.fail('removeAccount', { query: { name: 'docker.io', username: 'nobody' } })).code).toBe(
      'NOT_FOUND',
    );
    expect((await admin.call('removeAccount', { query: { name: 'docker.io', username: 'hub' } })).accounts).toEqual([]);
    for (const body of [
      {},
      { username: 'u' },
      { password: 'p' },
      { username: 'u', password: 'p', registryToken: 't' },
    ]) {
      expect((await admin.fail('addAccount', { query: { name: 'docker.io' }, body })).code).toBe('REQUEST_INVALID');
    }
  });

  it('are tested step by step before they are saved, each step told as it ends', async () => {
    const { admin } = await started();
    const upstream = await startFakeUpstream({ auth: { kind: 'anonymous-bearer' } });
    upstream.add('acme/app', 'v1', image());
    const events = await admin.listen();
    const { steps } = await admin.call('testUpstream', {
      body: {
        upstream: { name: 'new.test', urls: [upstream.url] },
        repository: 'acme/app',
        reference: 'v1',
        testId: 'one',
      },
    });
    expect(steps.map(({ step, state }) => [step, state])).toEqual([
      ['dns', 'passed'],
      ['tcp', 'passed'],
      ['tls', 'skipped'],
      ['token', 'passed'],
      ['pull', 'passed'],
      ['quota', 'skipped'],
    ]);
    for (const { step } of steps)
      expect((await events.next('upstream-test', (event) => event.step.step === step)).testId).toBe('one');
    await events.close();
    await upstream.stop();
    const failed = await admin.call('testUpstream', { body: { upstream: { name: 'new.test', urls: [upstream.url] } } });
    expect(failed.steps[1]).toMatchObject({ step: 'tcp', state: 'failed' });
    expect((await admin.call('listUpstreams')).upstreams).toHaveLength(4);
  });

  it('are asked again at once after "Retry now"', async () => {
    const upstream = await startFakeUpstream();
    const mirror = await startTempMirror({
      upstream,
      upstreamSettings: { maxRetries: 0, breakerFailures: 1, breakerWait: '1h' },
    });
    const admin = new AdminClient(mirror.adminUrl);
    const graph = image();
    upstream.add('acme/app', 'v1', graph);
    await upstream.stop();
    const events = await admin.listen();
    await expect(mirror.pull('acme/app:v1')).rejects.toMatchObject({ status: 503 });
    await events.next('upstreams', ({ upstreams }) => upstreams[0]?.health.state === 'open');
    await events.close();
    expect((await admin.call('getDashboard')).upstreams[0]!.health).toMatchObject({
      state: 'open',
      failures: 1,
      lastError: expect.any(String) as string,
    });
    await upstream.restart();
    await admin.call('retryUpstream', { body: { name: 'up.test' } });
    expect((await admin.call('getDashboard')).upstreams[0]!.health.state).not.toBe('open');
    expect((await mirror.pull('acme/app:v1')).digest).toBe(graph.digest);
  });

  it('tell which rule a pasted reference matches', async () => {
    const upstream = await startFakeUpstream();
    const mirror = await startTempMirror({
      upstream,
      settings: { upstreams: [{ name: 'ghcr.io', interceptHosts: ['intercepted.test'] }] },
    });
    const admin = new AdminClient(mirror.adminUrl);
    const graph = image();
    upstream.add('acme/app', 'v1', graph);
    await mirror.pull('acme/app:v1');
    const match = async (reference: string, more: object = {}) => {
      const { rule, repository, held } = await admin.call('matchReference', { query: { reference, ...more } });
      return [rule, repository, held];
    };
    expect(await match(`docker pull ${mirror.host}/ghcr.io/org/app:v1`)).toEqual(['prefix', 'ghcr.io/org/app', false]);
    expect(await match('oci://acme/app:v1')).toEqual(['default', 'up.test/acme/app', true]);
    expect(await match(`acme/app@${graph.digest}`)).toEqual(['default', 'up.test/acme/app', true]);
    expect(await match('org/app', { ns: 'ghcr.io' })).toEqual(['ns', 'ghcr.io/org/app', false]);
    expect(await match('org/app', { ns: 'no.test' })).toEqual(['none', undefined, false]);
    expect(await match('org/app', { host: 'intercepted.test' })).toEqual(['host', 'ghcr.io/org/app', false]);
    expect((await admin.fail('matchReference', { query: { reference: 'Not A:Name!' } })).status).toBe(400);
  });
});
