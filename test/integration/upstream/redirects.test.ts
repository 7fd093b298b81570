import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../server/errors.ts';
import { digestOf } from '../../../server/oci/digest.ts';
import { rejectsWith } from '../../support/expect-code.ts';
import { calm, clientOf, networkOf, serve, wholeOf } from './loopback.ts';
import type { Handle, Loopback } from './loopback.ts';

const digest = digestOf(Buffer.from('blob'));
const accounts = [{ registryToken: 'hunter2' }];

const sendBlob: Handle = (_request, response) => response.writeHead(200, { 'content-length': 4 }).end('blob');

function redirectTo(location: () => string, status = 307): Handle {
  return (_request, response) => response.writeHead(status, { location: location() }).end('moved');
}

function authorizations({ seen }: Loopback): (string | undefined)[] {
  return seen.map(({ headers }) => headers.authorization);
}

describe('redirects', () => {
  it.each([301, 302, 303, 307, 308])(
    'of status %d to another host are followed without Authorization, with Range',
    async (status) => {
      const blobs = await serve((request, response) => {
        expect(request.headers.range).toBe('bytes=1-');
        response.writeHead(206, { 'content-length': 3, 'content-range': 'bytes 1-3/4' }).end('lob');
      });
      const registry = await serve(redirectTo(() => `${blobs.origin}/signed?x=secret`, status));
      const answer = await clientOf({ settings: { urls: [registry.origin] }, accounts }).getBlob(
        'app',
        digest,
        1,
        calm,
      );
      expect([answer.offset, await wholeOf(answer)]).toEqual([1, 'lob']);
      expect(authorizations(registry)).toEqual(['Bearer hunter2']);
      expect(authorizations(blobs)).toEqual([undefined]);
      expect(blobs.asked()).toEqual(['GET /signed?x=secret']);
    },
  );

  it('on the same origin keep Authorization; relative ones are understood', async () => {
    const registry = await serve((request, response) => {
      if (request.url === '/elsewhere') sendBlob(request, response);
      else response.writeHead(302, { location: '/elsewhere' }).end();
    });
    await clientOf({ settings: { urls: [registry.origin] }, accounts }).getBlob('app', digest, 0, calm);
    expect(authorizations(registry)).toEqual(['Bearer hunter2', 'Bearer hunter2']);
  });

  it('that come back to the upstream do not get Authorization again', async () => {
    const away = await serve(
      redirectTo(() => `${registry.origin}/back`),
      { address: '127.0.0.3' },
    );
    const registry: Loopback = await serve((request, response) => {
      if (request.url === '/back') sendBlob(request, response);
      else response.writeHead(302, { location: `${away.origin}/away` }).end();
    });
    await clientOf({ settings: { urls: [registry.origin] }, accounts }).getBlob('app', digest, 0, calm);
    expect(authorizations(registry)).toEqual(['Bearer hunter2', undefined]);
    expect(authorizations(away)).toEqual([undefined]);
  });

  it('to a host that asks for credentials get none', async () => {
    const blobs = await serve((_request, response) =>
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    );
    const registry = await serve(redirectTo(() => `${blobs.origin}/`));
    const client = clientOf({ settings: { urls: [registry.origin] }, accounts: [{ username: 'u', password: 'p' }] });
    await rejectsWith(client.getBlob('app', digest, 0, calm), UpstreamError, 'UPSTREAM_UNAUTHORIZED');
    expect(authorizations(blobs)).toEqual([undefined]);
  });

  it('are followed five times and not six', async () => {
    const server = await serve((request, response) => {
      const hop = Number(/^\/(\d)$/.exec(request.url ?? '')?.[1] ?? 0);
      if (hop === limit) sendBlob(request, response);
      else response.writeHead(302, { location: `/${String(hop + 1)}` }).end();
    });
    let limit = 5;
    const client = clientOf({ settings: { urls: [server.origin] } });
    expect(await wholeOf(await client.getBlob('app', digest, 0, calm))).toBe('blob');
    limit = 6;
    await rejectsWith(client.getBlob('app', digest, 0, calm), UpstreamError, 'UPSTREAM_INVALID');
  });

  it.each(['ftp://a.test/', 'http://', 'javascript:alert(1)'])('to %s make no sense', async (location) => {
    const registry = await serve(redirectTo(() => location));
    const client = clientOf({ settings: { urls: [registry.origin] } });
    await rejectsWith(client.getBlob('app', digest, 0, calm), UpstreamError, 'UPSTREAM_INVALID');
  });

  it('do not tell the secrets of their URL when the target fails', async () => {
    const gone = await serve(sendBlob);
    const registry = await serve(redirectTo(() => 'http://gone.test:1/blob?signature=hunter2'));
    const client = clientOf({ settings: { urls: [registry.origin] }, network: networkOf({}) });
    const error = await rejectsWith(client.getBlob('app', digest, 0, calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
    expect(JSON.stringify([error.message, error.value, error.detail, client.health()])).not.toContain('hunter2');
    expect(gone.seen).toEqual([]);
  });
});

describe('redirects to private addresses', () => {
  const network = networkOf({ 'inside.test': '127.0.0.2', 'public.test': '127.0.0.1', 'cloud.test': '127.0.0.1' }, [
    '127.0.0.2',
  ]);

  it.each(['127.0.0.2', '0x7f000002', '2130706434', 'inside.test', 'localhost', 'x.localhost', '[::ffff:127.0.0.2]'])(
    'are refused for a public upstream: %s',
    async (host) => {
      const inside = await serve(sendBlob, { address: '127.0.0.2' });
      const registry = await serve(redirectTo(() => `http://${host}:${String(inside.port)}/`));
      const client = clientOf({
        settings: { urls: [registry.origin] },
        network: { ...network, isPrivate: (address) => network.isPrivate(address) || address.startsWith('::ffff') },
      });
      await rejectsWith(client.getBlob('app', digest, 0, calm), UpstreamError, 'UPSTREAM_FORBIDDEN_ADDRESS');
      expect(inside.seen).toEqual([]);
    },
  );

  it('are refused when the name changes its address between two look-ups', async () => {
    const inside = await serve(sendBlob, { address: '127.0.0.2' });
    const registry = await serve(redirectTo(() => `http://rebind.test:${String(inside.port)}/`));
    let lookups = 0;
    const client = clientOf({
      settings: { urls: [registry.origin] },
      network: {
        isPrivate: network.isPrivate,
        lookup: (_hostname, _options, callback) => {
          lookups += 1;
          // the first answer is public and refuses connections, every later one is private
          callback(null, [{ address: lookups === 1 ? '127.0.0.9' : '127.0.0.2', family: 4 }]);
        },
      },
    });
    await rejectsWith(client.getBlob('app', digest, 0, calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
    await rejectsWith(client.getBlob('app', digest, 0, calm), UpstreamError, 'UPSTREAM_FORBIDDEN_ADDRESS');
    expect([lookups, inside.seen]).toEqual([2, []]);
  });

  it('are refused when the upstream itself pointed inside for a moment', async () => {
    const inside = await serve(sendBlob, { address: '127.0.0.2' });
    const asked = Promise.withResolvers<undefined>();
    const mayAnswer = Promise.withResolvers<undefined>();
    const registry = await serve((_request, response) => {
      asked.resolve(undefined);
      void mayAnswer.promise.then(() => response.writeHead(307, { location: `${inside.origin}/` }).end());
    });
    const addresses = ['127.0.0.1', '127.0.0.2'];
    const client = clientOf({
      settings: { urls: [`http://rebind.test:${String(registry.port)}`] },
      network: {
        isPrivate: network.isPrivate,
        lookup: (_hostname, _options, callback) => {
          callback(null, [{ address: addresses.shift() ?? '127.0.0.9', family: 4 }]);
        },
      },
    });
    const refused = rejectsWith(client.getBlob('app', digest, 0, calm), UpstreamError, 'UPSTREAM_FORBIDDEN_ADDRESS');
    await asked.promise;
    // meanwhile the name points to where nobody listens on that port
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
    mayAnswer.resolve(undefined);
    await refused;
    expect([addresses, inside.seen]).toEqual([[], []]);
  });

  it('do not connect to the private ones among several addresses', async () => {
    const inside = await serve(sendBlob, { address: '127.0.0.2' });
    const registry = await serve(redirectTo(() => `http://mixed.test:${String(inside.port)}/`));
    const client = clientOf({
      settings: { urls: [registry.origin] },
      network: {
        isPrivate: network.isPrivate,
        lookup: (_hostname, _options, callback) => {
          callback(null, [
            { address: '127.0.0.2', family: 4 },
            { address: '127.0.0.9', family: 4 },
          ]);
        },
      },
    });
    await rejectsWith(client.getBlob('app', digest, 0, calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
    expect(inside.seen).toEqual([]);
  });

  it.each([
    ['the upstream is itself on a private address', { isPrivate: () => true }, {}],
    ['it is allowed', {}, { allowPrivateRedirects: true }],
  ])('are followed when %s', async (_, overrides, settings) => {
    const inside = await serve(sendBlob, { address: '127.0.0.2' });
    const registry = await serve(redirectTo(() => `${inside.origin}/`));
    const client = clientOf({
      settings: { urls: [`http://public.test:${String(registry.port)}`], ...settings },
      network: { ...network, ...overrides },
    });
    expect(await wholeOf(await client.getBlob('app', digest, 0, calm))).toBe('blob');
  });

  it('do not hinder public ones', async () => {
    const cloud = await serve(sendBlob);
    const registry = await serve(redirectTo(() => `http://cloud.test:${String(cloud.port)}/`));
    const client = clientOf({ settings: { urls: [`http://public.test:${String(registry.port)}`] }, network });
    expect(await wholeOf(await client.getBlob('app', digest, 0, calm))).toBe('blob');
  });
});
