import { request } from 'node:http';
import type { RouteBody, RouteName, RouteQuery, RouteResponse } from '../api/contract.ts';
import { routes } from '../api/contract.ts';
import { RequestError } from '../errors.ts';
import type { AdminAnswer, AdminRequest, AdminSession } from '../app.types.ts';
import type { CliIo, CommandLine } from './io.ts';
import { mirrorConfig } from './serve.ts';
import { readSettings } from './settings.ts';

/** What a command calls: one route of the admin API, wherever it is answered. */
export interface AdminClient {
  /** @throws RequestError with the mirror's own sentence */
  call<N extends RouteName>(name: N, input?: AdminInput<N>): Promise<RouteResponse<N>>;
  /** True when a running mirror answers; false when this process opened the data directory itself. */
  readonly isRunning: boolean;
}

/** The parts of a call that its route has. */
export interface AdminInput<N extends RouteName> {
  readonly query?: RouteQuery<N>;
  readonly body?: RouteBody<N>;
}

/**
 * Runs a command's work on the data directory its flags name: by the mirror that has it open, or, when none runs, by the
 * same admin API inside this process, with no door opened.
 * @throws ConfigError for wrong flags or a directory that can't be used; what the work throws
 */
export async function withAdmin<R>(line: CommandLine, io: CliIo, work: (admin: AdminClient) => Promise<R>): Promise<R> {
  const loaded = readSettings(line, io);
  const { openAdmin } = await import('../app.ts');
  const session: AdminSession = await openAdmin(mirrorConfig(loaded));
  const { url } = session;
  const send = url === undefined ? session.send : (call: AdminRequest) => sendTo(url, call);
  try {
    return await work({ isRunning: url !== undefined, call: (name, input) => callRoute(send, name, input) });
  } finally {
    if (session.url === undefined) await session.close();
  }
}

async function callRoute<N extends RouteName>(
  send: (call: AdminRequest) => Promise<AdminAnswer>,
  name: N,
  input: AdminInput<N> = {},
): Promise<RouteResponse<N>> {
  const route = routes[name];
  const parameters = new URLSearchParams();
  const given: Readonly<Record<string, unknown>> = input.query ?? {};
  for (const [key, value] of Object.entries(given))
    if (typeof value === 'string' || typeof value === 'number') parameters.set(key, String(value));
  const query = parameters.toString();
  const answer = await send({
    method: route.method,
    path: query === '' ? route.path : `${route.path}?${query}`,
    body: input.body === undefined ? undefined : JSON.stringify(input.body),
  });
  const body: unknown = JSON.parse(answer.body === '' ? 'null' : answer.body);
  if (answer.status >= 400) throw problemOf(body);
  // same release, same contract: the answer was checked against the schema where it was made
  return body as RouteResponse<N>;
}

function problemOf(body: unknown): Error {
  const detail =
    typeof body === 'object' && body !== null && 'detail' in body && typeof body.detail === 'string'
      ? body.detail
      : 'the mirror refused without saying why';
  return new RequestError('REQUEST_INVALID', detail);
}

/** A collection of a large store takes as long as it takes: no time limit, Ctrl-C ends the waiting. */
function sendTo(url: string, call: AdminRequest): Promise<AdminAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<AdminAnswer>();
  const headers = call.body === undefined ? {} : { 'content-type': 'application/json' };
  const outgoing = request(new URL(call.path, url), { method: call.method, headers, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .once('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
      })
      .once('error', reject);
  });
  outgoing.once('error', reject);
  outgoing.end(call.body);
  return promise;
}
