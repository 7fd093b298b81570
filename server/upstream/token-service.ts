import type { AccountSettings } from '../config/schema.ts';
import { UpstreamError } from '../errors.ts';
import { identityTokenUser } from './credentials.ts';
import { readRetryAfter } from './quota.ts';
import { invalidAnswer } from './transport.ts';
import type { Answer } from './transport.ts';

export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly account: AccountSettings | undefined;
}

/** Sends a request to the token service; redirects are followed without credentials. */
export type SendToRealm = (request: {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly authorization?: string;
  readonly form?: string;
}) => Promise<Answer>;

export interface IssuedToken {
  readonly token: string;
  readonly lifetimeMs: number;
}

const tokenLimitBytes = 256 * 1024;
/** docs.docker.com/registry/spec/auth/token: 60 seconds when the service does not say, for compatibility. */
const defaultLifetimeSeconds = 60;

/**
 * Asks a token service for a pull token (docs.docker.com/registry/spec/auth/token): anonymously, with Basic, or by
 * OAuth2 with the identity token Docker's tools keep in place of a password.
 * @throws UpstreamError (UPSTREAM_UNAUTHORIZED, _LIMITED, _FAILED, _INVALID)
 */
export async function requestToken(request: TokenRequest, send: SendToRealm, now: () => number): Promise<IssuedToken> {
  const answer = await (request.account?.username === identityTokenUser
    ? sendRefresh(request, request.account.password, send)
    : sendBasic(request, send));
  if (answer.status !== 200) {
    answer.body.cancel();
    throw refusal(answer, request, now());
  }
  return readToken(await answer.body.bytes(tokenLimitBytes), request.realm.host);
}

function sendBasic({ realm, service, scopes, account }: TokenRequest, send: SendToRealm): Promise<Answer> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (account === undefined) return send({ method: 'GET', url });
  url.searchParams.set('account', account.username);
  return send({ method: 'GET', url, authorization: basicAuthorization(account) });
}

function sendRefresh(
  { realm, service, scopes }: TokenRequest,
  refreshToken: string,
  send: SendToRealm,
): Promise<Answer> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service: service ?? realm.host,
    client_id: 'zhi-mirror',
    scope: scopes.join(' '),
    refresh_token: refreshToken,
  });
  return send({ method: 'POST', url: realm, form: form.toString() });
}

/** The value of `Authorization` for Basic (RFC 7617, UTF-8). */
export function basicAuthorization({ username, password }: AccountSettings): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

function refusal({ status, headers }: Answer, { realm, account }: TokenRequest, now: number): UpstreamError {
  const options = { value: realm.host, status, retryAfterMs: readRetryAfter(headers, now) };
  if (status === 429)
    return new UpstreamError('UPSTREAM_LIMITED', `the token service ${realm.host} limits requests`, options);
  if (status >= 500) {
    return new UpstreamError(
      'UPSTREAM_FAILED',
      `the token service ${realm.host} failed with ${String(status)}`,
      options,
    );
  }
  const who = account === undefined ? 'an anonymous pull' : 'the account';
  return new UpstreamError(
    'UPSTREAM_UNAUTHORIZED',
    `the token service ${realm.host} refused ${who} (${String(status)})`,
    {
      value: realm.host,
      status,
    },
  );
}

function readToken(bytes: Buffer, host: string): IssuedToken {
  const fields = parseObject(bytes);
  const token = fields.token ?? fields.access_token;
  // it becomes a header, and the token service controls every character
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw invalidAnswer(host, 'answered the token request with something that holds no token', 200);
  }
  const seconds = Number(fields.expires_in);
  return { token, lifetimeMs: (seconds > 0 ? seconds : defaultLifetimeSeconds) * 1000 };
}

function parseObject(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // not quoted in an error: it may hold a token
    return {};
  }
}
