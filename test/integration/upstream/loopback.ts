import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server as TcpServer } from 'node:net';
import { onTestFinished } from 'vitest';
import { upstream, upstreamTls } from '../../../server/config/schema.ts';
import type { AccountSettings, UpstreamInput, UpstreamTlsSettings } from '../../../server/config/schema.ts';
import { systemClock } from '../../../server/lib/clock.ts';
import { createUpstreamClient } from '../../../server/upstream/client.ts';
import type { UpstreamClientOptions } from '../../../server/upstream/client.ts';
import type { BlobAnswer, UpstreamClient } from '../../../server/upstream/client.types.ts';
import type { Network } from '../../../server/upstream/transport.ts';

/** One request as a server saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

/** A server on loopback that remembers what it was asked; closed when the test ends. */
export interface Loopback {
  readonly origin: string;
  readonly host: string;
  readonly port: number;
  readonly seen: Seen[];
  /** `METHOD url` of each request, in order. */
  asked(): string[];
}

export type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** Starts an http server on `address`, or an https one when certificate and key are given. */
export async function serve(
  handle: Handle,
  options: {
    readonly address?: string;
    readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  } = {},
): Promise<Loopback> {
  const { address = '127.0.0.1', tls } = options;
  const seen: Seen[] = [];
  const listener: RequestListener = (request, response) => {
    seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    handle(request, response);
  };
  const server =
    tls === undefined
      ? createServer(listener)
      : createTlsServer({ ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: false }, listener);
  const port = await listen(server, address);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `${address}:${String(port)}`;
  return {
    origin: `${tls === undefined ? 'http' : 'https'}://${host}`,
    host,
    port,
    seen,
    asked: () => seen.map(({ method, url }) => `${method} ${url}`),
  };
}

/** Makes any server listen on a free port. */
export async function listen(server: TcpServer, address = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return (server.address() as AddressInfo).port;
}

/** Settings of an upstream as a person writes them, retries off unless said. */
export function settingsOf(input: Partial<UpstreamInput>): UpstreamClientOptions['settings'] {
  return upstream.parse({ name: 'up.test', maxRetries: 0, ...input });
}

/** TLS settings with everything at its default but `input`. */
export function tlsOf(input: Partial<UpstreamTlsSettings> = {}): UpstreamTlsSettings {
  return upstreamTls.parse(input);
}

export interface ClientInput extends Partial<Omit<UpstreamClientOptions, 'settings' | 'accounts'>> {
  readonly settings: Partial<UpstreamInput>;
  readonly accounts?: readonly Partial<AccountSettings>[] | (() => readonly AccountSettings[]);
}

/** A client that is closed when the test ends. */
export function clientOf({ settings, accounts = [], ...rest }: ClientInput): UpstreamClient {
  const client = createUpstreamClient({
    globalTls: tlsOf(),
    clock: systemClock,
    userAgent: 'zhi-mirror/0.0.0-test',
    ...rest,
    settings: settingsOf(settings),
    accounts: typeof accounts === 'function' ? accounts : () => accounts.map(accountOf),
  });
  onTestFinished(() => client.close());
  return client;
}

export function accountOf(input: Partial<AccountSettings>): AccountSettings {
  return { path: '', username: '', password: '', registryToken: '', ...input };
}

/** A signal nobody aborts. */
export const calm: AbortSignal = new AbortController().signal;

/** A body that is read whole. */
export async function wholeOf(answer: BlobAnswer): Promise<string> {
  return (await answer.body.bytes(1024 * 1024)).toString();
}

/** Sends a status with JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** A resolver for made-up names; everything is public unless `privates` says otherwise. */
export function networkOf(hosts: Readonly<Record<string, string>>, privates: readonly string[] = []): Network {
  return {
    lookup: (hostname, options, callback) => {
      const address = hosts[hostname];
      if (address === undefined) callback(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }), '');
      else if (options.all === true) callback(null, [{ address, family: 4 }]);
      else callback(null, address, 4);
    },
    isPrivate: (address) => privates.includes(address),
  };
}
