import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { errorAnswer, jsonAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import type { RecordedRequest } from './request-log.ts';

/** How the upstream wants to be asked. */
export type UpstreamAuth =
  | { readonly kind: 'none' }
  /** Everybody gets a token without credentials, as at ghcr.io for public packages. */
  | ({ readonly kind: 'anonymous-bearer' } & BearerOptions)
  /** A token needs the account; repositories in `public` are given to anybody. */
  | ({
      readonly kind: 'bearer';
      readonly username: string;
      readonly password: string;
      readonly public?: readonly string[];
    } & BearerOptions)
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** Only this ready-made Bearer token is accepted; the token service gives none. */
  | ({ readonly kind: 'registry-token'; readonly token: string } & BearerOptions);

export interface BearerOptions {
  /** Where the challenge sends the client; default: this upstream's own `/token`. */
  readonly realm?: string;
  readonly service?: string;
  /** `expires_in` of the answer, seconds; default 300. The upstream itself only forgets tokens by `revoke()`. */
  readonly tokenSeconds?: number;
  /** Which member carries the token; default both. */
  readonly tokenMember?: 'token' | 'access_token';
}

/** Issues and checks credentials for one upstream. */
export class Auth {
  mode: UpstreamAuth;
  readonly #tokens = new Map<string, readonly string[]>();

  constructor(mode: UpstreamAuth) {
    this.mode = mode;
  }

  /** Makes every token given so far worthless. */
  revoke(): void {
    this.#tokens.clear();
  }

  /** Undefined when the request may go on, else the challenge. `url` is the upstream's own base URL. */
  check(record: RecordedRequest, url: string): Answer | undefined {
    const { mode } = this;
    if (mode.kind === 'none') return undefined;
    const sent = record.headers.authorization;
    if (mode.kind === 'basic')
      return sent === basic(mode.username, mode.password) ? undefined : this.challenge(record, url);
    const token = /^Bearer (.+)$/i.exec(sent ?? '')?.[1];
    if (mode.kind === 'registry-token') return token === mode.token ? undefined : this.challenge(record, url);
    const granted = token === undefined ? undefined : this.#tokens.get(token);
    const wanted = scopeOf(record);
    return granted !== undefined && (wanted === undefined || granted.includes(wanted))
      ? undefined
      : this.challenge(record, url);
  }

  /** 401 as this upstream says it (RFC 9110 §11.6.1; distribution token specification). */
  challenge(record: RecordedRequest, url: string): Answer {
    const { mode } = this;
    const header =
      mode.kind === 'none' || mode.kind === 'basic'
        ? 'Basic realm="fake upstream"'
        : `Bearer realm="${mode.realm ?? `${url}/token`}",service="${mode.service ?? 'fake-upstream'}"${scopeMember(record)}`;
    const answer = errorAnswer(401);
    return { ...answer, headers: { ...answer.headers, 'www-authenticate': header } };
  }

  /** The answer of `GET /token`. */
  token(request: IncomingMessage): Answer {
    const { mode } = this;
    if (request.method !== 'GET') return errorAnswer(405);
    if (mode.kind !== 'anonymous-bearer' && mode.kind !== 'bearer') return errorAnswer(401);
    const scopes = new URL(request.url ?? '/', 'http://upstream').searchParams
      .getAll('scope')
      .flatMap((scope) => scope.split(' '));
    const granted = scopes.flatMap(scopeGrants);
    if (mode.kind === 'bearer' && !this.#mayHave(mode, request.headers.authorization, scopes)) return errorAnswer(401);
    const token = randomUUID();
    this.#tokens.set(token, granted);
    const members = mode.tokenMember === undefined ? { token, access_token: token } : { [mode.tokenMember]: token };
    return jsonAnswer(200, { ...members, expires_in: mode.tokenSeconds ?? 300, issued_at: new Date().toISOString() });
  }

  #mayHave(
    mode: UpstreamAuth & { readonly kind: 'bearer' },
    sent: string | undefined,
    scopes: readonly string[],
  ): boolean {
    if (sent !== undefined) return sent === basic(mode.username, mode.password);
    return scopes.every(
      (scope) =>
        /^repository:(.+):pull$/.exec(scope)?.[1] !== undefined &&
        (mode.public ?? []).includes(scope.slice('repository:'.length, -':pull'.length)),
    );
  }
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** `repository:a:pull,push` → one grant per action. */
function scopeGrants(scope: string): string[] {
  const [, resource = '', actions = ''] = /^(.+):([a-z*,]+)$/.exec(scope) ?? [];
  return actions.split(',').map((action) => `${resource}:${action}`);
}

/** What a token must have been given for this request; undefined: any token does. */
function scopeOf(record: RecordedRequest): string | undefined {
  if (record.kind === 'catalog') return 'registry:catalog:*';
  if (record.repository === undefined) return undefined;
  return `repository:${record.repository}:${record.method === 'GET' || record.method === 'HEAD' ? 'pull' : 'push'}`;
}

function scopeMember(record: RecordedRequest): string {
  const scope = scopeOf(record)?.replace(/:push$/, ':pull,push');
  return scope === undefined ? '' : `,scope="${scope}"`;
}
