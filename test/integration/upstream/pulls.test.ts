import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RequestError, UpstreamError } from '../../../server/errors.ts';
import { digestOf } from '../../../server/oci/digest.ts';
import { manifestAccept, mediaTypes } from '../../../server/oci/media-types.ts';
import { rejectsWith } from '../../support/expect-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { calm, clientOf, sendJson, serve, wholeOf } from './loopback.ts';
import type { Handle } from './loopback.ts';

const manifest = Buffer.from('{"schemaVersion":2,"layers":[]}');
const digest = digestOf(manifest);
const other = digestOf(Buffer.from('other'));
const blob = Buffer.from('0123456789');
const blobDigest = digestOf(blob);

function manifestHandle(headers: Record<string, string> = {}, bytes = manifest): Handle {
  return (_request, response) => {
    response
      .writeHead(200, { 'content-type': mediaTypes.ociManifest, 'content-length': bytes.length, ...headers })
      .end(bytes);
  };
}

/** A registry's blob route with Range. */
const blobHandle: Handle = (request, response) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start >= blob.length) {
    response.writeHead(416, { 'content-range': `bytes */${String(blob.length)}` }).end();
    return;
  }
  const part = blob.subarray(start);
  const range = { 'content-range': `bytes ${String(start)}-${String(blob.length - 1)}/${String(blob.length)}` };
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': part.length, ...(start > 0 ? range : {}) }).end(part);
};

describe('manifests', () => {
  it('are asked for by HEAD without a body, with the accepted types and our name', async () => {
    const server = await serve(manifestHandle({ 'docker-content-digest': digest }));
    const head = await clientOf({ settings: { urls: [server.origin] } }).headManifest('org/app', '1', calm);
    expect(head).toEqual({ digest, mediaType: mediaTypes.ociManifest, sizeBytes: manifest.length });
    expect(server.asked()).toEqual(['HEAD /v2/org/app/manifests/1']);
    expect(server.seen[0]?.headers).toMatchObject({ accept: manifestAccept, 'user-agent': 'zhi-mirror/0.0.0-test' });
  });

  it('keep their connection over several HEAD requests', async () => {
    const ports = new Set<number | undefined>();
    const server = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest, 'content-length': 5 }).end();
    });
    const client = clientOf({ settings: { urls: [server.origin] } });
    await client.headManifest('app', '1', calm);
    await client.headManifest('app', '2', calm);
    expect([server.seen.length, ports.size]).toEqual([2, 1]);
  });

  it('say nothing where the upstream says nothing', async () => {
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'docker-content-digest': 'md5:1' }).end(),
    );
    const head = await clientOf({ settings: { urls: [server.origin] } }).headManifest('app', '1', calm);
    expect(head).toEqual({ digest: undefined, mediaType: undefined, sizeBytes: undefined });
  });

  it('come with the digest of their bytes', async () => {
    const server = await serve(manifestHandle({ 'content-type': `${mediaTypes.dockerManifest}; charset=utf-8` }));
    const answer = await clientOf({ settings: { urls: [server.origin] } }).getManifest('app', '1', calm);
    expect(answer).toEqual({ digest, mediaType: mediaTypes.dockerManifest, content: manifest });
  });

  it('are verified with sha512 too', async () => {
    const sha512 = `sha512:${createHash('sha512').update(manifest).digest('hex')}` as const;
    const server = await serve(manifestHandle());
    const client = clientOf({ settings: { urls: [server.origin] } });
    expect((await client.getManifest('app', sha512, calm)).digest).toBe(sha512);
  });

  it.each([
    ['that do not hash to the digest asked for', {}, other],
    ['that do not hash to the digest in the header', { 'docker-content-digest': other }, '1'],
    ['with another digest in the header than asked for', { 'docker-content-digest': other }, digest],
  ])('are refused %s', async (_, headers, reference) => {
    const server = await serve(manifestHandle(headers));
    const client = clientOf({ settings: { urls: [server.origin] } });
    await rejectsWith(client.getManifest('app', reference, calm), UpstreamError, 'UPSTREAM_INVALID');
  });

  it('are refused by HEAD when the header names another digest than asked for', async () => {
    const server = await serve(manifestHandle({ 'docker-content-digest': other }));
    const client = clientOf({ settings: { urls: [server.origin] } });
    await rejectsWith(client.headManifest('app', digest, calm), UpstreamError, 'UPSTREAM_INVALID');
  });

  it.each([
    ['a web page', Buffer.from('<html>log in</html>')],
    ['more than 4 MiB', Buffer.alloc(4 * 1024 * 1024 + 1, '{')],
    ['nothing', Buffer.alloc(0)],
  ])('are not %s', async (_, bytes) => {
    const server = await serve(manifestHandle({}, bytes));
    const client = clientOf({ settings: { urls: [server.origin] } });
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_INVALID');
  });

  it('may have exactly 4 MiB', async () => {
    const bytes = Buffer.alloc(4 * 1024 * 1024, ' ');
    bytes[0] = 0x7b;
    const server = await serve(manifestHandle({}, bytes));
    const answer = await clientOf({ settings: { urls: [server.origin] } }).getManifest('app', '1', calm);
    expect(answer.content.length).toBe(4 * 1024 * 1024);
  });
});

describe('blobs', () => {
  it('are asked for as they are, whole', async () => {
    const server = await serve(blobHandle);
    const answer = await clientOf({ settings: { urls: [server.origin] } }).getBlob('app', blobDigest, 0, calm);
    expect([answer.sizeBytes, answer.offset, await wholeOf(answer)]).toEqual([10, 0, '0123456789']);
    expect(server.asked()).toEqual([`GET /v2/app/blobs/${blobDigest}`]);
    expect(server.seen[0]?.headers).not.toHaveProperty('accept-encoding');
    expect(server.seen[0]?.headers).not.toHaveProperty('range');
  });

  it('go on at an offset', async () => {
    const server = await serve(blobHandle);
    const answer = await clientOf({ settings: { urls: [server.origin] } }).getBlob('app', blobDigest, 4, calm);
    expect([answer.sizeBytes, answer.offset, await wholeOf(answer)]).toEqual([10, 4, '456789']);
    expect(server.seen[0]?.headers.range).toBe('bytes=4-');
  });

  it('start at 0 when the upstream does not honour Range', async () => {
    const server = await serve((_request, response) => response.writeHead(200, { 'content-length': 10 }).end(blob));
    const answer = await clientOf({ settings: { urls: [server.origin] } }).getBlob('app', blobDigest, 4, calm);
    expect([answer.sizeBytes, answer.offset, await wholeOf(answer)]).toEqual([10, 0, '0123456789']);
  });

  it('start at 0 when there is nothing at the offset', async () => {
    const server = await serve(blobHandle);
    const answer = await clientOf({ settings: { urls: [server.origin] } }).getBlob('app', blobDigest, 10, calm);
    expect([answer.offset, await wholeOf(answer)]).toEqual([0, '0123456789']);
  });

  it.each(['bytes 0-9/10', 'bytes 4-8/10', 'bytes 4-9/11', 'bytes */10', 'nonsense', undefined])(
    'are refused as another part than asked for: %s',
    async (range) => {
      const server = await serve((_request, response) => {
        response.writeHead(206, range === undefined ? {} : { 'content-range': range }).end(blob.subarray(4));
      });
      const client = clientOf({ settings: { urls: [server.origin] } });
      await rejectsWith(client.getBlob('app', blobDigest, 4, calm), UpstreamError, 'UPSTREAM_INVALID');
    },
  );

  it('are refused as a part nobody asked for', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-4/10' }).end(blob.subarray(0, 5));
    });
    const client = clientOf({ settings: { urls: [server.origin] } });
    await rejectsWith(client.getBlob('app', blobDigest, 0, calm), UpstreamError, 'UPSTREAM_INVALID');
  });

  it('tell their size by HEAD', async () => {
    const server = await serve(blobHandle);
    const client = clientOf({ settings: { urls: [server.origin] } });
    expect(await client.headBlob('app', blobDigest, calm)).toEqual({ sizeBytes: 10 });
    expect(server.asked()).toEqual([`HEAD /v2/app/blobs/${blobDigest}`]);
  });

  it('may be empty', async () => {
    const server = await serve((_request, response) => response.writeHead(200, { 'content-length': 0 }).end());
    const answer = await clientOf({ settings: { urls: [server.origin] } }).getBlob('app', blobDigest, 0, calm);
    expect([answer.sizeBytes, await answer.body.pump(() => undefined)]).toEqual([0, 0]);
  });

  it('stop the upstream while the receiver is busy', async () => {
    const totalBytes = 64 * 1024 * 1024;
    let written = 0;
    const piece = Buffer.alloc(1024 * 1024);
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': totalBytes });
      const write = (): void => {
        while (written < totalBytes) {
          written += piece.length;
          if (!response.write(piece)) {
            response.once('drain', write);
            return;
          }
        }
        response.end();
      };
      write();
    });
    const { body } = await clientOf({ settings: { urls: [server.origin] } }).getBlob('app', blobDigest, 0, calm);
    const gate = Promise.withResolvers<undefined>();
    const first = Promise.withResolvers<undefined>();
    const done = body.pump(() => {
      first.resolve(undefined);
      return gate.promise;
    });
    await first.promise;
    // what the kernel's buffers take is taken; then nothing moves however often the loop turns
    for (let quiet = 0, before = -1; quiet < 200; quiet = written === before ? quiet + 1 : 0) {
      before = written;
      await new Promise(setImmediate);
    }
    expect(written).toBeLessThan(totalBytes / 2);
    gate.resolve(undefined);
    expect(await done).toBe(totalBytes);
  });

  it('run at most maxConcurrent at once, body included', async () => {
    const server = await serve((request, response) => {
      response.writeHead(200, { 'content-length': 10 });
      if (request.url?.endsWith(blobDigest) === true && server.seen.length === 1) response.write('01234');
      else response.end(blob);
    });
    const client = clientOf({ settings: { urls: [server.origin], maxConcurrent: 1 } });
    const { body } = await client.getBlob('app', blobDigest, 0, calm);
    const second = client.getBlob('app', blobDigest, 0, calm);
    const leaving = new AbortController();
    const left = client.getBlob('app', blobDigest, 0, leaving.signal);
    leaving.abort();
    expect((await left.catch((error: unknown) => error)) as Error).toMatchObject({ code: 'CANCELLED' });
    expect(server.seen.length).toBe(1);
    body.cancel();
    expect(await wholeOf(await second)).toBe('0123456789');
  });
});

describe('answers that are not the content', () => {
  it.each([
    [404, undefined, 'MANIFEST_UNKNOWN'],
    [404, 'NAME_UNKNOWN', 'NAME_UNKNOWN'],
    [404, 'SOMETHING_ELSE', 'MANIFEST_UNKNOWN'],
    [410, undefined, 'MANIFEST_UNKNOWN'],
  ] as const)('%d with code %s means %s', async (status, code, expected) => {
    const server = await serve((_request, response) =>
      sendJson(response, status, { errors: code === undefined ? [] : [{ code }] }),
    );
    const client = clientOf({ settings: { urls: [server.origin] } });
    await rejectsWith(client.getManifest('app', '1', calm), RequestError, expected);
    expect(client.health()).toMatchObject({ state: 'ok', failures: 0 });
  });

  it('404 for a blob means BLOB_UNKNOWN, for tags NAME_UNKNOWN', async () => {
    const server = await serve((_request, response) => response.writeHead(404).end('<html>'));
    const client = clientOf({ settings: { urls: [server.origin] } });
    await rejectsWith(client.getBlob('app', blobDigest, 0, calm), RequestError, 'BLOB_UNKNOWN');
    await rejectsWith(client.listTags('app', 10, calm), RequestError, 'NAME_UNKNOWN');
    await rejectsWith(client.headManifest('app', '1', calm), RequestError, 'MANIFEST_UNKNOWN');
  });

  it.each([
    [401, 'UPSTREAM_UNAUTHORIZED'],
    [403, 'UPSTREAM_REFUSED'],
    [400, 'UPSTREAM_REFUSED'],
    [408, 'UPSTREAM_TIMEOUT'],
    [429, 'UPSTREAM_LIMITED'],
    [500, 'UPSTREAM_FAILED'],
    [503, 'UPSTREAM_FAILED'],
    [204, 'UPSTREAM_INVALID'],
    [304, 'UPSTREAM_INVALID'],
    [302, 'UPSTREAM_INVALID'],
  ] as const)('%d means %s', async (status, code) => {
    const server = await serve((_request, response) => response.writeHead(status).end());
    const client = clientOf({ settings: { urls: [server.origin] } });
    expect((await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, code)).status).toBe(status);
    expect(server.seen.length).toBe(1);
  });

  it('are not believed at any length, and nothing of their text is repeated', async () => {
    const server = await serve((_request, response) => {
      sendJson(response, 403, { errors: [{ code: 'DENIED', message: `you sent hunter2 ${'x'.repeat(100_000)}` }] });
    });
    const client = clientOf({ settings: { urls: [server.origin] } });
    const error = await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_REFUSED');
    expect(error.message).not.toContain('hunter2');
  });
});

describe('health', () => {
  it('starts unknown and counts requests, bytes and quota', async () => {
    const quota = {
      'ratelimit-limit': '100;w=21600',
      'ratelimit-remaining': '99;w=21600',
      'docker-ratelimit-source': '192.0.2.7',
    };
    const server = await serve(manifestHandle(quota));
    const clock = new FakeClock();
    const client = clientOf({ settings: { urls: [server.origin] }, clock });
    expect(client.health()).toMatchObject({ state: 'unknown', requests: 0, quota: undefined });
    await client.getManifest('app', '1', calm);
    expect(client.health()).toEqual({
      state: 'ok',
      lastSuccessAt: clock.now(),
      lastFailureAt: undefined,
      lastError: undefined,
      retryAt: undefined,
      quota: { limit: 100, remaining: 99, windowSeconds: 21600, source: '192.0.2.7', seenAt: clock.now() },
      requests: 1,
      failures: 0,
      bytesReceived: manifest.length,
    });
  });
});
