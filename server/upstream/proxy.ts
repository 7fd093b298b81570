import { isInRange } from './addresses.ts';

/** The environment's proxies as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say. */
export interface ProxyEnvironment {
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  readonly noProxy?: string | undefined;
}

/**
 * The proxy a request to `url` goes through, or undefined for none. A proxy set for the upstream holds for all it leads
 * to; else the environment's, which spares loopback and what `NO_PROXY` lists, as other registry clients do.
 */
export function chooseProxy(url: URL, own: string, environment: ProxyEnvironment = {}): string | undefined {
  if (own !== '') return own;
  const proxy = url.protocol === 'https:' ? environment.httpsProxy : environment.httpProxy;
  if (proxy === undefined || proxy === '') return undefined;
  const host = bareHost(url);
  if (host === 'localhost' || isInRange(host, '127.0.0.0/8') || isInRange(host, '::1/128')) return undefined;
  return isSpared(url, host, environment.noProxy ?? '') ? undefined : proxy;
}

function isSpared(url: URL, host: string, noProxy: string): boolean {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInRange(host, entry);
  const withPort = /^(.*[^:]):(\d{1,5})$/.exec(entry);
  if (withPort !== null && withPort[2] !== port) return false;
  const name = (withPort?.[1] ?? entry).replace(/^\[|\]$/g, '');
  const domain = name.replace(/^\*?\./, '');
  return host.endsWith(`.${domain}`) || (host === domain && !/^\*?\./.test(name));
}

/** The host of a URL without the brackets of an IPv6 address. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
