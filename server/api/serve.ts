import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { Rollback } from '../cache/rollback.ts';
import { nextRequestId } from '../http/request-context.ts';
import { Inventory } from '../storage/inventory.ts';
import { Pins } from '../storage/pins.ts';
import { Removal } from '../storage/removal.ts';
import { serveRoutes } from './call.ts';
import type { Admin } from './call.ts';
import { EventStream } from './event-stream.ts';
import { guard } from './guard.ts';
import { registerHealth } from './health.ts';
import type { AdminParts } from './parts.ts';
import { isBug, problemOf, retryAfterSeconds } from './problems.ts';
import { serveRenderer } from './renderer-files.ts';
import { accountRoutes } from './routes/accounts.ts';
import { auditRoutes } from './routes/audit.ts';
import { auditProofRoutes } from './routes/audit-proof.ts';
import { cacheRoutes } from './routes/cache.ts';
import { contentRoutes } from './routes/content.ts';
import { gcRoutes } from './routes/gc.ts';
import { historyRoutes } from './routes/history.ts';
import { matchRoutes } from './routes/match.ts';
import { policyRoutes } from './routes/policy.ts';
import { repositoryRoutes } from './routes/repositories.ts';
import { retentionRoutes } from './routes/retention.ts';
import { scrubRoutes } from './routes/scrub.ts';
import { statusRoutes } from './routes/status.ts';
import { storageRoutes } from './routes/storage.ts';
import { trustRoutes } from './routes/trust.ts';
import { upstreamRoutes } from './routes/upstreams.ts';
import { zotDataRoutes } from './routes/zot-data.ts';
import { zotRoutes } from './routes/zot.ts';

/** The largest body is Docker's config.json. */
const bodyLimitBytes = 1024 * 1024;

/**
 * The admin listener's application: the admin API, its event stream, health, metrics and the window's files. It does not
 * listen; whoever opens the door calls `ready()` first. `close()` ends the event streams.
 */
export function createAdminApi(parts: AdminParts): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: bodyLimitBytes,
    forceCloseConnections: true,
    genReqId: nextRequestId,
  });
  const events = new EventStream(parts);
  const admin: Admin = {
    parts,
    events,
    inventory: new Inventory(parts.db),
    removal: new Removal(parts.db, parts.layout, parts.leases),
    pins: new Pins(parts.db),
    rollback: openRollback(parts),
  };
  // the only other type Fastify reads by itself; forms of other origins can send it
  app.removeContentTypeParser('text/plain');
  guard(app, parts.settings.adminListen);
  tellProblems(app, parts);
  registerHealth(app, parts);
  serveEvents(app, events);
  serveRoutes(app, parts, {
    ...statusRoutes(admin),
    ...auditRoutes(admin),
    ...auditProofRoutes(admin),
    ...upstreamRoutes(admin),
    ...accountRoutes(admin),
    ...matchRoutes(admin),
    ...cacheRoutes(admin),
    ...contentRoutes(admin),
    ...storageRoutes(admin),
    ...gcRoutes(admin),
    ...historyRoutes(admin),
    ...policyRoutes(admin),
    ...repositoryRoutes(admin),
    ...retentionRoutes(admin),
    ...scrubRoutes(admin),
    ...trustRoutes(admin),
    ...zotRoutes(admin),
    ...zotDataRoutes(admin),
  });
  serveRenderer(app, parts.rendererDirectory);
  // what it works on is closed next
  app.addHook('onClose', () => parts.zotData.cancel());
  return app;
}

function openRollback(parts: AdminParts): Rollback {
  return new Rollback({
    ...parts,
    sparse: parts.settings.push.sparse,
    changed: (repository) => {
      parts.control.contentChanged(repository);
    },
  });
}

/** Every failure is problem JSON; only bugs are logged, once, here. */
function tellProblems(app: FastifyInstance, parts: AdminParts): void {
  app.setErrorHandler((error, request, reply) => {
    if (isBug(error))
      parts.log.error('an admin request failed unexpectedly', {
        requestId: request.id,
        method: request.method,
        path: request.url.split('?')[0],
        error,
      });
    const problem = problemOf(error, request.id);
    const wait = retryAfterSeconds(error);
    if (wait !== undefined) reply.header('retry-after', String(wait));
    return reply
      .status(problem.status)
      .header('cache-control', 'no-store')
      .type('application/problem+json')
      .send(JSON.stringify(problem));
  });
}

function serveEvents(app: FastifyInstance, events: EventStream): void {
  app.get('/api/v1/events', { exposeHeadRoute: false }, (_request, reply) => {
    events.assertRoom();
    reply.hijack();
    events.open(reply.raw, reply.getHeaders());
  });
  app.addHook('preClose', (done) => {
    events.close();
    done();
  });
}
