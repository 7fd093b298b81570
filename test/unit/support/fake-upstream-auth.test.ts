import { describe, expect, test } from 'vitest';
import { ask } from '../../support/ask.ts';
import type { Seen } from '../../support/ask.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';

const layer = 'the layer of this test, 44 bytes in one line';
const app = image({ layers: [layer] });
const manifestPath = '/v2/acme/app/manifests/v1';
const blob = app.layers[0]!.digest;
const blobPath = `/v2/acme/app/blobs/${blob}`;

function challengeOf(answer: Seen): Record<string, string> {
  const members = (answer.headers['www-authenticate'] ?? '').matchAll(/(\w+)="([^"]*)"/g);
  return Object.fromEntries([...members].map(([, name = '', value = '']) => [name, value]));
}

async function tokenFor(challenge: Record<string, string>, headers: Record<string, string> = {}): Promise<Seen> {
  return ask(`${challenge.realm!}?service=${challenge.service!}&scope=${challenge.scope!}`, { headers });
}

function basic(username: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

describe('authentication', () => {
  test('gives everybody a token that is good for the repository it names', async () => {
    const upstream = await startFakeUpstream({ auth: { kind: 'anonymous-bearer' } });
    upstream.add('acme/app', 'v1', app);
    upstream.add('acme/other', 'v1', app);
    const challenge = challengeOf(await ask(`${upstream.url}${manifestPath}`));
    expect(challenge).toEqual({
      realm: `${upstream.url}/token`,
      service: 'fake-upstream',
      scope: 'repository:acme/app:pull',
    });
    const { token } = JSON.parse((await tokenFor(challenge)).body.toString()) as { token: string };
    const headers = { authorization: `Bearer ${token}` };
    expect((await ask(`${upstream.url}${manifestPath}`, { headers })).status).toBe(200);
    expect((await ask(`${upstream.url}/v2/acme/other/manifests/v1`, { headers })).status).toBe(401);
    upstream.revokeTokens();
    expect((await ask(`${upstream.url}${manifestPath}`, { headers })).status).toBe(401);
    expect(upstream.count({ kind: 'token' })).toBe(1);
  });

  test('gives tokens for an account, and anonymously only for public repositories', async () => {
    const upstream = await startFakeUpstream({
      auth: { kind: 'bearer', username: 'ada', password: 'right', public: ['acme/open'] },
    });
    upstream.add('acme/app', 'v1', app);
    upstream.add('acme/open', 'v1', app);
    const closed = challengeOf(await ask(`${upstream.url}${manifestPath}`));
    const open = challengeOf(await ask(`${upstream.url}/v2/acme/open/manifests/v1`));
    expect([
      (await tokenFor(closed)).status,
      (await tokenFor(closed, basic('ada', 'wrong'))).status,
      (await tokenFor(closed, basic('ada', 'right'))).status,
      (await tokenFor(open)).status,
    ]).toEqual([401, 401, 200, 200]);
  });

  test.each([
    ['Basic', { kind: 'basic', username: 'ada', password: 'right' }, basic('ada', 'right'), basic('ada', 'wrong')],
    [
      'a registry token',
      { kind: 'registry-token', token: 'ready' },
      { authorization: 'Bearer ready' },
      { authorization: 'Bearer other' },
    ],
  ] as const)('accepts %s and nothing else', async (_, auth, right, wrong) => {
    const upstream = await startFakeUpstream({ auth });
    upstream.add('acme/app', 'v1', app);
    const statuses = [];
    for (const headers of [{}, wrong, right])
      statuses.push((await ask(`${upstream.url}${manifestPath}`, { headers })).status);
    expect(statuses).toEqual([401, 401, 200]);
  });

  test('a request that still lacks its token uses up no fault', async () => {
    const upstream = await startFakeUpstream({ auth: { kind: 'registry-token', token: 'ready' } });
    upstream.add('acme/app', 'v1', app);
    upstream.script({ match: { kind: 'manifest' }, times: 1, fault: { status: 503 } });
    const headers = { authorization: 'Bearer ready' };
    const statuses = [(await ask(`${upstream.url}${manifestPath}`)).status];
    for (let i = 0; i < 2; i += 1) statuses.push((await ask(`${upstream.url}${manifestPath}`, { headers })).status);
    expect(statuses).toEqual([401, 503, 200]);
  });

  test('the second host takes redirected downloads and refuses credentials', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    upstream.script({ match: { kind: 'blob' }, fault: { redirect: true } });
    const { status, headers } = await ask(`${upstream.url}${blobPath}`);
    const location = headers.location!;
    expect([status, new URL(location).origin]).toEqual([307, upstream.blobHostUrl]);
    expect(new URL(location).hostname).not.toBe(new URL(upstream.url).hostname);
    expect((await ask(location)).body.toString()).toBe(layer);
    expect((await ask(location, { headers: { authorization: 'Bearer leaked' } })).status).toBe(400);
    expect(upstream.log.find({ kind: 'blob-host' }).map((request) => request.headers.authorization)).toEqual([
      undefined,
      'Bearer leaked',
    ]);
  });

  test('speaks HTTPS with a certificate of its authority', async () => {
    const upstream = await startFakeUpstream({ tls: true });
    upstream.add('acme/app', 'v1', app);
    expect((await ask(`${upstream.url}${manifestPath}`, { ca: upstream.authority!.ca })).body).toEqual(app.bytes);
    await expect(ask(`${upstream.url}${manifestPath}`)).rejects.toThrow();
  });
});
