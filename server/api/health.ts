import type { FastifyInstance } from 'fastify';
import type { AdminParts } from './parts.ts';
/** placeholder until the routes land */
export function registerHealth(app: FastifyInstance, parts: AdminParts): void {
  void parts;
  app.get('/healthz', () => ({ status: 'ok' }));
}
