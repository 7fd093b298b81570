import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MirrorError, RequestError, UpstreamError } from '../../../server/errors.ts';
import { digestOf } from '../../../server/oci/digest.ts';
import { rejectsWith } from '../../support/expect-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { calm, clientOf, listen, serve, wholeOf } from './loopback.ts';
import type { Handle } from './loopback.ts';

const digest = digestOf(Buffer.from('blob'));
const sendManifest: Handle = (_request, response) => response.writeHead(200).end('{}');

/** A TCP server that does what it is told with each connection. */
async function serveTcp(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return await listen(server);
}

/** A port nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('bodies', () => {
  it.each([
    ['with a length', 'Content-Length: 100'],
    ['with a length, at the end of their connection', 'Content-Length: 100\r\nConnection: close'],
    ['in chunks', 'Transfer-Encoding: chunked'],
    ['in chunks, at the end of their connection', 'Transfer-Encoding: chunked\r\nConnection: close'],
  ])('%s that are cut off deliver what came, then fail', async (_, header) => {
    const port = await serveTcp((socket) => {
      const body = header.startsWith('Transfer') ? '5\r\nbegin\r\n' : 'begin';
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${header}\r\n\r\n${body}`));
    });
    const client = clientOf({ settings: { urls: [`http://127.0.0.1:${String(port)}`] } });
    const { body } = await client.getBlob('app', digest, 0, calm);
    let got = '';
    const done = body.pump((chunk) => void (got += chunk.toString()));
    const error = await rejectsWith(done, UpstreamError, 'UPSTREAM_UNREACHABLE');
    expect(got).toBe('begin');
    expect(client.health()).toMatchObject({ failures: 1, lastError: error.message });
  });

  it('that stop coming fail after the idle timeout', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('begin');
    });
    const client = clientOf({ settings: { urls: [server.origin], idleTimeout: '50ms' } });
    const { body } = await client.getBlob('app', digest, 0, calm);
    await rejectsWith(
      body.pump(() => undefined),
      UpstreamError,
      'UPSTREAM_TIMEOUT',
    );
  });

  it('end at their length; what stands behind it belongs to nothing', async () => {
    const port = await serveTcp((socket) => {
      socket.on('data', () =>
        socket.write(
          'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nblobHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
        ),
      );
    });
    const client = clientOf({ settings: { urls: [`http://127.0.0.1:${String(port)}`] } });
    expect(await wholeOf(await client.getBlob('app', digest, 0, calm))).toBe('blob');
    expect(await wholeOf(await client.getBlob('app', digest, 0, calm))).toBe('blob');
  });

  it('with two lengths are nonsense', async () => {
    const port = await serveTcp((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nblobs'));
    });
    const client = clientOf({ settings: { urls: [`http://127.0.0.1:${String(port)}`] } });
    await rejectsWith(client.getBlob('app', digest, 0, calm), UpstreamError, 'UPSTREAM_INVALID');
  });
});

describe('connections', () => {
  it('that are refused are unreachable', async () => {
    const client = clientOf({ settings: { urls: [`http://127.0.0.1:${String(await closedPort())}`] } });
    await rejectsWith(client.headManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
    expect(client.health()).toMatchObject({ state: 'failing', failures: 1 });
  });

  it('that never finish their handshake time out', async () => {
    const port = await serveTcp(() => undefined);
    const client = clientOf({ settings: { urls: [`https://127.0.0.1:${String(port)}`], connectTimeout: '50ms' } });
    await rejectsWith(client.headManifest('app', '1', calm), UpstreamError, 'UPSTREAM_TIMEOUT');
  });

  it('without an answer time out', async () => {
    const server = await serve(() => undefined);
    const client = clientOf({ settings: { urls: [server.origin], headersTimeout: '50ms' } });
    await rejectsWith(client.headManifest('app', '1', calm), UpstreamError, 'UPSTREAM_TIMEOUT');
  });

  it('to something that does not speak HTTP are nonsense', async () => {
    const port = await serveTcp((socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
    const client = clientOf({ settings: { urls: [`http://127.0.0.1:${String(port)}`] } });
    await rejectsWith(client.headManifest('app', '1', calm), UpstreamError, 'UPSTREAM_INVALID');
  });

  it('are closed when the request is aborted before the answer and during the body', async () => {
    const arrived = Promise.withResolvers<undefined>();
    const closed: Promise<unknown>[] = [];
    const server = await serve((request, response) => {
      closed.push(new Promise((resolve) => request.socket.once('close', resolve)));
      if (request.url?.includes('blobs') === true) {
        response.writeHead(200, { 'content-length': 1_000_000 });
        response.write('begin');
      }
      arrived.resolve(undefined);
    });
    const client = clientOf({ settings: { urls: [server.origin] } });
    const first = new AbortController();
    const waiting = client.headManifest('app', '1', first.signal);
    await arrived.promise;
    first.abort();
    await rejectsWith(waiting, MirrorError, 'CANCELLED');
    const second = new AbortController();
    const { body } = await client.getBlob('app', digest, 0, second.signal);
    const done = body.pump(() => undefined);
    second.abort(new MirrorError('CANCELLED', 'our own reason'));
    expect((await rejectsWith(done, MirrorError, 'CANCELLED')).message).toBe('our own reason');
    await Promise.all(closed);
    expect(client.health()).toMatchObject({ failures: 0 });
  });
});

describe('retries', () => {
  const settings = { maxRetries: 2, retryDelay: '1ms' };

  it('repeat what fails with 5xx or a cut connection, manifests with their bodies', async () => {
    const server = await serve((request, response) => {
      if (server.seen.length === 1) response.writeHead(500).end();
      else if (server.seen.length === 2) {
        response.writeHead(200, { 'content-length': 100 });
        response.write('{');
        setImmediate(() => request.socket.destroy());
      } else sendManifest(request, response);
    });
    const client = clientOf({ settings: { urls: [server.origin], ...settings } });
    expect((await client.getManifest('app', '1', calm)).content.toString()).toBe('{}');
    expect(server.seen.length).toBe(3);
    expect(client.health()).toMatchObject({ state: 'ok', failures: 0 });
  });

  it('end after maxRetries', async () => {
    const server = await serve((_request, response) => response.writeHead(502).end());
    const client = clientOf({ settings: { urls: [server.origin], ...settings } });
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_FAILED');
    expect(server.seen.length).toBe(3);
  });

  it.each([400, 401, 403, 404, 429, 501])('do not repeat %d', async (status) => {
    const server = await serve((_request, response) => response.writeHead(status).end());
    const client = clientOf({ settings: { urls: [server.origin], ...settings } });
    await client.getManifest('app', '1', calm).catch(() => undefined);
    expect(server.seen.length).toBe(1);
  });

  it('go on with the next URL, which is asked first from then on, for a while', async () => {
    const first = await serve((_request, response) => response.writeHead(500).end());
    const second = await serve(sendManifest);
    const clock = new FakeClock();
    const urls = [`http://127.0.0.1:${String(await closedPort())}`, first.origin, second.origin];
    const client = clientOf({ settings: { urls, breakerWait: '30s' }, clock });
    await client.getManifest('app', '1', calm);
    await client.getManifest('app', '1', calm);
    expect([first.seen.length, second.seen.length]).toEqual([1, 2]);
    await clock.advance(30_000);
    await client.getManifest('app', '1', calm);
    expect([first.seen.length, second.seen.length]).toEqual([2, 3]);
  });

  it('do not ask the next URL for what the first does not have', async () => {
    const first = await serve((_request, response) => response.writeHead(404).end());
    const second = await serve(sendManifest);
    const client = clientOf({ settings: { urls: [first.origin, second.origin] } });
    await rejectsWith(client.getManifest('app', '1', calm), RequestError, 'MANIFEST_UNKNOWN');
    expect(second.seen).toEqual([]);
  });
});

describe('the circuit breaker', () => {
  it('leaves a failing upstream alone, lets one probe through, and closes when it works', async () => {
    let handle: Handle = (_request, response) => response.writeHead(500).end();
    const server = await serve((request, response) => handle(request, response));
    const clock = new FakeClock();
    const settings = { urls: [server.origin], breakerFailures: 2, breakerWait: '30s', maxRetries: 0 };
    const client = clientOf({ settings, clock });
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_FAILED');
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_FAILED');
    const refused = await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
    expect(refused.retryAfterMs).toBe(30_000);
    expect(client.health()).toMatchObject({ state: 'open', retryAt: clock.now() + 30_000 });
    expect(server.seen.length).toBe(2);

    await clock.advance(30_000);
    const gate = Promise.withResolvers<undefined>();
    const probed = Promise.withResolvers<undefined>();
    handle = (request, response) => {
      probed.resolve(undefined);
      void gate.promise.then(() => sendManifest(request, response));
    };
    const probe = client.getManifest('app', '1', calm);
    await probed.promise;
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
    gate.resolve(undefined);
    await probe;
    handle = sendManifest;
    await client.getManifest('app', '1', calm);
    expect(client.health()).toMatchObject({ state: 'ok', retryAt: undefined });
    expect(server.seen.length).toBe(4);
  });

  it('sends a probe once, whatever maxRetries says', async () => {
    const server = await serve((_request, response) => response.writeHead(500).end());
    const clock = new FakeClock();
    const settings = {
      urls: [server.origin],
      breakerFailures: 1,
      breakerWait: '30s',
      maxRetries: 5,
      retryDelay: '0s',
      headersTimeout: '1s',
    };
    const client = clientOf({ settings, clock });
    const first = rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_FAILED');
    for (let retry = 0; retry < 5; retry += 1) {
      await clock.sleepers();
      await clock.advance(0);
    }
    await first;
    expect(server.seen.length).toBe(6);
    await clock.advance(30_000);
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_FAILED');
    expect(server.seen.length).toBe(7);
  });

  it('closes on demand', async () => {
    const server = await serve((_request, response) =>
      response.writeHead(server.seen.length === 1 ? 500 : 200).end('{}'),
    );
    const client = clientOf({ settings: { urls: [server.origin], breakerFailures: 1 }, clock: new FakeClock() });
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_FAILED');
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
    client.retryNow();
    await client.getManifest('app', '1', calm);
    expect(client.health().state).toBe('ok');
  });

  it('stays closed when the upstream answers, whatever it says', async () => {
    const server = await serve((_request, response) =>
      response.writeHead(server.seen.length % 2 === 0 ? 401 : 404).end(),
    );
    const client = clientOf({ settings: { urls: [server.origin], breakerFailures: 1 } });
    for (let i = 0; i < 4; i += 1) await client.getManifest('app', '1', calm).catch(() => undefined);
    expect(server.seen.length).toBe(4);
  });

  it('lets the next probe through when one was aborted', async () => {
    let handle: Handle = (_request, response) => response.writeHead(500).end();
    const server = await serve((request, response) => handle(request, response));
    const clock = new FakeClock();
    const client = clientOf({ settings: { urls: [server.origin], breakerFailures: 1, breakerWait: '30s' }, clock });
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_FAILED');
    await clock.advance(30_000);
    const arrived = Promise.withResolvers<undefined>();
    handle = () => {
      arrived.resolve(undefined);
    };
    const leaving = new AbortController();
    const probe = client.getManifest('app', '1', leaving.signal);
    await arrived.promise;
    leaving.abort();
    await rejectsWith(probe, MirrorError, 'CANCELLED');
    handle = sendManifest;
    await client.getManifest('app', '1', calm);
  });
});

describe('Retry-After', () => {
  it.each([
    [429, 'UPSTREAM_LIMITED'],
    [503, 'UPSTREAM_FAILED'],
  ] as const)('of %d is obeyed: refused at once until then', async (status, code) => {
    const server = await serve((request, response) => {
      if (server.seen.length === 1) response.writeHead(status, { 'retry-after': '120' }).end();
      else sendManifest(request, response);
    });
    const clock = new FakeClock();
    const client = clientOf({ settings: { urls: [server.origin], maxRetries: 5 }, clock });
    const first = await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, code);
    expect(first).toMatchObject({ retryAfterMs: 120_000, status });
    expect(client.health()).toMatchObject({ state: 'failing', retryAt: clock.now() + 120_000 });
    await clock.advance(119_000);
    const second = await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, code);
    expect(second.retryAfterMs).toBe(1000);
    expect(server.seen.length).toBe(1);
    await clock.advance(1000);
    await client.getManifest('app', '1', calm);
    expect(client.health()).toMatchObject({ state: 'ok', retryAt: undefined });
  });

  it('is forgotten on demand', async () => {
    const server = await serve((_request, response) =>
      response.writeHead(server.seen.length === 1 ? 429 : 200).end('{}'),
    );
    const client = clientOf({ settings: { urls: [server.origin] }, clock: new FakeClock() });
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_LIMITED');
    client.retryNow();
    await client.getManifest('app', '1', calm);
  });

  it('of one URL does not hold the next', async () => {
    const first = await serve((_request, response) => response.writeHead(429, { 'retry-after': '60' }).end());
    const second = await serve(sendManifest);
    const client = clientOf({ settings: { urls: [first.origin, second.origin] }, clock: new FakeClock() });
    await client.getManifest('app', '1', calm);
    await client.getManifest('app', '1', calm);
    expect([first.seen.length, second.seen.length]).toEqual([1, 2]);
  });
});

it('a closed client asks nobody', async () => {
  const arrived = Promise.withResolvers<undefined>();
  const server = await serve(() => arrived.resolve(undefined));
  const client = clientOf({ settings: { urls: [server.origin], maxRetries: 2 } });
  const waiting = rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
  await arrived.promise;
  await client.close();
  await waiting;
  await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
  expect(server.seen.length).toBe(1);
});
