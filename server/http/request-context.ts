import type { IncomingMessage, ServerResponse } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** One request as every layer below sees it. */
export interface RequestContext {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Unique over restarts; also in the answer's `X-Request-Id` on errors, in logs and audit. */
  readonly id: string;
  /** Of the clock's `monotonic()`. */
  readonly startedAt: number;
  readonly clientIp: string;
  /** Who the client proved to be (mTLS subject); undefined for anonymous. */
  readonly user: string | undefined;
  readonly userAgent: string | undefined;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

const boot = Math.floor(Math.random() * 36 ** 6).toString(36);
let counter = 0;

/** A request id: short, unique within a process and, with the random part, over restarts. */
export function nextRequestId(): string {
  counter += 1;
  return `${boot}-${counter.toString(36)}`;
}

/** Turns addresses and CIDR ranges into a list to test peers against; whatever is neither is left out (the settings' check names it). */
export function trustedProxyList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIP(address);
    if (family === 0) continue;
    const type = family === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) list.addAddress(address, type);
    else list.addSubnet(address, Number(bits), type);
  }
  return list;
}

/** The peer's address, IPv4 written plainly. */
export function peerAddress(request: IncomingMessage): string {
  const address = request.socket.remoteAddress ?? '';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/**
 * The client's address: the peer's, or, when the peer is a configured proxy, the last address of `X-Forwarded-For` that
 * is not one. Anybody can write that header, so nobody else's is believed.
 */
export function clientAddress(request: IncomingMessage, trusted: BlockList): string {
  const isTrusted = (ip: string): boolean => isIP(ip) !== 0 && trusted.check(ip, isIP(ip) === 4 ? 'ipv4' : 'ipv6');
  const peer = peerAddress(request);
  const forwarded = request.headers['x-forwarded-for'];
  if (typeof forwarded !== 'string' || !isTrusted(peer)) return peer;
  const hops = forwarded
    .split(',')
    .map((hop) => hop.trim())
    .filter((hop) => isIP(hop) !== 0);
  return hops.findLast((hop) => !isTrusted(hop)) ?? peer;
}

const users = new WeakMap<object, string | undefined>();

/** The common name of the client certificate the connection proved, read once per connection. */
export function certificateUser(request: IncomingMessage): string | undefined {
  const socket = request.socket;
  if (!('getPeerCertificate' in socket)) return undefined;
  if (users.has(socket)) return users.get(socket);
  const tls = socket as TLSSocket;
  const name = tls.authorized ? tls.getPeerCertificate().subject.CN : undefined;
  const user = Array.isArray(name) ? name[0] : name;
  users.set(socket, user);
  return user;
}

/** Puts a context around a request. */
export function requestContext(
  request: IncomingMessage,
  response: ServerResponse,
  options: { readonly trusted: BlockList; readonly now: number },
): RequestContext {
  const gone = new AbortController();
  response.once('close', () => {
    gone.abort();
  });
  return {
    request,
    response,
    id: nextRequestId(),
    startedAt: options.now,
    clientIp: clientAddress(request, options.trusted),
    user: certificateUser(request),
    userAgent: request.headers['user-agent'],
    signal: gone.signal,
  };
}
