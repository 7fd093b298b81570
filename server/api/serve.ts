import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import type { AdminParts } from './parts.ts';
/** placeholder until the routes land */
export function createAdminApi(parts: AdminParts): FastifyInstance {
  void parts;
  return fastify();
}
