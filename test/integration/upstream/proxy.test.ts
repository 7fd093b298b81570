import { createServer, request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError, UpstreamError } from '../../../server/errors.ts';
import { rejectsWith, throwsWith } from '../../support/expect-code.ts';
import { makeAuthority } from './certificates.ts';
import { calm, clientOf, listen, networkOf, serve } from './loopback.ts';
import type { Handle } from './loopback.ts';

const sendManifest: Handle = (_request, response) => response.writeHead(200).end('{}');

interface TestProxy {
  readonly url: string;
  readonly asked: string[];
  readonly credentials: (string | undefined)[];
}

/** A proxy that forwards and tunnels everything to one port on loopback, whatever host was named. */
async function serveProxy(
  targetPort: number,
  options: { readonly refuses?: boolean; readonly isSilent?: boolean } = {},
): Promise<TestProxy> {
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const note = ({ method, url, headers }: IncomingMessage): void => {
    asked.push(`${String(method)} ${String(url)}`);
    credentials.push(headers['proxy-authorization']);
  };
  const sockets = new Set<Duplex>();
  const server = createServer((request, response) => {
    note(request);
    if (options.refuses === true) response.writeHead(407).end();
    else {
      const { pathname, search } = new URL(request.url ?? '');
      const forwarded = requestHttp({
        host: '127.0.0.1',
        port: targetPort,
        path: pathname + search,
        method: request.method,
        headers: request.headers,
      });
      forwarded.on('response', (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers)));
      request.pipe(forwarded);
    }
  });
  server.on('connect', (request, socket: Duplex) => {
    note(request);
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (options.isSilent === true) return;
    if (options.refuses === true) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const tunnel = connect(targetPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      tunnel.pipe(socket).pipe(tunnel);
    });
    tunnel.on('error', () => socket.destroy());
    sockets.add(tunnel);
  });
  const port = await listen(server);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${String(port)}`, asked, credentials };
}

describe('a proxy', () => {
  it("forwards plain HTTP, with Docker Hub's real host and library/", async () => {
    const server = await serve(sendManifest);
    const proxy = await serveProxy(server.port);
    const client = clientOf({ settings: { name: 'docker.io', urls: ['http://docker.io'], proxy: proxy.url } });
    await client.getManifest('nginx', '1', calm);
    expect(proxy.asked).toEqual(['GET http://registry-1.docker.io/v2/library/nginx/manifests/1']);
    expect(server.asked()).toEqual(['GET /v2/library/nginx/manifests/1']);
    expect(server.seen[0]?.headers.host).toBe('registry-1.docker.io');
  });

  it('tunnels TLS, which is verified end to end', async () => {
    const authority = await makeAuthority();
    const { cert, key } = authority.issue('registry.test');
    const server = await serve(sendManifest, { tls: { cert, key } });
    const proxy = await serveProxy(server.port);
    const settings = { name: 'registry.test', proxy: proxy.url.replace('http://', 'http://user:p%40ss@') };
    await clientOf({ settings: { ...settings, tls: { ca: authority.caFile } } }).getManifest('app', '1', calm);
    expect(proxy.asked).toEqual(['CONNECT registry.test:443']);
    expect(proxy.credentials).toEqual([`Basic ${Buffer.from('user:p@ss').toString('base64')}`]);
    expect(server.seen[0]?.headers).not.toHaveProperty('proxy-authorization');
    const distrustful = clientOf({ settings });
    const error = await rejectsWith(distrustful.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
    expect(JSON.stringify([error.message, error.value, distrustful.health()])).not.toMatch(/p@ss|p%40ss/);
  });

  it('of the environment is used where NO_PROXY does not say otherwise', async () => {
    const server = await serve(sendManifest);
    const proxy = await serveProxy(server.port);
    const environment = { httpProxy: proxy.url, noProxy: 'direct.test' };
    await clientOf({ settings: { urls: ['http://registry.test'] }, proxy: environment }).getManifest('app', '1', calm);
    expect(proxy.asked.length).toBe(1);
    const network = networkOf({ 'direct.test': '127.0.0.1' });
    const settings = { urls: [`http://direct.test:${String(server.port)}`] };
    await clientOf({ settings, proxy: environment, network }).getManifest('app', '1', calm);
    expect([proxy.asked.length, server.seen.length]).toEqual([1, 2]);
  });

  it.each([['http://registry.test'], ['https://registry.test']])(
    'that wants credentials makes %s unreachable',
    async (url) => {
      const proxy = await serveProxy(0, { refuses: true });
      const client = clientOf({ settings: { urls: [url], proxy: proxy.url } });
      const error = await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
      expect(error.message).toContain('proxy');
    },
  );

  it('that never opens the tunnel times out', async () => {
    const proxy = await serveProxy(0, { isSilent: true });
    const client = clientOf({
      settings: { urls: ['https://registry.test'], proxy: proxy.url, connectTimeout: '50ms' },
    });
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_TIMEOUT');
  });

  it('does not help an upstream to reach private addresses', async () => {
    const server = await serve((_request, response) =>
      response.writeHead(307, { location: 'http://169.254.169.254/latest' }).end(),
    );
    const proxy = await serveProxy(server.port);
    const client = clientOf({ settings: { urls: ['http://registry.test'], proxy: proxy.url } });
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_FORBIDDEN_ADDRESS');
    expect(proxy.asked.length).toBe(1);
  });

  it('that is no URL is a wrong setting, and not repeated, since it may hold a password', () => {
    const error = throwsWith(
      () => clientOf({ settings: { proxy: 'user:hunter2@proxy.test' } }),
      ConfigError,
      'CONFIG_INVALID',
    );
    expect(error.message).not.toContain('hunter2');
  });
});
