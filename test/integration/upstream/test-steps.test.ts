import { describe, expect, it } from 'vitest';
import { MirrorError } from '../../../server/errors.ts';
import { digestOf } from '../../../server/oci/digest.ts';
import { mediaTypes } from '../../../server/oci/media-types.ts';
import type { TestStep, UpstreamClient } from '../../../server/upstream/client.types.ts';
import { rejectsWith } from '../../support/expect-code.ts';
import { makeAuthority } from './certificates.ts';
import { calm, clientOf, networkOf, sendJson, serve } from './loopback.ts';
import type { Handle, Loopback } from './loopback.ts';

const config = Buffer.from('{}');
const manifest = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
  layers: [],
};

/** A registry with a token service of its own, a pull quota and one image. */
function registryOf(self: () => Loopback): Handle {
  return (request, response) => {
    if (request.url?.startsWith('/token') === true) sendJson(response, 200, { token: 'secret-token' });
    else if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${self().origin}/token",service="x"` }).end();
    } else if (request.url?.includes('/blobs/') === true) response.writeHead(200).end(config);
    else sendJson(response, 200, manifest, { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '75;w=21600' });
  };
}

async function run(
  client: UpstreamClient,
  options: { readonly repository?: string; readonly reference?: string } = {},
): Promise<TestStep[]> {
  const told: TestStep[] = [];
  const steps = await client.test({ ...options, onStep: (step) => told.push(step) }, calm);
  expect(told).toEqual(steps);
  expect(steps.map(({ step }) => step)).toEqual(['dns', 'tcp', 'tls', 'token', 'pull', 'quota']);
  return told;
}

const states = (steps: readonly TestStep[]): string[] => steps.map(({ state }) => state);

describe('the test of an upstream', () => {
  it('tells what it found at each step, without secrets', async () => {
    const authority = await makeAuthority();
    const server: Loopback = await serve((request, response) => registryOf(() => server)(request, response), {
      tls: authority.issue('127.0.0.1'),
    });
    const client = clientOf({
      settings: { urls: [server.origin], tls: { ca: authority.caFile } },
      accounts: [{ username: 'me', password: 'hunter2' }],
    });
    const steps = await run(client, { repository: 'org/app', reference: '1' });
    expect(states(steps)).toEqual(['passed', 'passed', 'passed', 'passed', 'passed', 'passed']);
    const details = steps.map(({ detail }) => detail);
    expect(details[0]).toContain('127.0.0.1');
    expect(details[2]).toContain('TLSv1.3');
    expect(details[2]).toContain('Test Authority');
    expect(details[3]).toBe(`token from ${server.origin}/token, account me`);
    expect(details[4]).toContain(server.host);
    expect(details[5]).toBe('75 of 100 pulls left in 6 h');
    expect(JSON.stringify(steps)).not.toMatch(/hunter2|secret-token/);
  });

  it('skips what does not apply', async () => {
    const server = await serve((_request, response) => response.writeHead(200).end());
    expect(states(await run(clientOf({ settings: { urls: [server.origin] } })))).toEqual([
      'passed',
      'passed',
      'skipped',
      'passed',
      'skipped',
      'skipped',
    ]);
  });

  it('fails at the name and skips the rest', async () => {
    const steps = await run(clientOf({ settings: { urls: ['https://nowhere.test'] }, network: networkOf({}) }));
    expect(states(steps)).toEqual(['failed', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped']);
    expect(steps[0]?.detail).toContain('nowhere.test');
  });

  it('fails at a certificate nobody trusts', async () => {
    const authority = await makeAuthority();
    const server = await serve(
      registryOf(() => server),
      { tls: authority.issue('127.0.0.1') },
    );
    const steps = await run(clientOf({ settings: { urls: [server.origin] } }));
    expect(states(steps)).toEqual(['passed', 'passed', 'failed', 'skipped', 'skipped', 'skipped']);
  });

  it('passes with a warning when verification is off', async () => {
    const authority = await makeAuthority();
    const server = await serve((_request, response) => response.writeHead(200).end(), {
      tls: authority.issue('127.0.0.1'),
    });
    const steps = await run(clientOf({ settings: { urls: [server.origin], tls: { verify: false } } }));
    expect(steps[2]).toMatchObject({ state: 'passed', detail: expect.stringContaining('NOT trusted') as string });
  });

  it('fails at the token when the registry wants an account, or is none', async () => {
    const wants = await serve((_request, response) =>
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    );
    const none = await serve((_request, response) => response.writeHead(404).end());
    for (const server of [wants, none]) {
      expect((await run(clientOf({ settings: { urls: [server.origin] } })))[3]?.state).toBe('failed');
    }
  });

  it('fails at the pull when there is no such tag', async () => {
    const server = await serve((request, response) => response.writeHead(request.url === '/v2/' ? 200 : 404).end());
    const steps = await run(clientOf({ settings: { urls: [server.origin] } }), { repository: 'app', reference: '1' });
    expect(states(steps)).toEqual(['passed', 'passed', 'skipped', 'passed', 'failed', 'skipped']);
  });

  it('goes past an open breaker and closes it when the upstream is back', async () => {
    const server = await serve((_request, response) =>
      response.writeHead(server.seen.length === 1 ? 500 : 200).end('{}'),
    );
    const client = clientOf({ settings: { urls: [server.origin], breakerFailures: 1 } });
    await client.getManifest('app', '1', calm).catch(() => undefined);
    expect(client.health().state).toBe('open');
    await run(client);
    expect(client.health().state).not.toBe('open');
  });

  it('ends when aborted', async () => {
    const server = await serve(() => abort.abort());
    const abort = new AbortController();
    const client = clientOf({ settings: { urls: [server.origin] } });
    await rejectsWith(client.test({}, abort.signal), MirrorError, 'CANCELLED');
  });
});
