import type { NamespaceRequest, Namespaces } from './namespaces.ts';
import { matchNamespace } from './namespaces.ts';
import type { Target } from '../cache/targets.ts';
import { Absences } from '../cache/absences.ts';
import { RequestError, UpstreamError } from '../errors.ts';
import type { RequestContext } from '../http/request-context.ts';
import type { Clock } from '../lib/clock.ts';
import type { BlobEndpoint } from './blobs.ts';
import type { DiscoveryEndpoint } from './discovery.ts';
import { linkHeader, pageOf } from './discovery.ts';
import type { ManifestEndpoint } from './manifests.ts';
import { allowedMethods, refuseOtherMethods } from './methods.ts';
import type { Recorder } from './recorder.ts';
import { respondBytes, respondError, respondJson } from './respond.ts';
import { parseRoute } from './router.ts';
import type { RegistryRoute } from './router.ts';
import type { RegistryWrites } from './writes.ts';

export interface RegistryParts {
  readonly namespaces: Namespaces;
  readonly manifests: ManifestEndpoint;
  readonly blobs: BlobEndpoint;
  readonly discovery: DiscoveryEndpoint;
  readonly writes: RegistryWrites;
  /** Whether a name could become a repository of this mirror's own by a push. */
  readonly isWritable: (request: NamespaceRequest) => boolean;
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** Names of the repositories with content that the policy lets somebody see, in order. */
  readonly repositoryNames: (user: string | undefined) => readonly string[];
}

/** Who could not be told what a name's upstream has is pulling; for this long nobody is told that it has nothing. */
const pullingMs = 10_000;

/** Everything below `/v2` (distribution-spec "Endpoints"). */
export class RegistryRoutes {
  readonly #parts: RegistryParts;
  /** Names that somebody tried to pull in vain. */
  readonly #pulling: Absences<true>;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#pulling = new Absences(parts.clock);
  }

  /** Answers a request; never throws. */
  async handle(context: RequestContext): Promise<void> {
    let route: RegistryRoute | undefined;
    try {
      const { method = '', url = '' } = context.request;
      route = parseRoute(url);
      refuseOtherMethods(route.kind, method);
      if (isWrite(method, route)) await this.#parts.writes.handle(context, route);
      else await this.#dispatch(context, route);
    } catch (error) {
      this.#parts.recorder.bug(context.id, error);
      if (error instanceof UpstreamError && route !== undefined && 'repository' in route)
        this.#pulling.put(route.repository, true, pullingMs);
      respondError(context, error, route === undefined ? undefined : allowedMethods(route.kind));
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
        await this.#parts.manifests.handle(context, this.#target(context, route), route.reference, () =>
          this.#mayBeNew(context, route),
        );
        return;
      case 'blob':
        await this.#parts.blobs.handle(context, this.#blobTarget(context, route), route.digest, () =>
          this.#mayBeNew(context, route),
        );
        return;
      case 'uploads':
        return;
      case 'upload':
        this.#parts.writes.status(context, route);
        return;
      case 'tags':
        await this.#parts.discovery.tags(context, this.#target(context, route), route.repository, route.query);
        return;
      case 'referrers':
        await this.#parts.discovery.referrers(context, this.#target(context, route), route.digest, route.query);
    }
  }

  #target(context: RequestContext, route: { readonly repository: string; readonly query: URLSearchParams }): Target {
    const match = matchNamespace(this.#parts.namespaces, namespaceRequest(context, route));
    // without a default upstream, a name that nobody has pushed to yet is an empty repository
    if (match.target === undefined && (route.query.get('ns') ?? '') === '')
      return { name: route.repository, upstream: undefined, upstreamRepository: undefined };
    if (match.target === undefined)
      throw new RequestError('NAME_UNKNOWN', match.explanation, { value: route.repository });
    return match.target;
  }

  /**
   * Before a push a client asks with HEAD which blobs it can leave out. Under a name that a rule about every name leads to an
   * upstream, and that nobody has pulled yet, the answer must be about the repository the push would make: blobs that only
   * the upstream has are not in it. A client that pulls does not ask this way.
   */
  #blobTarget(context: RequestContext, route: Extract<RegistryRoute, { readonly kind: 'blob' }>): Target {
    const target = this.#target(context, route);
    const request = namespaceRequest(context, route);
    if (context.request.method !== 'HEAD' || matchNamespace(this.#parts.namespaces, request).rule !== 'catch-all')
      return target;
    const isNew = this.#parts.isWritable(request);
    return isNew ? { name: target.name, upstream: undefined, upstreamRepository: undefined } : target;
  }

  /**
   * A client asks with HEAD what is there before it pushes. Where nothing is, and the default upstream can't say, "no" is
   * what lets it push. A client that pulls starts with a tag and hears of the upstream's trouble.
   */
  #mayBeNew(context: RequestContext, route: Extract<RegistryRoute, { readonly kind: 'manifest' | 'blob' }>): boolean {
    if (context.request.method !== 'HEAD') return false;
    if (route.kind === 'manifest' && route.reference.kind === 'tag') return false;
    if (this.#pulling.get(route.repository) !== undefined) return false;
    return this.#parts.isWritable(namespaceRequest(context, route));
  }

  #catalog(context: RequestContext, query: URLSearchParams): void {
    const { page, next } = pageOf(this.#parts.repositoryNames(context.user), query);
    respondJson(context, 200, linkHeader('/v2/_catalog', query, next), { repositories: page });
  }
}

function namespaceRequest(
  context: RequestContext,
  route: { readonly repository: string; readonly query: URLSearchParams },
): NamespaceRequest {
  return {
    repository: route.repository,
    ns: route.query.get('ns') ?? undefined,
    host: context.request.headers.host,
  };
}

type WriteRoute = Extract<RegistryRoute, { readonly kind: 'manifest' | 'blob' | 'uploads' | 'upload' }>;

function isWrite(method: string, route: RegistryRoute): route is WriteRoute {
  if (method === 'GET' || method === 'HEAD') return false;
  return route.kind === 'manifest' || route.kind === 'blob' || route.kind === 'uploads' || route.kind === 'upload';
}
