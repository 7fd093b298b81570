import type { AccountSettings, UpstreamSettings, UpstreamTlsSettings } from '../config/schema.ts';
import { ConfigError, UpstreamError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Digest } from '../oci/digest.ts';
import { Authenticator } from './auth.ts';
import { blobAsk, readBlob } from './blobs.ts';
import type {
  BlobAnswer,
  ManifestAnswer,
  ManifestHead,
  TestStep,
  UpstreamClient,
  UpstreamHealth,
  UpstreamWatch,
} from './client.types.ts';
import { getReferrers, listTags } from './discovery.ts';
import { HealthRecord } from './health.ts';
import { manifestAsk, readManifest, readManifestHead } from './manifests.ts';
import { endpointsOf } from './names.ts';
import type { Endpoint } from './names.ts';
import { chooseProxy } from './proxy.ts';
import type { ProxyEnvironment } from './proxy.ts';
import { sendFollowing } from './redirects.ts';
import { Session } from './session.ts';
import { runTestSteps } from './test-steps.ts';
import { readTlsMaterial } from './tls-material.ts';
import type { SendToRealm } from './token-service.ts';
import { Transport, lengthOf, systemNetwork } from './transport.ts';
import type { Network } from './transport.ts';

export interface UpstreamClientOptions {
  readonly settings: UpstreamSettings;
  /** Certificates for upstreams that have none of their own. */
  readonly globalTls: UpstreamTlsSettings;
  /** The upstream's accounts of this moment, decrypted; asked before each request. */
  readonly accounts: () => readonly AccountSettings[];
  readonly clock: Clock;
  /** The environment's proxies, for upstreams without one of their own. */
  readonly proxy?: ProxyEnvironment;
  /** `zhi-mirror/<version>`. */
  readonly userAgent: string;
  /** Absent for a client that only tests. */
  readonly watch?: UpstreamWatch | undefined;
  /** Resolver and private ranges; the machine's when absent. For tests. */
  readonly network?: Network;
}

/**
 * The client of one upstream. Nothing is sent before the first call; certificate files are read now.
 * @throws ConfigError (CONFIG_INVALID) when certificate files or the proxy cannot be used
 */
export function createUpstreamClient(options: UpstreamClientOptions): UpstreamClient {
  return new RegistryClient(options);
}

class RegistryClient implements UpstreamClient {
  readonly name: string;
  readonly #options: UpstreamClientOptions;
  readonly #endpoints: readonly Endpoint[];
  readonly #transport: Transport;
  readonly #authenticator: Authenticator;
  readonly #session: Session;
  readonly #closing = new AbortController();

  constructor(options: UpstreamClientOptions) {
    const { settings, clock, watch, network = systemNetwork } = options;
    assertProxy(settings.proxy);
    const health = new HealthRecord(clock, (quota) => watch?.quota(quota));
    this.name = settings.name;
    this.#options = options;
    this.#endpoints = endpointsOf(settings.name, settings.urls);
    this.#transport = new Transport({
      connectTimeoutMs: settings.connectTimeout,
      headersTimeoutMs: settings.headersTimeout,
      idleTimeoutMs: settings.idleTimeout,
      userAgent: options.userAgent,
      tls: readTlsMaterial(settings.tls, options.globalTls),
      ownHosts: new Set(this.#endpoints.map(({ hostname }) => hostname)),
      proxyFor: (url) => chooseProxy(url, settings.proxy, options.proxy),
      network,
      onRequest: () => {
        health.countRequest();
      },
      onBytes: (count) => {
        health.countBytes(count);
      },
    });
    this.#authenticator = new Authenticator({ accounts: options.accounts, send: this.#sendToRealm, clock });
    this.#session = new Session({
      settings,
      endpoints: this.#endpoints,
      transport: this.#transport,
      authenticator: this.#authenticator,
      health,
      clock,
      watch,
      mayBePrivate: this.#mayBePrivate,
    });
  }

  async headManifest(repository: string, reference: string, signal: AbortSignal): Promise<ManifestHead> {
    const ask = manifestAsk(this.name, 'HEAD', repository, reference);
    return await this.#session.ask(ask, (granted) => readManifestHead(granted, ask, reference), signal);
  }

  async getManifest(repository: string, reference: string, signal: AbortSignal): Promise<ManifestAnswer> {
    const ask = manifestAsk(this.name, 'GET', repository, reference);
    return await this.#session.ask(ask, (granted) => readManifest(granted, ask, reference), signal);
  }

  async headBlob(
    repository: string,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<{ readonly sizeBytes: number | undefined }> {
    const ask = blobAsk(this.name, 'HEAD', repository, { digest, offset: 0 });
    return await this.#session.ask(ask, ({ answer }) => ({ sizeBytes: lengthOf(answer) }), signal);
  }

  async getBlob(repository: string, digest: Digest, offset: number, signal: AbortSignal): Promise<BlobAnswer> {
    const ask = blobAsk(this.name, 'GET', repository, { digest, offset });
    const blob = await this.#session.ask(ask, (granted) => readBlob(granted, ask, offset), signal);
    // nothing there: what is held is already whole, or wrong; either way the beginning tells
    return blob ?? (await this.getBlob(repository, digest, 0, signal));
  }

  listTags(repository: string, limit: number, signal: AbortSignal): Promise<readonly string[]> {
    return listTags(this.name, repository, limit, (ask, read) => this.#session.ask(ask, read, signal));
  }

  getReferrers(repository: string, digest: Digest, signal: AbortSignal): Promise<Buffer | undefined> {
    return getReferrers(this.name, repository, digest, (ask, read) => this.#session.ask(ask, read, signal));
  }

  health(): UpstreamHealth {
    return this.#session.health();
  }

  hasten(): void {
    this.#session.hasten();
  }

  retryNow(): void {
    this.#session.retryNow();
  }

  test(options: Parameters<UpstreamClient['test']>[0], signal: AbortSignal): Promise<readonly TestStep[]> {
    const { settings, globalTls, clock, network = systemNetwork, accounts } = this.#options;
    const [endpoint] = this.#endpoints;
    if (endpoint === undefined) return Promise.resolve([]);
    return runTestSteps(
      {
        name: this.name,
        endpoint,
        session: this.#session,
        authenticator: this.#authenticator,
        proxy: chooseProxy(new URL(endpoint.origin), settings.proxy, this.#options.proxy),
        tls: readTlsMaterial(settings.tls, globalTls),
        connectTimeoutMs: settings.connectTimeout,
        accounts,
        clock,
        network,
      },
      options,
      signal,
    );
  }

  async close(): Promise<void> {
    this.#closing.abort(new UpstreamError('UPSTREAM_UNREACHABLE', `${this.name} is not asked any more`));
    await this.#transport.close();
  }

  readonly #mayBePrivate = (endpoint: Endpoint): boolean =>
    this.#options.settings.allowPrivateRedirects || this.#transport.isPrivateHost(endpoint.hostname);

  /** Token requests take no slot: the request that waits for the token holds one. */
  readonly #sendToRealm = (endpoint: Endpoint): SendToRealm => {
    return async ({ method, url, authorization, form }) => {
      const request = {
        method,
        url,
        headers: {
          accept: 'application/json',
          ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        body: form,
        isGuarded: url.origin !== endpoint.origin && !this.#mayBePrivate(endpoint),
        signal: this.#closing.signal,
      };
      if (method === 'POST') return await this.#transport.send(request);
      const rules = { authorization, mayBePrivate: () => this.#mayBePrivate(endpoint) };
      const { answer } = await sendFollowing((hop) => this.#transport.send(hop), request, rules);
      return answer;
    };
  };
}

function assertProxy(proxy: string): void {
  if (proxy === '' || /^https?:$/.test(URL.parse(proxy)?.protocol ?? '')) return;
  // the value may hold a password
  throw new ConfigError(['The proxy of an upstream is not an http:// or https:// URL.']);
}
