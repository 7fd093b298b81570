import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, resolve } from 'node:path';
import { routes } from '../../../server/api/contract.ts';
import type { RouteName, StreamEvent, StreamEventName } from '../../../server/api/contract.ts';
import { answer, newState } from './mock-answers.ts';
import { MockProblem } from './mock-problem.ts';
import type { MockState, Scenario } from './mock-answers.ts';

const rendererDirectory = resolve(import.meta.dirname, '../../../dist/renderer');
/** What the real admin listener sends, so that a page that needs more fails here too. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The admin API in memory, for looking at the window without a mirror: same routes, same schemas. */
export interface MockAdmin {
  readonly url: string;
  readonly state: MockState;
  /** Bodies and queries of every call, by route. */
  readonly calls: readonly { readonly route: RouteName; readonly query: unknown; readonly body: unknown }[];
  /** Sends an event to every open window. */
  send<N extends StreamEventName>(name: N, data: StreamEvent<N>): void;
  /** Resolves once a window listens to the event stream. */
  connected(): Promise<void>;
  /** Ends every event stream and answers nothing until it is called again with false. */
  setDown(isDown: boolean): void;
  close(): Promise<void>;
}

/** Starts the mock on a free loopback port. */
export async function startMockAdmin(
  scenario: Scenario = 'busy',
  directory = rendererDirectory,
  port = 0,
): Promise<MockAdmin> {
  const state = newState(scenario);
  const streams = new Set<ServerResponse>();
  const calls: { route: RouteName; query: unknown; body: unknown }[] = [];
  let isDown = false;
  const send: MockAdmin['send'] = (name, data) => {
    for (const stream of streams) stream.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const server = createServer((request, response) => {
    if (isDown) {
      request.socket.destroy();
      return;
    }
    const url = new URL(request.url ?? '/', 'http://mock');
    if (url.pathname === '/api/v1/events') {
      openStream(request, response, streams);
    } else if (url.pathname.startsWith('/api/')) {
      void serveApi(request, response, url, (route, query, body) => {
        calls.push({ route, query, body });
        return answer(state, route, { query, body }, send);
      });
    } else {
      serveFile(response, directory, url.pathname);
    }
  });
  await listen(server, port);
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`,
    state,
    calls,
    send,
    connected: async () => {
      while (streams.size === 0) await new Promise((done) => setTimeout(done, 10));
    },
    setDown: (down) => {
      isDown = down;
      if (down) server.closeAllConnections();
    },
    close: async () => {
      for (const stream of streams) stream.end();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(port, '127.0.0.1', done);
  });
}

function openStream(request: IncomingMessage, response: ServerResponse, streams: Set<ServerResponse>): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(': open\n\n');
  streams.add(response);
  request.on('close', () => streams.delete(response));
}

type Answer = (route: RouteName, query: unknown, body: unknown) => unknown;

async function serveApi(request: IncomingMessage, response: ServerResponse, url: URL, reply: Answer): Promise<void> {
  const found = Object.entries(routes).find(
    ([, route]) => route.method === request.method && route.path === url.pathname,
  );
  const send = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' });
    response.end(JSON.stringify(body));
  };
  try {
    if (found === undefined) throw new MockProblem(404, 'NOT_FOUND', 'No such route.');
    const [name, route] = found;
    const query = route.query.parse(Object.fromEntries(url.searchParams));
    const text = await readBody(request);
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    route.body.parse(body);
    send(200, await reply(name as RouteName, query, body));
  } catch (error) {
    const problem = error instanceof MockProblem ? error : new MockProblem(400, 'REQUEST_INVALID', String(error));
    send(problem.status, {
      type: 'about:blank',
      title: problem.code,
      status: problem.status,
      code: problem.code,
      detail: problem.message,
      requestId: 'mock-1',
    });
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

function serveFile(response: ServerResponse, directory: string, path: string): void {
  const file = join(directory, normalize(path === '/' ? '/index.html' : path));
  if (!file.startsWith(directory) || !existsSync(file) || !statSync(file).isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'content-type': types[extname(file)] ?? 'application/octet-stream',
    'content-security-policy': policy,
  });
  createReadStream(file).pipe(response);
}
