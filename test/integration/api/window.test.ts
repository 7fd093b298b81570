import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { routes } from '../../../server/api/contract.ts';
import { tempDirectory } from '../../support/cleanup.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { AdminClient, problemIn, send } from './admin-client.ts';

const json = { 'content-type': 'application/json' };
const offline = JSON.stringify({ offline: true });

describe('the admin listener', () => {
  it('answers only when it is asked for by its own name', async () => {
    const mirror = await startTempMirror();
    const { port } = new URL(mirror.adminUrl);
    const ask = async (host: string) => (await send(`${mirror.adminUrl}/api/v1/status`, { headers: { host } })).status;
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'LOCALHOST:8080', `[::1]:${port}`])
      expect([host, await ask(host)]).toEqual([host, 200]);
    for (const host of [
      'rebound.test',
      `rebound.test:${port}`,
      `127.0.0.1.rebound.test:${port}`,
      'localhost@rebound.test',
      `192.168.1.7:${port}`,
    ]) {
      expect([host, await ask(host)]).toEqual([host, 403]);
    }
    const page = await send(`${mirror.adminUrl}/`, { headers: { host: 'rebound.test', accept: 'text/html' } });
    expect(problemIn(page).code).toBe('DENIED');
  });

  it('changes nothing for a page of another origin', async () => {
    const mirror = await startTempMirror();
    const url = `${mirror.adminUrl}/api/v1/offline`;
    const tries: Readonly<Record<string, Record<string, string>>> = {
      'other site': { ...json, origin: 'https://evil.test' },
      'other port of this machine': { ...json, origin: 'http://127.0.0.1:1' },
      'hidden origin': { ...json, origin: 'null' },
      'browser says so': { ...json, 'sec-fetch-site': 'same-site' },
      form: { 'content-type': 'application/x-www-form-urlencoded' },
      'text, as a form can send': { 'content-type': 'text/plain' },
      'no type': {},
    };
    for (const [what, headers] of Object.entries(tries)) {
      const answer = await send(url, { method: 'POST', headers, body: offline });
      expect([what, answer.status]).toEqual([what, what.includes('orm') || what === 'no type' ? 400 : 403]);
    }
    const removal = await send(`${mirror.adminUrl}/api/v1/upstreams?name=quay.io`, {
      method: 'DELETE',
      headers: { origin: 'https://evil.test' },
    });
    expect(removal.status).toBe(403);
    expect(mirror.app.status().offline).toBe(false);
    const own = await send(url, {
      method: 'POST',
      headers: { ...json, origin: mirror.adminUrl, 'sec-fetch-site': 'same-origin' },
      body: offline,
    });
    expect([own.status, mirror.app.status().offline]).toEqual([200, true]);
  });

  it('gives no other page anything to read, nor a frame to show it in', async () => {
    const mirror = await startTempMirror();
    const answer = await send(`${mirror.adminUrl}/api/v1/status`, { headers: { origin: 'https://evil.test' } });
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    const policy = String(answer.headers['content-security-policy']);
    expect(policy).toMatch(/frame-ancestors 'none'/);
    expect(/script-src [^;]*/.exec(policy)?.[0]).toBe("script-src 'self'");
    expect(
      (await send(`${mirror.adminUrl}/api/v1/status`, { headers: { 'sec-fetch-site': 'cross-site' } })).status,
    ).toBe(403);
  });

  it('tells every failure as problem JSON', async () => {
    const mirror = await startTempMirror();
    const post = async (body: string, headers = json) =>
      problemIn(await send(`${mirror.adminUrl}/api/v1/offline`, { method: 'POST', headers, body }));
    expect(problemIn(await send(`${mirror.adminUrl}/api/v1/nothing`))).toMatchObject({
      status: 404,
      code: 'NOT_FOUND',
      requestId: expect.any(String) as string,
    });
    expect(
      problemIn(await send(`${mirror.adminUrl}/api/v1/nothing`, { method: 'POST', headers: json, body: '{}' })).status,
    ).toBe(404);
    expect(problemIn(await send(`${mirror.adminUrl}/api/v1/status`, { method: 'DELETE' })).status).toBe(404);
    expect(await post('{')).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    expect(await post('{}')).toMatchObject({
      status: 400,
      problems: ['offline: Invalid input: expected boolean, received undefined'],
    });
    expect(await post(JSON.stringify({ offline: 'x'.repeat(1_100_000) }))).toMatchObject({
      status: 413,
      code: 'REQUEST_INVALID',
    });
  });

  it('serves every route of the contract', async () => {
    const mirror = await startTempMirror();
    for (const { method, path } of Object.values(routes)) {
      const answer = await send(`${mirror.adminUrl}${path}`, {
        method,
        headers: method === 'POST' || method === 'PUT' ? json : {},
        ...(method === 'POST' || method === 'PUT' ? { body: '[]' } : {}),
      });
      expect([method, path, [200, 400].includes(answer.status)]).toEqual([method, path, true]);
    }
  });

  it('switches offline and serving, and tells so in status, stream and audit', async () => {
    const mirror = await startTempMirror();
    const admin = new AdminClient(mirror.adminUrl);
    const events = await admin.listen();
    expect((await events.next('status')).offline).toBe(false);
    await admin.call('setOffline', { body: { offline: true } });
    await events.next('status', (status) => status.offline);
    await admin.call('setServing', { body: { serving: false } });
    await events.next('status', (status) => !status.listening);
    expect(await admin.call('getStatus')).toMatchObject({ offline: true, listening: false, state: 'stopped' });
    expect((await send(`${mirror.adminUrl}/readyz`)).status).toBe(503);
    await admin.call('setServing', { body: { serving: true } });
    await events.close();
    const lines = await mirror.audit({ event: 'config_change' }, 3);
    expect(lines.map(({ artifact, detail }) => [artifact, detail])).toEqual([
      ['offline', 'switched offline'],
      ['serving', 'listener closed'],
      ['serving', 'listener opened'],
    ]);
  });
});

describe('the event stream', () => {
  it('brings the rows of a pull, the change of the cache and the status, as the lists do', async () => {
    const upstream = await startFakeUpstream();
    const mirror = await startTempMirror({ upstream });
    const admin = new AdminClient(mirror.adminUrl);
    const graph = image();
    upstream.add('acme/app', 'v1', graph);
    const events = await admin.listen();
    expect([events.status, events.headers['content-type'], events.headers['x-content-type-options']]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      'nosniff',
    ]);
    await mirror.pull('acme/app:v1');
    const { rows } = await events.next('requests', (event) => event.rows.some((row) => row.event === 'artifact_pull'));
    const row = rows.find(({ event }) => event === 'artifact_pull');
    expect(row).toMatchObject({
      artifact: 'up.test/acme/app:v1',
      digest: graph.digest,
      outcome: 'miss',
      status: 200,
      upstream: 'up.test',
      clientIp: '127.0.0.1',
    });
    expect((await events.next('cache')).repositories).toEqual(['up.test/acme/app']);
    await events.close();
    const { requests } = await admin.call('listRequests');
    expect(requests).toContainEqual(row);
    await mirror.audit({ event: 'artifact_pull' });
    const found = await admin.call('searchAudit', {
      query: { text: 'acme/app', outcome: 'miss', event: 'artifact_pull' },
    });
    expect(found.rows).toMatchObject([{ id: row!.id, digest: graph.digest }]);
    const dashboard = await admin.call('getDashboard', { query: { range: '24h' } });
    expect(dashboard.today).toMatchObject({ requests: 3, clients: 1, failed: 0 });
    expect(dashboard.clients).toMatchObject([{ clientIp: '127.0.0.1', requests: 3 }]);
    expect(dashboard.series).toHaveLength(144);
  });

  it('ends when the mirror stops, and takes at most 64 windows', async () => {
    const mirror = await startTempMirror();
    const admin = new AdminClient(mirror.adminUrl);
    const streams = await Promise.all(Array.from({ length: 64 }, () => admin.listen()));
    const refused = await send(`${mirror.adminUrl}/api/v1/events`);
    expect(problemIn(refused).code).toBe('CONFLICT');
    const [first, ...others] = streams;
    await first!.close();
    const next = await admin.listen();
    expect((await next.next('status')).listening).toBe(true);
    await mirror.stop();
    await Promise.all([next, ...others].map((stream) => stream.ended()));
  });
});

describe("the window's files", () => {
  async function built(): Promise<string> {
    const directory = await tempDirectory();
    await mkdir(join(directory, 'assets'));
    await writeFile(join(directory, 'index.html'), '<!doctype html><title>window</title>');
    await writeFile(join(directory, 'assets', 'main-abc123.js'), 'export {};');
    await writeFile(join(directory, 'mark.svg'), '<svg/>');
    return directory;
  }

  it('are served with their types; hashed ones for ever, the page never from a cache', async () => {
    const mirror = await startTempMirror({ rendererDirectory: await built() });
    const get = async (path: string, accept = 'text/html,*/*') => {
      const { status, headers } = await send(`${mirror.adminUrl}${path}`, { headers: { accept } });
      return [status, String(headers['content-type']).split(';')[0], headers['cache-control']];
    };
    expect(await get('/')).toEqual([200, 'text/html', 'no-cache']);
    expect(await get('/assets/main-abc123.js', '*/*')).toEqual([
      200,
      expect.stringMatching(/javascript/),
      'public, max-age=31536000, immutable',
    ]);
    expect(await get('/mark.svg', '*/*')).toEqual([200, 'image/svg+xml', 'no-cache']);
    expect(await get('/upstreams/add')).toEqual([200, 'text/html', 'no-cache']);
    expect(await get('/assets/gone-1.js', '*/*')).toEqual([404, 'application/problem+json', 'no-store']);
    expect(await get('/api/v1/nothing')).toEqual([404, 'application/problem+json', 'no-store']);
    expect(await get('/..%2f..%2fetc%2fpasswd', '*/*')).toEqual([
      expect.toSatisfy((status: number) => status >= 400),
      'application/problem+json',
      'no-store',
    ]);
  });

  it('are said to be missing when they are not built', async () => {
    const mirror = await startTempMirror();
    const answer = await send(`${mirror.adminUrl}/`, { headers: { accept: 'text/html' } });
    expect(problemIn(answer)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});

describe('health and metrics', () => {
  it('are on both doors', async () => {
    const mirror = await startTempMirror();
    for (const url of [mirror.url, mirror.adminUrl]) {
      expect(JSON.parse((await send(`${url}/healthz`)).text)).toEqual({ status: 'ok', version: '0.0.0-test' });
      expect(JSON.parse((await send(`${url}/readyz`)).text)).toEqual({ status: 'ready' });
      expect((await send(`${url}/metrics`)).text).toMatch(/^zhi_mirror_listening 1$/m);
    }
  });

  it('count what was pulled and asked upstream; every metric is documented', async () => {
    const upstream = await startFakeUpstream();
    const mirror = await startTempMirror({ upstream });
    upstream.add('acme/app', 'v1', image());
    await mirror.pull('acme/app:v1');
    await vi.waitUntil(() => mirror.app.status().activeTransfers === 0, { interval: 2 });
    await mirror.pull('acme/app:v1');
    await mirror.audit({ event: 'blob_pull', outcome: 'hit' }, 2);
    const { text } = await send(`${mirror.adminUrl}/metrics`);
    const value = (sample: string): number =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${sample} `))
          ?.slice(sample.length + 1),
      );
    expect(value('zhi_mirror_requests_total{kind="manifest",outcome="miss"}')).toBe(1);
    expect(value('zhi_mirror_requests_total{kind="manifest",outcome="hit"}')).toBe(1);
    expect(value('zhi_mirror_requests_total{kind="blob",outcome="miss"}')).toBe(2);
    expect(value('zhi_mirror_upstream_requests_total{upstream="up.test"}')).toBe(upstream.requests.length);
    expect(value('zhi_mirror_upstream_state{upstream="up.test",state="ok"}')).toBe(1);
    expect(value('zhi_mirror_served_bytes_total')).toBeGreaterThan(0);
    const documented = await readFile(join(import.meta.dirname, '../../../docs/metrics.md'), 'utf8');
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '');
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !documented.includes(`\`${name}\``))).toEqual([]);
    expect(
      [...documented.matchAll(/`(zhi_mirror_\w+)`/g)]
        .map(([, name]) => name ?? '')
        .filter((name) => !names.includes(name) && !name.includes('quota')),
    ).toEqual([]);
  });
});
