import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { AdminParts } from './parts.ts';

/** What the page tells of. */
export type FrontPageParts = Pick<AdminParts, 'control' | 'version'>;

/**
 * `GET /` of the mirror listener: a person who opens its address in a browser reads what it is and how to pull through it;
 * a program that asks for JSON gets the same as JSON.
 */
export function registerFrontPage(app: FastifyInstance, { control, version }: FrontPageParts): void {
  app.get('/', (request, reply) => {
    const pullExample = exampleAt(request.headers.host, control.status().pullExample);
    reply.header('cache-control', 'no-store').header('vary', 'accept').header('x-content-type-options', 'nosniff');
    if (wantsJson(request.headers.accept))
      return reply.send({ product: 'Zhi Mirror', version, registry: '/v2/', health: '/healthz', pullExample });
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', contentSecurityPolicy)
      .header('referrer-policy', 'no-referrer')
      .send(frontPage(pullExample));
  });
}

/** Whether JSON is asked for by name; a browser asks for HTML, and curl for anything. PURE. */
export function wantsJson(accept: string | undefined): boolean {
  return accept !== undefined && /application\/(?:[\w.-]+\+)?json/i.test(accept) && !/text\/html/i.test(accept);
}

/** The example for somebody who reached the mirror as `host`, which the client controls: what is no host is not repeated. PURE. */
export function exampleAt(host: string | undefined, example: string): string {
  if (host === undefined || !/^(?:[\w.-]{1,253}|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(host)) return example;
  return example.replace(/(?:[\w.-]+|\[[\da-f:.]+\]):\d{1,5}(?=\/)/i, host);
}

const style = `
:root { color-scheme: light dark }
body { max-width: 44rem; margin: 3rem auto; padding: 0 1.25rem; font: 1rem/1.55 system-ui, sans-serif }
pre { padding: .8rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid color-mix(in srgb, currentcolor 35%, transparent); border-radius: 6px }
code, pre { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .92em }
`;

const contentSecurityPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

function frontPage(pullExample: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Zhi Mirror</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Zhi Mirror</h1>
<p>This is a mirror of container registries. Clients pull images and other artifacts through it; it fetches each once, checks every byte and keeps it. It is not made for browsers: registry clients talk to it under <code>/v2/</code>.</p>
<h2>Pull through it</h2>
<pre>${escapeHtml(pullExample)}</pre>
<p>To pull from another registry, write its name in front of the repository, as in <code>ghcr.io/org/app:v1</code>, after the address of this mirror.</p>
<p><a href="/healthz">Is it running?</a> · <a href="/readyz">Can it do its work?</a></p>
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
