import type { Namespaces } from './namespaces.ts';
import { matchNamespace } from './namespaces.ts';
import type { Target } from '../cache/targets.ts';
import { RequestError } from '../errors.ts';
import type { RequestContext } from '../http/request-context.ts';
import type { BlobEndpoint } from './blobs.ts';
import type { DiscoveryEndpoint } from './discovery.ts';
import { linkHeader, pageOf } from './discovery.ts';
import type { ManifestEndpoint } from './manifests.ts';
import type { Recorder } from './recorder.ts';
import { respondBytes, respondError, respondJson } from './respond.ts';
import { parseRoute } from './router.ts';
import type { RegistryRoute } from './router.ts';

export interface RegistryParts {
  readonly namespaces: Namespaces;
  readonly manifests: ManifestEndpoint;
  readonly blobs: BlobEndpoint;
  readonly discovery: DiscoveryEndpoint;
  readonly recorder: Recorder;
  /** Names of all repositories with content, in order. */
  readonly repositoryNames: () => readonly string[];
}

/** Everything below `/v2` (distribution-spec "Endpoints"), pull side. */
export class RegistryRoutes {
  readonly #parts: RegistryParts;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  /** Answers a request; never throws. */
  async handle(context: RequestContext): Promise<void> {
    try {
      const { method, url = '' } = context.request;
      if (method !== 'GET' && method !== 'HEAD')
        throw new RequestError(
          'UNSUPPORTED',
          `${method ?? ''} is not supported: pushing and deleting through the mirror are not built yet`,
        );
      await this.#dispatch(context, parseRoute(url));
    } catch (error) {
      this.#parts.recorder.bug(context.id, error);
      respondError(context, error);
    }
  }

  async #dispatch(context: RequestContext, route: RegistryRoute): Promise<void> {
    switch (route.kind) {
      case 'base':
        respondBytes(
          context,
          200,
          ['Content-Type', 'application/json', 'Docker-Distribution-API-Version', 'registry/2.0'],
          Buffer.from('{}'),
        );
        return;
      case 'catalog':
        this.#catalog(context, route.query);
        return;
      case 'manifest':
        await this.#parts.manifests.handle(context, this.#target(context, route), route.reference);
        return;
      case 'blob':
        await this.#parts.blobs.handle(context, this.#target(context, route), route.digest);
        return;
      case 'tags':
        await this.#parts.discovery.tags(context, this.#target(context, route), route.repository, route.query);
        return;
      case 'referrers':
        await this.#parts.discovery.referrers(context, this.#target(context, route), route.digest, route.query);
    }
  }

  #target(context: RequestContext, route: { readonly repository: string; readonly query: URLSearchParams }): Target {
    const match = matchNamespace(this.#parts.namespaces, {
      repository: route.repository,
      ns: route.query.get('ns') ?? undefined,
      host: context.request.headers.host,
    });
    if (match.target === undefined)
      throw new RequestError('NAME_UNKNOWN', match.explanation, { value: route.repository });
    return match.target;
  }

  #catalog(context: RequestContext, query: URLSearchParams): void {
    const { page, next } = pageOf(this.#parts.repositoryNames(), query);
    respondJson(context, 200, linkHeader('/v2/_catalog', query, next), { repositories: page });
  }
}
