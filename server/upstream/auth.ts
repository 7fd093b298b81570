import type { AccountSettings } from '../config/schema.ts';
import { UpstreamError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import { SingleFlight } from '../lib/concurrency.ts';
import { parseChallenges } from './challenge.ts';
import type { Challenge } from './challenge.ts';
import { chooseAccount, isSameAccount } from './credentials.ts';
import { cancelled } from './fault.ts';
import type { Endpoint } from './names.ts';
import { basicAuthorization, requestToken } from './token-service.ts';
import type { IssuedToken, SendToRealm, TokenRequest } from './token-service.ts';
import { invalidAnswer } from './transport.ts';

/** What is asked for: a repository's name on the wire at one of the upstream's URLs; empty for the registry itself. */
export interface AuthTarget {
  readonly endpoint: Endpoint;
  readonly repository: string;
}

export interface AuthenticatorOptions {
  /** The accounts of now, decrypted. */
  readonly accounts: () => readonly AccountSettings[];
  /** Sends to a token service a challenge of `endpoint` named. Not bound to any client's signal: many may wait. */
  readonly send: (endpoint: Endpoint) => SendToRealm;
  readonly clock: Clock;
}

interface CachedToken {
  readonly authorization: string;
  readonly account: AccountSettings | undefined;
  /** By the monotonic clock. */
  readonly staleAt: number;
}

interface BearerRealm {
  readonly realm: URL;
  readonly service: string | undefined;
}

const tokenLimit = 2000;

/**
 * Knows what to put into `Authorization` for each repository: ready-made tokens, Basic, and Bearer tokens per scope,
 * fetched once for all who wait and kept until shortly before they expire. Once an upstream has challenged, further
 * repositories get their token without being challenged first.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #flights = new SingleFlight<string, CachedToken>();
  readonly #tokens = new Map<string, CachedToken>();
  /** The last challenge of each origin. */
  readonly #challenges = new Map<string, 'basic' | BearerRealm>();
  /** Scopes an upstream named that differ from the usual one. */
  readonly #scopes = new Map<string, readonly string[]>();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** What to send at once, without a challenge. @throws UpstreamError of the token service */
  async prepare(target: AuthTarget, signal: AbortSignal): Promise<string | undefined> {
    const account = this.#accountFor(target);
    if (account !== undefined && account.registryToken !== '') return `Bearer ${account.registryToken}`;
    const challenge = this.#challenges.get(target.endpoint.origin);
    if (challenge === undefined) return undefined;
    if (challenge === 'basic') return account === undefined ? undefined : basicAuthorization(account);
    try {
      return (await this.#token(target, challenge, account, signal)).authorization;
    } catch (error) {
      // the token service may have moved, or be no longer wanted: the next request lets the upstream say
      if (error instanceof UpstreamError && this.#challenges.get(target.endpoint.origin) === challenge)
        this.#challenges.delete(target.endpoint.origin);
      throw error;
    }
  }

  /**
   * Answers a 401 to a request that carried `sent`; undefined when there is nothing better to send.
   * @throws UpstreamError (UPSTREAM_UNAUTHORIZED, UPSTREAM_INVALID, or what the token service did)
   */
  async answer(
    target: AuthTarget,
    header: string | undefined,
    sent: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const account = this.#accountFor(target);
    if (account !== undefined && account.registryToken !== '') return undefined;
    const challenges = parseChallenges(header ?? '');
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return await this.#answerBearer(target, bearer, sent, signal);
    if (!challenges.some(({ scheme }) => scheme === 'basic')) return undefined;
    this.#challenges.set(target.endpoint.origin, 'basic');
    const authorization = account === undefined ? undefined : basicAuthorization(account);
    return authorization === sent ? undefined : authorization;
  }

  async #answerBearer(
    target: AuthTarget,
    { parameters }: Challenge,
    sent: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { endpoint } = target;
    const realm = readRealm(parameters.realm, endpoint);
    if (parameters.scope !== undefined && parameters.scope !== '') {
      remember(this.#scopes, `${endpoint.origin} ${target.repository}`, parameters.scope.split(' '));
    }
    const account = this.#accountFor(target);
    const bearer = { realm, service: parameters.service };
    const key = this.#keyOf(target, bearer);
    // somebody else may have renewed it meanwhile
    if (this.#tokens.get(key)?.authorization === sent) this.#tokens.delete(key);
    const { authorization } = await this.#token(target, bearer, account, signal);
    // only what gave a token is used for other repositories without being asked
    this.#challenges.set(endpoint.origin, bearer);
    return authorization === sent ? undefined : authorization;
  }

  #accountFor({ repository }: AuthTarget): AccountSettings | undefined {
    return chooseAccount(this.#options.accounts(), repository);
  }

  async #token(
    target: AuthTarget,
    bearer: BearerRealm,
    account: AccountSettings | undefined,
    signal: AbortSignal,
  ): Promise<CachedToken> {
    const key = this.#keyOf(target, bearer);
    const cached = this.#tokens.get(key);
    if (
      cached !== undefined &&
      isSameAccount(cached.account, account) &&
      this.#options.clock.monotonic() < cached.staleAt
    ) {
      return cached;
    }
    if (account !== undefined) assertMayCarryCredentials(bearer.realm, target.endpoint);
    const request: TokenRequest = { ...bearer, scopes: this.#scopesOf(target), account };
    const flight = this.#flights.run(`${key} ${account?.path ?? ''} ${account?.username ?? ''}`, () =>
      this.#fetch(key, request, target.endpoint),
    );
    return await unlessAborted(flight, signal);
  }

  async #fetch(key: string, request: TokenRequest, endpoint: Endpoint): Promise<CachedToken> {
    const { clock, send } = this.#options;
    const startedAt = clock.monotonic();
    const issued = await requestToken(request, send(endpoint), () => clock.now());
    const cached = {
      authorization: `Bearer ${issued.token}`,
      account: request.account,
      staleAt: startedAt + usableMs(issued),
    };
    remember(this.#tokens, key, cached);
    return cached;
  }

  #scopesOf({ endpoint, repository }: AuthTarget): readonly string[] {
    if (repository === '') return [];
    return this.#scopes.get(`${endpoint.origin} ${repository}`) ?? [`repository:${repository}:pull`];
  }

  #keyOf(target: AuthTarget, { realm, service }: BearerRealm): string {
    return JSON.stringify([target.endpoint.origin, realm.href, service, this.#scopesOf(target)]);
  }
}

/** Renewed a little early, so that no token expires on its way. */
function usableMs({ lifetimeMs }: IssuedToken): number {
  return lifetimeMs - Math.min(10_000, lifetimeMs * 0.2);
}

/** The realm is chosen by the upstream: only http(s), and not less protected than the upstream itself. */
function readRealm(text: string | undefined, endpoint: Endpoint): URL {
  const host = new URL(endpoint.origin).host;
  const realm = text === undefined ? null : URL.parse(text, endpoint.origin);
  if (realm === null || !/^https?:$/.test(realm.protocol)) {
    throw invalidAnswer(host, 'asks for a token but names no http or https token service', 401);
  }
  if (endpoint.isSecure && realm.protocol === 'http:') {
    throw invalidAnswer(host, `names a token service without TLS, ${realm.host}, which is not used`, 401);
  }
  realm.username = '';
  realm.password = '';
  realm.hash = '';
  return realm;
}

/** Credentials go to the host that was challenged over TLS, or to the upstream's own host, and nowhere else. */
function assertMayCarryCredentials(realm: URL, endpoint: Endpoint): void {
  if (realm.hostname === endpoint.hostname || (endpoint.isSecure && realm.protocol === 'https:')) return;
  throw new UpstreamError(
    'UPSTREAM_UNAUTHORIZED',
    `${new URL(endpoint.origin).host} is used without TLS and names another host, ${realm.host}, as token service: the account is not sent there`,
    { value: realm.host },
  );
}

/** Keeps the newest entries only: upstreams choose how many scopes there are. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= tokenLimit) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

/** Waits for shared work, but no longer than its own signal; the work goes on for the others. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(cancelled(signal));
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(cancelled(signal));
    };
    signal.addEventListener('abort', onAbort);
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
