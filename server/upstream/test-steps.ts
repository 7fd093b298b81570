import type { LookupAddress } from 'node:dns';
import { connect as connectTcp, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { PeerCertificate } from 'node:tls';
import type { AccountSettings } from '../config/schema.ts';
import { MirrorError, UpstreamError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import { parseManifest } from '../oci/manifest.ts';
import type { Authenticator } from './auth.ts';
import { blobAsk, readBlob } from './blobs.ts';
import { parseChallenges } from './challenge.ts';
import type { TestStep, UpstreamClient } from './client.types.ts';
import { chooseAccount } from './credentials.ts';
import { cancelled, toUpstreamError } from './fault.ts';
import { manifestAsk, readManifest } from './manifests.ts';
import { repositoryOn } from './names.ts';
import type { Endpoint } from './names.ts';
import { bareHost } from './proxy.ts';
import type { Session } from './session.ts';
import type { TlsMaterial } from './tls-material.ts';
import { headerOf, invalidAnswer } from './transport.ts';
import type { Network } from './transport.ts';

/** What a test of an upstream needs of its client. */
export interface TestParts {
  readonly name: string;
  /** The first of the upstream's URLs. */
  readonly endpoint: Endpoint;
  readonly session: Session;
  readonly authenticator: Authenticator;
  readonly proxy: string | undefined;
  readonly tls: TlsMaterial;
  readonly connectTimeoutMs: number;
  readonly accounts: () => readonly AccountSettings[];
  readonly clock: Clock;
  readonly network: Network;
}

type TestOptions = Parameters<UpstreamClient['test']>[0];
type Outcome = Pick<TestStep, 'state' | 'detail'>;

const passed = (detail: string): Outcome => ({ state: 'passed', detail });
const skipped = (detail: string): Outcome => ({ state: 'skipped', detail });

/**
 * Checks an upstream step by step, past the circuit breaker, and tells each step as it ends; after a failed step the
 * rest is skipped. A test that reached the registry closes the breaker.
 * @throws MirrorError (CANCELLED) only
 */
export async function runTestSteps(
  parts: TestParts,
  options: TestOptions,
  signal: AbortSignal,
): Promise<readonly TestStep[]> {
  const test = new UpstreamTest(parts, options, signal);
  const steps: TestStep[] = [];
  let isBroken = false;
  try {
    for (const step of ['dns', 'tcp', 'tls', 'token', 'pull', 'quota'] as const) {
      const startedAt = parts.clock.monotonic();
      const outcome: Outcome = isBroken
        ? skipped('an earlier step failed')
        : await outcomeOf(() => test[step](), parts.name, signal);
      isBroken ||= outcome.state === 'failed';
      const done: TestStep = { step, ...outcome, durationMs: Math.round(parts.clock.monotonic() - startedAt) };
      steps.push(done);
      options.onStep?.(done);
    }
  } finally {
    test.close();
  }
  if (!isBroken) parts.session.retryNow();
  return steps;
}

async function outcomeOf(run: () => Promise<Outcome>, name: string, signal: AbortSignal): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    if (signal.aborted) throw cancelled(signal);
    return {
      state: 'failed',
      detail: error instanceof MirrorError ? error.message : toUpstreamError(error, name).message,
    };
  }
}

class UpstreamTest {
  readonly #parts: TestParts;
  readonly #options: TestOptions;
  readonly #signal: AbortSignal;
  readonly #url: URL;
  readonly #startedAt: number;
  #address = '';
  #socket: Socket | undefined;

  constructor(parts: TestParts, options: TestOptions, signal: AbortSignal) {
    this.#parts = parts;
    this.#options = options;
    this.#signal = signal;
    this.#url = new URL(parts.proxy ?? parts.endpoint.origin);
    this.#startedAt = parts.clock.now();
  }

  async dns(): Promise<Outcome> {
    const host = bareHost(this.#url);
    const addresses = await this.#lookup(host);
    this.#address = addresses[0]?.address ?? host;
    const found = addresses.map(({ address }) => address).join(', ');
    return passed(this.#parts.proxy === undefined ? `${host} is ${found}` : `the proxy ${host} is ${found}`);
  }

  async tcp(): Promise<Outcome> {
    const port = Number(this.#url.port) || (this.#url.protocol === 'https:' ? 443 : 80);
    const socket = connectTcp({ host: this.#address, port });
    this.#socket = socket;
    await this.#connected(socket, 'connect');
    const where = `${this.#address} port ${String(port)}`;
    return passed(this.#parts.proxy === undefined ? `connected to ${where}` : `connected to the proxy at ${where}`);
  }

  async tls(): Promise<Outcome> {
    const { endpoint, proxy, tls } = this.#parts;
    if (!endpoint.isSecure) return skipped('plain HTTP: anybody on the way can read and change what is pulled');
    if (proxy !== undefined || this.#socket === undefined)
      return skipped("inside the proxy's tunnel: checked by the next step");
    const host = bareHost(this.#url);
    const socket = connectTls({
      socket: this.#socket,
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      rejectUnauthorized: tls.verify,
      ALPNProtocols: ['http/1.1'],
      ...(tls.own === undefined ? {} : { secureContext: tls.own }),
    });
    this.#socket = socket;
    await this.#connected(socket, 'secureConnect');
    const trust = socket.authorized
      ? ''
      : `; NOT trusted (${socket.authorizationError.message}), but verification is off`;
    return passed(
      `${socket.getProtocol() ?? 'TLS'}, certificate issued by ${issuerOf(socket.getPeerCertificate())}${trust}`,
    );
  }

  async token(): Promise<Outcome> {
    const { endpoint, session, name } = this.#parts;
    this.close();
    const url = new URL(`${endpoint.origin}/v2/`);
    const { answer } = await session.send(endpoint, {
      method: 'GET',
      url,
      headers: {},
      authorization: undefined,
      signal: this.#signal,
    });
    answer.body.cancel();
    if (answer.status === 200) return passed('the registry wants no token');
    const header = headerOf(answer, 'www-authenticate');
    if (answer.status !== 401 || header === undefined) {
      const found = `answered /v2/ with status ${String(answer.status)}, so it may not be a registry`;
      throw invalidAnswer(name, found, answer.status);
    }
    return await this.#answerChallenge(header);
  }

  async #answerChallenge(header: string): Promise<Outcome> {
    const { endpoint, authenticator, name } = this.#parts;
    const repository = this.#options.repository === undefined ? '' : repositoryOn(endpoint, this.#options.repository);
    const account = chooseAccount(this.#parts.accounts(), repository);
    if (account !== undefined && account.registryToken !== '') return passed('a ready-made token is sent');
    const who = account === undefined ? 'anonymous' : `account ${account.username}`;
    try {
      const authorization = await authenticator.answer({ endpoint, repository }, header, undefined, this.#signal);
      if (authorization !== undefined) return passed(`${describeChallenge(header)}, ${who}`);
    } catch (error) {
      // some token services give nothing without the name of a repository
      const mayBeFine = repository === '' && account === undefined && isUnauthorized(error);
      if (!mayBeFine) throw error;
      return passed(`${describeChallenge(header)}; it gives anonymous tokens per repository only`);
    }
    throw new UpstreamError('UPSTREAM_UNAUTHORIZED', `${name} wants an account, and none is set for it`, {
      value: name,
    });
  }

  async pull(): Promise<Outcome> {
    const { repository, reference } = this.#options;
    if (repository === undefined || reference === undefined) return skipped('no repository and tag to try were given');
    const { name, endpoint, session } = this.#parts;
    const ask = manifestAsk(name, 'GET', repository, reference);
    const { digest, content, mediaType } = await readManifest(
      await session.exchange(endpoint, ask, this.#signal),
      ask,
      reference,
    );
    const { config } = parseManifest(content, mediaType);
    const found = `${digest}, ${String(content.length)} bytes`;
    if (config === undefined) return passed(`manifest ${found}`);
    // a blob is often at another host, which has its own ways to fail
    const blob = blobAsk(name, 'GET', repository, { digest: config.digest, offset: 0 });
    const granted = await session.exchange(endpoint, blob, this.#signal);
    readBlob(granted, blob, 0)?.body.cancel();
    return passed(`manifest ${found}; blobs come from ${granted.url.host}`);
  }

  quota(): Promise<Outcome> {
    const { quota } = this.#parts.session.health();
    if (quota === undefined || quota.seenAt < this.#startedAt)
      return Promise.resolve(skipped('the upstream reports no pull quota'));
    const hours = quota.windowSeconds / 3600;
    const source = quota.source === undefined ? '' : `, counted for ${quota.source}`;
    return Promise.resolve(
      passed(`${String(quota.remaining)} of ${String(quota.limit)} pulls left in ${String(hours)} h${source}`),
    );
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #lookup(host: string): Promise<readonly LookupAddress[]> {
    return new Promise((resolve, reject) => {
      this.#parts.network.lookup(host, { all: true }, (error, addresses) => {
        if (error === null && Array.isArray(addresses)) resolve(addresses);
        else reject(toUpstreamError(error, host));
      });
    });
  }

  #connected(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
    const host = this.#url.host;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        socket.destroy();
        reject(cancelled(this.#signal));
      };
      this.#signal.addEventListener('abort', onAbort, { once: true });
      socket.setTimeout(this.#parts.connectTimeoutMs, () => {
        socket.destroy(Object.assign(new Error('timeout'), { code: 'UND_ERR_CONNECT_TIMEOUT' }));
      });
      socket.once(event, resolve);
      socket.on('error', (error) => {
        reject(toUpstreamError(error, host));
      });
      socket.once('close', () => {
        this.#signal.removeEventListener('abort', onAbort);
        reject(toUpstreamError(Object.assign(new Error('closed'), { code: 'ECONNRESET' }), host));
      });
    });
  }
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof UpstreamError && error.code === 'UPSTREAM_UNAUTHORIZED';
}

function describeChallenge(header: string): string {
  const bearer = parseChallenges(header).find(({ scheme }) => scheme === 'bearer');
  const realm = bearer?.parameters.realm === undefined ? null : URL.parse(bearer.parameters.realm);
  return realm === null ? 'Basic authentication' : `token from ${realm.origin}${realm.pathname}`;
}

function issuerOf({ issuer }: Partial<PeerCertificate>): string {
  const names = [issuer?.O, issuer?.CN].flat().filter((name) => name !== undefined);
  return names.length === 0 ? 'an unnamed authority' : names.join(' ');
}
