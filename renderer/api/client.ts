import { routes } from '../../server/api/contract.ts';
import type { RouteBody, RouteName, RouteQuery, RouteResponse } from '../../server/api/contract.ts';
import { problemFrom, unreachable } from './problem.ts';

/** What a call takes: only the parts its route has. */
export type CallInput<N extends RouteName> = (keyof RouteQuery<N> extends never
  ? { readonly query?: undefined }
  : { readonly query?: RouteQuery<N> }) &
  (RouteBody<N> extends undefined ? { readonly body?: undefined } : { readonly body: RouteBody<N> }) & {
    readonly signal?: AbortSignal | undefined;
  };

/**
 * Calls one route of the admin API.
 * @throws ApiError with the server's own code, or WINDOW_UNREACHABLE when nothing answered
 */
export async function call<N extends RouteName>(name: N, input: CallInput<N>): Promise<RouteResponse<N>> {
  const route = routes[name];
  const answer = await send(routeUrl(route.path, input.query), {
    method: route.method,
    headers: headersFor(input.body),
    credentials: 'same-origin',
    ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  });
  const text = await answer.text();
  const body = parseJson(text);
  if (!answer.ok) throw problemFrom(answer.status, body);
  // Same origin, same release: the server has checked this answer against the schema the type is made from.
  return body as RouteResponse<N>;
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw unreachable();
  }
}

function headersFor(body: unknown): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  return headers;
}

/** Path and query of a route; absent and empty values are left out. */
export function routeUrl(path: string, query: Readonly<Record<string, unknown>> | undefined): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (typeof value === 'string' && value !== '') parameters.set(key, value);
    if (typeof value === 'number' || typeof value === 'boolean') parameters.set(key, String(value));
  }
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}

function parseJson(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
