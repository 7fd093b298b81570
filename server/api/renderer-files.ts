import { existsSync } from 'node:fs';
import { join, sep } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RequestError } from '../errors.ts';

const page = 'index.html';

/**
 * Serves the window's built files. Files under `assets/` carry their hash in the name and never change; the rest is asked
 * about each time. A path without a file is the window itself, which knows its own pages.
 */
export function serveRenderer(app: FastifyInstance, directory: string | undefined): void {
  const isBuilt = directory !== undefined && existsSync(join(directory, page));
  if (isBuilt) {
    const assets = join(directory, 'assets') + sep;
    void app.register(fastifyStatic, {
      root: directory,
      cacheControl: false,
      dotfiles: 'ignore',
      setHeaders: (reply, path) => {
        reply.header('cache-control', path.startsWith(assets) ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
  }
  app.setNotFoundHandler((request, reply) => {
    if (isBuilt && wantsPage(request)) return reply.sendFile(page);
    throw new RequestError(
      'NOT_FOUND',
      isBuilt || !wantsPage(request)
        ? 'there is nothing at this address'
        : 'the window’s files are not built; "npm run build" makes them',
    );
  });
}

/** A browser that opens an address; a missing script or picture is told as missing. */
function wantsPage({ method, url, headers }: FastifyRequest): boolean {
  const path = url.split('?')[0] ?? '';
  const isRead = method === 'GET' || method === 'HEAD';
  const isFile = /\.[a-z0-9]+$/i.test(path);
  return isRead && !isFile && !path.startsWith('/api/') && (headers.accept ?? '').includes('text/html');
}
