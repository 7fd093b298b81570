import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../server/errors.ts';
import type { AccountSettings } from '../../../server/config/schema.ts';
import { rejectsWith } from '../../support/expect-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { accountOf, calm, clientOf, networkOf, sendJson, serve } from './loopback.ts';
import type { Handle, Loopback } from './loopback.ts';

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Answers a manifest when `isAllowed`, else 401 with the challenge. */
function guarded(challenge: () => string, isAllowed: (request: IncomingMessage) => boolean): Handle {
  return (request, response) => {
    if (isAllowed(request)) response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    else sendJson(response, 401, { errors: [{ code: 'UNAUTHORIZED' }] }, { 'www-authenticate': challenge() });
  };
}

interface TokenRegistry {
  readonly registry: Loopback;
  readonly tokens: Loopback;
}

/** A registry that wants `token-<n>` of its token service, where n counts tokens issued. */
async function serveTokenRegistry(
  options: { readonly answer?: Handle; readonly expiresIn?: number; readonly scope?: string } = {},
): Promise<TokenRegistry> {
  let issued = 0;
  const answer: Handle = (_request, response) => {
    issued += 1;
    sendJson(response, 200, { token: `token-${String(issued)}`, expires_in: options.expiresIn ?? 300 });
  };
  const tokens = await serve(options.answer ?? answer);
  const scope = options.scope === undefined ? '' : `,scope="${options.scope}"`;
  const registry = await serve(
    guarded(
      () => `Bearer realm="${tokens.origin}/token?a=b",service="registry.test"${scope}`,
      ({ headers }) => headers.authorization === `Bearer token-${String(issued)}`,
    ),
  );
  return { registry, tokens };
}

describe('Bearer', () => {
  it('fetches an anonymous token with service and scope, and uses it until it expires', async () => {
    const { registry, tokens } = await serveTokenRegistry();
    const clock = new FakeClock();
    const client = clientOf({ settings: { urls: [registry.origin] }, clock });
    await client.getManifest('org/app', '1', calm);
    await client.getManifest('org/app', '2', calm);
    expect(tokens.asked()).toEqual(['GET /token?a=b&service=registry.test&scope=repository%3Aorg%2Fapp%3Apull']);
    expect(tokens.seen[0]?.headers.authorization).toBeUndefined();
    expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      'Bearer token-1',
      'Bearer token-1',
    ]);
    await clock.advance(291_000);
    await client.getManifest('org/app', '1', calm);
    expect(registry.seen.at(-1)?.headers.authorization).toBe('Bearer token-2');
    expect(registry.seen.length).toBe(4);
  });

  it('gets the token of another repository without being challenged again', async () => {
    const { registry, tokens } = await serveTokenRegistry();
    const client = clientOf({ settings: { urls: [registry.origin] } });
    await client.getManifest('org/app', '1', calm);
    await client.getManifest('org/other', '1', calm);
    expect(tokens.seen.length).toBe(2);
    expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      'Bearer token-1',
      'Bearer token-2',
    ]);
  });

  it('asks for the scope the upstream names', async () => {
    const { registry, tokens } = await serveTokenRegistry({ scope: 'repository:org/app:pull registry:x:y' });
    await clientOf({ settings: { urls: [registry.origin] } }).getManifest('org/app', '1', calm);
    expect(new URL(tokens.seen[0]?.url ?? '', tokens.origin).searchParams.getAll('scope')).toEqual([
      'repository:org/app:pull',
      'registry:x:y',
    ]);
  });

  it('sends the account with the longest path to the token service, and to nobody else', async () => {
    const { registry, tokens } = await serveTokenRegistry();
    const accounts = [
      { username: 'all', password: 'p' },
      { path: 'org', username: 'organisation', password: 'päss:word' },
    ];
    await clientOf({ settings: { urls: [registry.origin] }, accounts }).getManifest('org/app', '1', calm);
    expect(tokens.seen[0]?.headers.authorization).toBe(basic('organisation', 'päss:word'));
    expect(tokens.seen[0]?.url).toContain('account=organisation');
    expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer token-1']);
  });

  it('fetches another token when the account changed', async () => {
    const { registry, tokens } = await serveTokenRegistry();
    let accounts: AccountSettings[] = [accountOf({ username: 'u', password: 'old' })];
    const client = clientOf({ settings: { urls: [registry.origin] }, accounts: () => accounts });
    await client.getManifest('app', '1', calm);
    accounts = [accountOf({ username: 'u', password: 'new' })];
    await client.getManifest('app', '1', calm);
    expect(tokens.seen.map(({ headers }) => headers.authorization)).toEqual([basic('u', 'old'), basic('u', 'new')]);
  });

  it('trades an identity token by OAuth2', async () => {
    let form = '';
    const { registry, tokens } = await serveTokenRegistry({
      answer: (request, response) => {
        request.on('data', (piece: Buffer) => (form += piece.toString()));
        request.on('end', () => sendJson(response, 200, { access_token: 'token-0' }));
      },
    });
    const accounts = [{ username: '<token>', password: 'refresh me' }];
    await clientOf({ settings: { urls: [registry.origin] }, accounts }).getManifest('app', '1', calm);
    expect(tokens.asked()).toEqual(['POST /token?a=b']);
    expect(Object.fromEntries(new URLSearchParams(form))).toEqual({
      grant_type: 'refresh_token',
      service: 'registry.test',
      client_id: 'zhi-mirror',
      scope: 'repository:app:pull',
      refresh_token: 'refresh me',
    });
  });

  it('fetches one token for many who wait, and the first leaving does not disturb them', async () => {
    const gate = Promise.withResolvers<undefined>();
    const asked = Promise.withResolvers<undefined>();
    const { registry, tokens } = await serveTokenRegistry({
      answer: (_request, response) => {
        asked.resolve(undefined);
        void gate.promise.then(() => sendJson(response, 200, { token: 'token-0' }));
      },
    });
    const client = clientOf({ settings: { urls: [registry.origin] } });
    const leaving = new AbortController();
    const first = client.getManifest('app', '1', leaving.signal);
    const rest = Array.from({ length: 5 }, () => client.getManifest('app', '1', calm));
    await asked.promise;
    leaving.abort();
    expect(await first.catch((error: unknown) => error)).toMatchObject({ code: 'CANCELLED' });
    gate.resolve(undefined);
    expect((await Promise.all(rest)).length).toBe(5);
    expect(tokens.seen.length).toBe(1);
  });

  it('renews a token the upstream no longer takes, once', async () => {
    const { registry, tokens } = await serveTokenRegistry();
    const client = clientOf({ settings: { urls: [registry.origin] } });
    await client.getManifest('app', '1', calm);
    // issues another token, so that the first one is no longer the current
    await fetch(`${tokens.origin}/token`);
    await client.getManifest('app', '1', calm);
    expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      'Bearer token-1',
      'Bearer token-1',
      'Bearer token-3',
    ]);
  });

  it('gives up when a fresh token is refused, with words that help', async () => {
    const { registry, tokens } = await serveTokenRegistry({
      answer: (_request, response) => sendJson(response, 200, { token: 'wrong' }),
    });
    const client = clientOf({ settings: { urls: [registry.origin] } });
    const error = await rejectsWith(client.getManifest('org/app', '1', calm), UpstreamError, 'UPSTREAM_UNAUTHORIZED');
    expect(error.message).toContain('org/app');
    expect([registry.seen.length, tokens.seen.length]).toEqual([2, 1]);
    expect(client.health().state).not.toBe('open');
  });

  it.each([
    [401, 'UPSTREAM_UNAUTHORIZED'],
    [403, 'UPSTREAM_UNAUTHORIZED'],
    [429, 'UPSTREAM_LIMITED'],
    [500, 'UPSTREAM_FAILED'],
  ] as const)('a token service that answers %d means %s', async (status, code) => {
    const { registry } = await serveTokenRegistry({
      answer: (_request, response) => sendJson(response, status, {}, { 'retry-after': '60' }),
    });
    const accounts = [{ username: 'u', password: 'hunter2' }];
    const client = clientOf({ settings: { urls: [registry.origin] }, accounts });
    const error = await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, code);
    expect(error.retryAfterMs).toBe(status === 429 || status === 500 ? 60_000 : undefined);
    expect(JSON.stringify([error.message, error.value, error.detail, client.health()])).not.toContain('hunter2');
  });

  it.each([{}, { token: 1 }, { token: '' }, { token: 'a\r\nx: y' }, []])(
    'a token service that answers %j is not believed',
    async (body) => {
      const { registry } = await serveTokenRegistry({ answer: (_request, response) => sendJson(response, 200, body) });
      const client = clientOf({ settings: { urls: [registry.origin] } });
      await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_INVALID');
    },
  );

  it.each(['Bearer', 'Bearer realm="ftp://a.test/"', 'Bearer realm="http://"'])(
    'a challenge without a usable realm is nonsense: %s',
    async (challenge) => {
      const registry = await serve(
        guarded(
          () => challenge,
          () => false,
        ),
      );
      const client = clientOf({ settings: { urls: [registry.origin] } });
      await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_INVALID');
    },
  );
});

describe('Bearer realms', () => {
  it('that give no token are not asked for the tokens of other repositories', async () => {
    const broken = await serve((_request, response) => response.writeHead(404).end());
    const registry = await serve(
      guarded(
        () => `Bearer realm="${broken.origin}/token"`,
        ({ url }) => url !== '/v2/broken/manifests/1',
      ),
    );
    const client = clientOf({ settings: { urls: [registry.origin] } });
    await rejectsWith(client.getManifest('broken', '1', calm), UpstreamError, 'UPSTREAM_UNAUTHORIZED');
    await client.getManifest('app', '1', calm);
    expect(broken.seen.length).toBe(1);
  });

  it('may change: when the old one fails, the upstream says which is the new one', async () => {
    const tokenFrom = (token: string): Handle => {
      return (_request, response) => sendJson(response, 200, { token });
    };
    let isOldGone = false;
    const old = await serve((request, response) =>
      isOldGone ? response.writeHead(404).end() : tokenFrom('old')(request, response),
    );
    const renewed = await serve(tokenFrom('new'));
    const registry = await serve(
      guarded(
        () => `Bearer realm="${isOldGone ? renewed.origin : old.origin}/token"`,
        ({ headers }) => headers.authorization === `Bearer ${isOldGone ? 'new' : 'old'}`,
      ),
    );
    const client = clientOf({ settings: { urls: [registry.origin] } });
    await client.getManifest('one', '1', calm);
    isOldGone = true;
    await rejectsWith(client.getManifest('two', '1', calm), UpstreamError, 'UPSTREAM_UNAUTHORIZED');
    expect((await client.getManifest('two', '1', calm)).content.toString()).toBe('{}');
  });

  it('on a private address are refused for a public upstream, also when only the name hides it', async () => {
    const inside = await serve((_request, response) => sendJson(response, 200, { token: 'x' }), {
      address: '127.0.0.2',
    });
    for (const host of ['127.0.0.2', 'inside.test', 'localhost']) {
      const registry = await serve(
        guarded(
          () => `Bearer realm="http://${host}:${String(inside.port)}/token"`,
          () => false,
        ),
      );
      const network = networkOf({ 'inside.test': '127.0.0.2', localhost: '127.0.0.1' }, ['127.0.0.2']);
      const client = clientOf({ settings: { urls: [registry.origin] }, network });
      await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_FORBIDDEN_ADDRESS');
    }
    expect(inside.seen).toEqual([]);
  });

  it('do not get an account over plain HTTP at another host', async () => {
    const { port, seen } = await serve((_request, response) => sendJson(response, 200, { token: 'x' }));
    const registry = await serve(
      guarded(
        () => `Bearer realm="http://tokens.test:${String(port)}/token"`,
        ({ headers }) => headers.authorization === 'Bearer x',
      ),
    );
    const network = networkOf({ 'tokens.test': '127.0.0.1' });
    const client = clientOf({
      settings: { urls: [registry.origin] },
      network,
      accounts: [{ username: 'u', password: 'p' }],
    });
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNAUTHORIZED');
    expect(seen).toEqual([]);
    const anonymous = clientOf({ settings: { urls: [registry.origin] }, network });
    await anonymous.getManifest('app', '1', calm);
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('that redirect to another host do not take the account along', async () => {
    const elsewhere = await serve((_request, response) => sendJson(response, 200, { token: 'token-0' }), {
      address: '127.0.0.3',
    });
    const { registry, tokens } = await serveTokenRegistry({
      answer: (_request, response) => response.writeHead(307, { location: `${elsewhere.origin}/t` }).end(),
    });
    await clientOf({ settings: { urls: [registry.origin] }, accounts: [{ username: 'u', password: 'p' }] }).getManifest(
      'app',
      '1',
      calm,
    );
    expect(tokens.seen[0]?.headers.authorization).toBe(basic('u', 'p'));
    expect(elsewhere.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

describe('Basic', () => {
  it('is sent after a challenge, and at once from then on', async () => {
    const registry = await serve(
      guarded(
        () => 'Negotiate, Basic realm="x"',
        ({ headers }) => headers.authorization === basic('u', 'p'),
      ),
    );
    const client = clientOf({ settings: { urls: [registry.origin] }, accounts: [{ username: 'u', password: 'p' }] });
    await client.getManifest('app', '1', calm);
    await client.getManifest('app', '2', calm);
    expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      basic('u', 'p'),
      basic('u', 'p'),
    ]);
  });

  it.each([[[]], [[{ username: 'u', password: 'wrong' }]]])(
    'without the right account is refused after one try: %j',
    async (accounts) => {
      const registry = await serve(
        guarded(
          () => 'Basic realm="x"',
          () => false,
        ),
      );
      const client = clientOf({ settings: { urls: [registry.origin] }, accounts });
      await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNAUTHORIZED');
      expect(registry.seen.length).toBe(accounts.length + 1);
    },
  );
});

it('a ready-made token is sent at once and never traded', async () => {
  const { registry, tokens } = await serveTokenRegistry();
  const client = clientOf({ settings: { urls: [registry.origin] }, accounts: [{ registryToken: 'token-0' }] });
  await client.getManifest('app', '1', calm);
  expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-0']);
  await fetch(`${tokens.origin}/token`);
  await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNAUTHORIZED');
  expect(tokens.seen.length).toBe(1);
});
