import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RequestError, UpstreamError } from '../../../server/errors.ts';
import { digestOf } from '../../../server/oci/digest.ts';
import { mediaTypes } from '../../../server/oci/media-types.ts';
import { rejectsWith } from '../../support/expect-code.ts';
import { calm, clientOf, sendJson, serve } from './loopback.ts';
import type { Handle } from './loopback.ts';

const digest = digestOf(Buffer.from('subject'));

/** Pages of tags by the `last` of the request. */
function pages(byLast: Readonly<Record<string, { readonly tags: unknown; readonly link?: string }>>): Handle {
  return (request, response) => {
    const last = new URL(request.url ?? '', 'http://x').searchParams.get('last') ?? '';
    const page = byLast[last];
    if (page === undefined) response.writeHead(500).end();
    else sendJson(response, 200, { name: 'app', tags: page.tags }, page.link === undefined ? {} : { link: page.link });
  };
}

describe('tags', () => {
  it('are followed over all pages, relative and absolute', async () => {
    const server = await serve((request, response) =>
      pages({
        '': { tags: ['1', '2'], link: '</v2/app/tags/list?last=2&n=2>; rel="next"' },
        '2': { tags: ['3'], link: `<${server.origin}/v2/app/tags/list?last=3&n=2>; rel=next` },
        '3': { tags: ['4'] },
      })(request, response),
    );
    const client = clientOf({ settings: { urls: [server.origin] } });
    expect(await client.listTags('app', 5000, calm)).toEqual(['1', '2', '3', '4']);
    expect(server.asked()).toEqual([
      'GET /v2/app/tags/list?n=1000',
      'GET /v2/app/tags/list?last=2&n=2',
      'GET /v2/app/tags/list?last=3&n=2',
    ]);
  });

  it('end at the limit', async () => {
    const server = await serve(
      pages({ '': { tags: ['1', '2', '3'], link: '</v2/app/tags/list?last=3>; rel="next"' } }),
    );
    const client = clientOf({ settings: { urls: [server.origin] } });
    expect(await client.listTags('app', 2, calm)).toEqual(['1', '2']);
    expect(server.asked()).toEqual(['GET /v2/app/tags/list?n=2']);
  });

  it('end when a page brings nothing new, so that a circle ends', async () => {
    const server = await serve(
      pages({
        '': { tags: ['1'], link: '</v2/app/tags/list?last=1>; rel="next"' },
        '1': { tags: ['1'], link: '</v2/app/tags/list?last=1>; rel="next"' },
      }),
    );
    const client = clientOf({ settings: { urls: [server.origin] } });
    expect(await client.listTags('app', 100, calm)).toEqual(['1']);
    expect(server.seen.length).toBe(2);
  });

  it('never follow a page to another host', async () => {
    const elsewhere = await serve(pages({}), { address: '127.0.0.3' });
    const server = await serve(
      pages({ '': { tags: ['1'], link: `<${elsewhere.origin}/v2/app/tags/list>; rel="next"` } }),
    );
    const client = clientOf({ settings: { urls: [server.origin] }, accounts: [{ registryToken: 'secret' }] });
    await rejectsWith(client.listTags('app', 100, calm), UpstreamError, 'UPSTREAM_INVALID');
    expect(elsewhere.seen).toEqual([]);
  });

  it('follow a page that names another port or scheme on the origin they know', async () => {
    const elsewhere = await serve(pages({}));
    const server = await serve(
      pages({
        '': { tags: ['1'], link: `<https://127.0.0.1:${String(elsewhere.port)}/v2/app/tags/list?last=1>; rel="next"` },
        '1': { tags: ['2'] },
      }),
    );
    const client = clientOf({ settings: { urls: [server.origin] } });
    expect(await client.listTags('app', 100, calm)).toEqual(['1', '2']);
    expect(elsewhere.seen).toEqual([]);
  });

  it('that are none are left out', async () => {
    const server = await serve(pages({ '': { tags: ['ok', '', '../../etc', 1, null, '-x', 'a'.repeat(129)] } }));
    expect(await clientOf({ settings: { urls: [server.origin] } }).listTags('app', 100, calm)).toEqual(['ok']);
  });

  it('may be null', async () => {
    const server = await serve(pages({ '': { tags: null } }));
    expect(await clientOf({ settings: { urls: [server.origin] } }).listTags('app', 100, calm)).toEqual([]);
  });

  it.each(['<html>', '"text"', ''])('are not %j', async (body) => {
    const server = await serve((_request, response) => response.writeHead(200).end(body));
    const client = clientOf({ settings: { urls: [server.origin] } });
    await rejectsWith(client.listTags('app', 100, calm), UpstreamError, 'UPSTREAM_INVALID');
  });
});

describe('referrers', () => {
  const index = (...names: readonly string[]): unknown => ({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: names.map((name) => ({
      mediaType: mediaTypes.ociManifest,
      digest: digestOf(Buffer.from(name)),
      size: 1,
    })),
  });

  it('come from the API as they are', async () => {
    const server = await serve((_request, response) => sendJson(response, 200, index('a')));
    const found = await clientOf({ settings: { urls: [server.origin] } }).getReferrers('org/app', digest, calm);
    expect(found?.toString()).toBe(JSON.stringify(index('a')));
    expect(server.asked()).toEqual([`GET /v2/org/app/referrers/${digest}`]);
    expect(server.seen[0]?.headers.accept).toBe(mediaTypes.ociIndex);
  });

  it('of several pages are joined', async () => {
    const server = await serve((request, response) => {
      if (request.url?.includes('page=2') === true) sendJson(response, 200, index('b'));
      else sendJson(response, 200, index('a'), { link: `<${request.url ?? ''}?page=2>; rel="next"` });
    });
    const found = await clientOf({ settings: { urls: [server.origin] } }).getReferrers('app', digest, calm);
    expect(JSON.parse(String(found))).toEqual(index('a', 'b'));
  });

  it.each([404, 400, 405, 501])('come from the fallback tag when the API answers %d', async (status) => {
    const server = await serve((request, response) => {
      if (request.url?.includes('/referrers/') === true) response.writeHead(status).end();
      else sendJson(response, 200, index('a'), { 'content-type': mediaTypes.ociIndex });
    });
    const found = await clientOf({ settings: { urls: [server.origin] } }).getReferrers('app', digest, calm);
    expect(JSON.parse(String(found))).toEqual(index('a'));
    expect(server.asked()[1]).toBe(`GET /v2/app/manifests/${digest.replace(':', '-')}`);
  });

  it('use a tag that is cut to 64 characters for sha512', async () => {
    const hex = createHash('sha512').update('x').digest('hex');
    const server = await serve((_request, response) => response.writeHead(404).end());
    expect(
      await clientOf({ settings: { urls: [server.origin] } }).getReferrers('app', `sha512:${hex}`, calm),
    ).toBeUndefined();
    expect(server.asked()[1]).toBe(`GET /v2/app/manifests/sha512-${hex.slice(0, 64)}`);
  });

  it('are undefined where there is neither API nor tag, or the tag is something else', async () => {
    const server = await serve((request, response) => {
      if (server.seen.length === 4) response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end('{}');
      else response.writeHead(404).end();
    });
    const client = clientOf({ settings: { urls: [server.origin] } });
    expect(await client.getReferrers('app', digest, calm)).toBeUndefined();
    expect(await client.getReferrers('app', digest, calm)).toBeUndefined();
  });

  it.each([
    [401, 'UPSTREAM_UNAUTHORIZED'],
    [403, 'UPSTREAM_REFUSED'],
    [500, 'UPSTREAM_FAILED'],
  ] as const)('are not invented when the API answers %d', async (status, code) => {
    const server = await serve((_request, response) => response.writeHead(status).end());
    const client = clientOf({ settings: { urls: [server.origin] } });
    await rejectsWith(client.getReferrers('app', digest, calm), UpstreamError, code);
    expect(server.seen.length).toBe(1);
  });

  it('are nonsense when the API answers with something else than an index', async () => {
    const server = await serve((_request, response) => sendJson(response, 200, {}));
    const client = clientOf({ settings: { urls: [server.origin] } });
    await rejectsWith(client.getReferrers('app', digest, calm), UpstreamError, 'UPSTREAM_INVALID');
  });
});

describe('a base URL with a path', () => {
  it('puts the path before the repository, in the token scope too', async () => {
    const server = await serve((request, response) => {
      if (request.url?.startsWith('/token') === true) sendJson(response, 200, { token: 't' });
      else if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${server.origin}/token"` }).end();
      } else response.writeHead(404).end();
    });
    const client = clientOf({ settings: { urls: [`${server.origin}/proxy/hub/`] } });
    await rejectsWith(client.getManifest('org/app', '1', calm), RequestError, 'MANIFEST_UNKNOWN');
    expect(server.asked()).toEqual([
      'GET /v2/proxy/hub/org/app/manifests/1',
      'GET /token?scope=repository%3Aproxy%2Fhub%2Forg%2Fapp%3Apull',
      'GET /v2/proxy/hub/org/app/manifests/1',
    ]);
  });
});
