import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isLoopback, parseAddress } from '../config/address.ts';
import { RequestError } from '../errors.ts';
import { InvalidInput } from './problems.ts';

/**
 * Scripts and files from this origin only. Styles may be inline: the window's components write their variables so, and a
 * style can't act.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const securityHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

const readMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const bodyMethods: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/**
 * Lets in what comes from this machine's own window and nothing a web page elsewhere can send: the name asked for must be
 * ours (a name that was made to point here is not: DNS rebinding), and so must the origin of what changes something (CSRF).
 */
export function guard(app: FastifyInstance, adminListen: string): void {
  const ownHost = parseAddress(adminListen)?.host.toLowerCase();
  app.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
    reply.headers(securityHeaders);
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
    done(refusal(request, ownHost));
  });
}

function refusal(request: FastifyRequest, ownHost: string | undefined): Error | undefined {
  const { headers, method, url } = request;
  const host = hostName(headers.host);
  if (host === undefined || !(isLoopback(host) || host === ownHost)) {
    return new RequestError(
      'DENIED',
      'this address is not the window’s: ask for it by a loopback name such as 127.0.0.1',
    );
  }
  const site = headers['sec-fetch-site'];
  if (url.startsWith('/api/') && site !== undefined && site !== 'same-origin' && site !== 'none') {
    return new RequestError('DENIED', 'a page of another origin may not use the admin API');
  }
  if (readMethods.has(method)) return undefined;
  if (!isOwnOrigin(headers.origin, headers.host))
    return new RequestError('DENIED', 'a page of another origin may not change anything here');
  if (bodyMethods.has(method) && mediaTypeOf(headers['content-type']) !== 'application/json') {
    return new InvalidInput(['what changes something must be sent as application/json']);
  }
  return undefined;
}

/** The Host header's name without port and brackets, in lower case. The client controls it. */
function hostName(host: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@]+))(?::\d{1,5})?$/i.exec(host ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/** Programs send no Origin; browsers always do when something may change. */
function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true;
  const url = URL.parse(origin);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.host === host?.toLowerCase();
}

function mediaTypeOf(contentType: string | undefined): string {
  return contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
}
