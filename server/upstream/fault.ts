import { MirrorError, UpstreamError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

/** Code of the error {@link forbiddenAddress} makes inside a DNS lookup, where only an Error can be handed on. */
export const forbiddenAddressCode = 'ERR_FORBIDDEN_ADDRESS';
/** undici's code for a request that was under way when its connections were closed by us. */
export const closedCode = 'UND_ERR_DESTROYED';

interface FaultKind {
  readonly code: ErrorCode;
  readonly says: string;
  /** False when asking again can't help. */
  readonly isPassing?: boolean;
}

const unreachable = (says: string, isPassing = true): FaultKind => ({ code: 'UPSTREAM_UNREACHABLE', says, isPassing });
const timeout = (says: string): FaultKind => ({ code: 'UPSTREAM_TIMEOUT', says });

/** Codes of Node's and undici's errors. */
const faults: Readonly<Record<string, FaultKind>> = {
  ECONNREFUSED: unreachable('refuses connections'),
  ECONNRESET: unreachable('cut the connection'),
  EPIPE: unreachable('cut the connection'),
  UND_ERR_SOCKET: unreachable('cut the connection'),
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: unreachable('cut the connection before the answer was complete'),
  HPE_INVALID_EOF_STATE: unreachable('cut the connection before the answer was complete'),
  ENOTFOUND: unreachable('has no such host name', false),
  EAI_AGAIN: unreachable('could not be looked up: name resolution failed'),
  EHOSTUNREACH: unreachable('could not be reached: no route to the host'),
  ENETUNREACH: unreachable('could not be reached: the network is unreachable'),
  ETIMEDOUT: timeout('did not accept a connection in time'),
  UND_ERR_CONNECT_TIMEOUT: timeout('did not accept a connection in time'),
  UND_ERR_HEADERS_TIMEOUT: timeout('did not answer in time'),
  UND_ERR_BODY_TIMEOUT: timeout('stopped sending'),
  [closedCode]: unreachable('is not asked any more: its settings changed or it was removed', false),
  UND_ERR_ABORTED: unreachable('could not be reached: the proxy refused'),
  UND_ERR_INVALID_ARG: unreachable('could not be asked, or the proxy wants credentials', false),
  UND_ERR_PRX_TLS: unreachable("could not be reached: the proxy's certificate is not trusted", false),
  UND_ERR_HEADERS_OVERFLOW: { code: 'UPSTREAM_INVALID', says: 'answered with too many headers' },
  [forbiddenAddressCode]: {
    code: 'UPSTREAM_FORBIDDEN_ADDRESS',
    says: 'has a private address, and a public upstream may not lead there (allowPrivateRedirects)',
  },
};

/** The `code` of an error of Node or undici, looked for in its causes too. */
export function faultCodeOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    const code: unknown = 'code' in at ? at.code : undefined;
    if (typeof code === 'string') return code;
    if (at.name === 'HTTPParserError') return parserCodeOf(at);
    if (at instanceof AggregateError) return faultCodeOf(at.errors[0]);
  }
  return undefined;
}

/** undici 8.12 leaves the code of its parser's errors empty; with nothing left to parse it was the end that came too early. */
function parserCodeOf(error: Error): string {
  return 'data' in error && error.data === '' ? 'HPE_INVALID_EOF_STATE' : 'HPE_INVALID';
}

/**
 * Turns what Node or undici threw into our error. `host` is who was talked to; the message names it and nothing else
 * of the URL, since query strings of blob hosts are secrets. Our own errors pass unchanged.
 */
export function toUpstreamError(error: unknown, host: string): MirrorError {
  if (error instanceof MirrorError) return error;
  const code = faultCodeOf(error) ?? '';
  const kind = faults[code] ?? kindOf(code);
  return new UpstreamError(kind.code, `${host} ${kind.says}`, { value: host, cause: error });
}

function kindOf(code: string): FaultKind {
  if (isTlsFault(code)) return unreachable(`could not be trusted: TLS failed with ${code}`, false);
  if (code.startsWith('HPE_')) return { code: 'UPSTREAM_INVALID', says: 'answered with something that is not HTTP' };
  return unreachable(code === '' ? 'could not be reached' : `could not be reached (${code})`);
}

function isTlsFault(code: string): boolean {
  return /^(?:ERR_(?:TLS|SSL)_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|EPROTO$|INVALID_(?:CA|PURPOSE))/.test(
    code,
  );
}

/** The error a lookup answers with when a host has only addresses it may not have. */
export function forbiddenAddress(host: string): Error {
  return Object.assign(new Error(`${host} has a private address`), { code: forbiddenAddressCode });
}

/** What waiting code throws when its signal is aborted: the reason itself when it is one of ours. */
export function cancelled(signal: AbortSignal): MirrorError {
  const reason: unknown = signal.reason;
  return reason instanceof MirrorError
    ? reason
    : new MirrorError('CANCELLED', 'the request was cancelled', { cause: reason });
}

/**
 * True for failures that may pass by themselves: network faults but not a wrong name or certificate, 408, and 5xx but
 * not "not implemented"; never what came with a time to wait for.
 */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof UpstreamError) || error.retryAfterMs !== undefined) return false;
  if (error.code === 'UPSTREAM_FAILED') return error.status !== 501 && error.status !== 505;
  if (error.code !== 'UPSTREAM_UNREACHABLE' && error.code !== 'UPSTREAM_TIMEOUT') return false;
  const code = faultCodeOf(error.cause) ?? '';
  return (faults[code] ?? kindOf(code)).isPassing !== false;
}

/** True when the upstream itself is in trouble, so that leaving it alone makes sense. */
export function isTrouble(error: unknown): error is UpstreamError {
  return (
    error instanceof UpstreamError &&
    (error.code === 'UPSTREAM_UNREACHABLE' || error.code === 'UPSTREAM_TIMEOUT' || error.code === 'UPSTREAM_FAILED')
  );
}
