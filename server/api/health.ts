import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { Metrics } from './metrics.ts';
import type { MetricsParts } from './metrics.ts';
import type { AdminParts } from './parts.ts';

/** What health and metrics read. */
export type HealthParts = MetricsParts & Pick<AdminParts, 'db' | 'layout' | 'version'>;

/**
 * `/healthz` (the process answers), `/readyz` (it can do its work; 503 with the reasons when not) and `/metrics`, on
 * whichever door they are registered.
 */
export function registerHealth(app: FastifyInstance, parts: HealthParts): void {
  const metrics = new Metrics(parts);
  app.addHook('onClose', (_app, done) => {
    metrics.close();
    done();
  });
  app.get('/healthz', (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ status: 'ok', version: parts.version }),
  );
  app.get('/readyz', async (_request, reply) => {
    const reasons = await unreadyReasons(parts);
    reply.header('cache-control', 'no-store').status(reasons.length === 0 ? 200 : 503);
    return reply.send(reasons.length === 0 ? { status: 'ready' } : { status: 'not ready', reasons });
  });
  app.get('/metrics', async (_request, reply) => {
    const text = await metrics.text();
    return reply.header('cache-control', 'no-store').type(metrics.contentType).send(text);
  });
}

/** Why the mirror can't do its work, each a sentence; a full disk is no reason: it goes on serving. */
async function unreadyReasons({ db, layout, control }: HealthParts): Promise<string[]> {
  const reasons: string[] = [];
  if (!control.status().listening) reasons.push('the mirror listener is closed');
  try {
    db.prepare('SELECT id FROM storage_totals').get();
  } catch {
    reasons.push('the database cannot be read');
  }
  try {
    await access(layout.storage, constants.R_OK | constants.W_OK);
  } catch {
    reasons.push('the content folder cannot be used');
  }
  return reasons;
}
