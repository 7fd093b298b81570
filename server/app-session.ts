import type { FastifyInstance } from 'fastify';
import type { AdminSession } from './app.types.ts';

/** The admin API of this process for one command: calls go to it without a socket. */
export function sessionInside(admin: FastifyInstance, close: () => Promise<void>): AdminSession {
  return {
    send: async ({ method, path, body }) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const answer = await admin.inject({ method, url: path, headers, ...(body === undefined ? {} : { body }) });
      return { status: answer.statusCode, body: answer.body };
    },
    close,
  };
}
