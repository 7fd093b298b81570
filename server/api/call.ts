import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Rollback } from '../cache/rollback.ts';
import { peerAddress } from '../http/request-context.ts';
import type { Inventory } from '../storage/inventory.ts';
import type { Pins } from '../storage/pins.ts';
import type { Removal } from '../storage/removal.ts';
import { routes } from './contract.ts';
import type { RouteBody, RouteName, RouteResponse } from './contract.ts';
import type { EventStream } from './event-stream.ts';
import type { AdminParts } from './parts.ts';
import { invalidInput } from './problems.ts';

/** What every group of routes stands on. */
export interface Admin {
  readonly parts: AdminParts;
  readonly inventory: Inventory;
  readonly removal: Removal;
  readonly pins: Pins;
  readonly rollback: Rollback;
  readonly events: EventStream;
}

/** Who asked, for the audit. */
export interface Actor {
  readonly clientIp: string;
  readonly userAgent: string | undefined;
  readonly requestId: string;
}

/** One call of a route, checked. */
export interface Call<N extends RouteName> {
  readonly query: z.output<(typeof routes)[N]['query']>;
  readonly body: z.output<(typeof routes)[N]['body']>;
  /** The body as it was written, durations still text; it has passed the same check. */
  readonly written: RouteBody<N>;
  readonly actor: Actor;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

export type Handlers = { readonly [N in RouteName]: (call: Call<N>) => RouteResponse<N> | Promise<RouteResponse<N>> };

/** Serves every route of the contract: query and body checked by its schemas, the answer too. */
export function serveRoutes(app: FastifyInstance, parts: AdminParts, handlers: Handlers): void {
  for (const name of Object.keys(routes) as RouteName[]) serveRoute(app, parts, handlers, name);
}

function serveRoute(app: FastifyInstance, parts: AdminParts, handlers: Handlers, name: RouteName): void {
  const route = routes[name];
  // one of many functions, each for its own route: what it is given has passed that route's own schemas
  const handle: (call: never) => unknown = handlers[name];
  app.route({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      const call: Omit<Call<RouteName>, 'query' | 'body'> & { readonly query: unknown; readonly body: unknown } = {
        query: parse(route.query, request.query),
        body: parse(route.body, request.body ?? undefined),
        written: request.body as RouteBody<RouteName>,
        actor: actorOf(request),
        signal: goneSignal(reply),
      };
      const answer = await handle(call as never);
      const checked = route.response.safeParse(answer);
      // the window trusts the contract: an answer that breaks it is a bug of ours, and told as one
      if (!checked.success) throw new Error(`the answer of ${name} breaks the contract: ${checked.error.message}`);
      parts.log.trace('admin call', { name, requestId: request.id });
      return reply.send(answer);
    },
  });
}

function parse(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (!result.success) throw invalidInput(result.error);
  return result.data;
}

function actorOf(request: FastifyRequest): Actor {
  return { clientIp: peerAddress(request.raw), userAgent: request.headers['user-agent'], requestId: request.id };
}

function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    gone.abort();
  });
  return gone.signal;
}
