import { upstreamName } from './schema.ts';
import type { UpstreamInput } from './schema.ts';

/** What the upstreams are when nobody named any, the most used ones first. */
export const starterUpstreams: readonly string[] = ['docker.io', 'ghcr.io', 'quay.io', 'registry.k8s.io'];

/** The names under which Docker Hub is known; clients and people write all of them. */
const dockerHubHosts: ReadonlySet<string> = new Set([
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
  'registry.hub.docker.com',
]);

export type UpstreamText = { readonly upstream: UpstreamInput } | { readonly problem: string };

/** One of Docker Hub's names becomes `docker.io`, any other host is left, in lower case. */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  return dockerHubHosts.has(lower) ? 'docker.io' : lower;
}

/**
 * Reads an upstream written as a host (`ghcr.io`, `registry.test:5000`) or as a URL, which is needed where it is plain
 * HTTP or has a path: its host, with the port, becomes the name, and `https://` with nothing more is what a name means anyway. The problem is worded to follow the setting's name.
 */
export function parseUpstreamText(text: string): UpstreamText {
  const written = text.trim();
  if (!written.includes('://')) return parseHost(written);
  const problem = upstreamUrlProblem(written);
  if (problem !== undefined) return { problem };
  const url = new URL(written);
  const name = canonicalHost(url.host);
  const isPlain = url.protocol === 'https:' && trimSlash(url.pathname) === '';
  return { upstream: isPlain ? { name } : { name, urls: [trimSlash(written)] } };
}

/** Why `text` cannot be an upstream's base URL, to follow the setting's name; undefined when it can. */
export function upstreamUrlProblem(text: string): string | undefined {
  const url = URL.parse(text);
  if (url !== null && (url.username !== '' || url.password !== ''))
    return 'holds a user name or password; write them under accounts of the upstream';
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.host === '')
    return `${quote(text)} is not a host such as "ghcr.io" or a URL such as "http://127.0.0.1:5001"`;
  if (url.search !== '' || url.hash !== '') return 'must be a base URL without "?" and "#"';
  if (!upstreamName.safeParse(url.host).success) return `${quote(text)} does not name a host such as "ghcr.io"`;
  return undefined;
}

/** Two writings of the same base URL. */
export function isSameUrl(one: string, other: string): boolean {
  const left = URL.parse(one);
  const right = URL.parse(other);
  return left !== null && right !== null && trimSlash(left.href) === trimSlash(right.href);
}

function parseHost(text: string): UpstreamText {
  const host = canonicalHost(text);
  if (upstreamName.safeParse(host).success) return { upstream: { name: host } };
  if (text.includes('@'))
    return { problem: 'holds a user name or password; write them under accounts of the upstream' };
  if (text.includes('/'))
    return { problem: `${quote(text)} has a path; write the host alone, or a URL such as "https://${text}"` };
  return { problem: `${quote(text)} is not a host such as "ghcr.io" or a URL such as "http://127.0.0.1:5001"` };
}

function trimSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function quote(text: string): string {
  return text.includes('@') ? 'the value' : JSON.stringify(text.slice(0, 200));
}
