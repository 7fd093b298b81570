import type { DiscoveryCache } from '../cache/discovery-cache.ts';
import type { GateRequest, PolicyGate } from '../cache/policy-gate.ts';
import type { Target } from '../cache/targets.ts';
import { RequestError } from '../errors.ts';
import type { RequestContext } from '../http/request-context.ts';
import type { Digest } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { respondJson, staleHeaders } from './respond.ts';

const pageLimit = 10_000;

/** A page of an ordered list: entries after `last`, at most `n`. */
export function pageOf(
  names: readonly string[],
  query: URLSearchParams,
): { readonly page: readonly string[]; readonly next: string | undefined } {
  const n = readPageSize(query.get('n'));
  const last = query.get('last');
  const rest = last === null ? names : names.filter((name) => name > last);
  const page = rest.slice(0, n);
  const isMore = n > 0 && page.length < rest.length;
  return { page, next: isMore ? page.at(-1) : undefined };
}

function readPageSize(text: string | null): number {
  if (text === null) return pageLimit;
  if (!/^\d{1,9}$/.test(text))
    throw new RequestError('REQUEST_INVALID', 'n must be a number of entries', { value: text.slice(0, 50) });
  return Math.min(Number(text), pageLimit);
}

/** `Link` to the next page (RFC 8288), relative, with the query the client used. */
export function linkHeader(path: string, query: URLSearchParams, next: string | undefined): string[] {
  if (next === undefined) return [];
  const params = new URLSearchParams(query);
  params.set('last', next);
  if (!params.has('n')) params.set('n', String(pageLimit));
  return ['Link', `<${path}?${params.toString()}>; rel="next"`];
}

/** `/v2/<name>/tags/list` and `/v2/<name>/referrers/<digest>` (distribution-spec end-8, end-12). */
export class DiscoveryEndpoint {
  readonly #cache: DiscoveryCache;
  readonly #gate: PolicyGate;

  constructor(cache: DiscoveryCache, gate: PolicyGate) {
    this.#cache = cache;
    this.#gate = gate;
  }

  async tags(context: RequestContext, target: Target, asked: string, query: URLSearchParams): Promise<void> {
    const request: GateRequest = { action: 'pull', target, user: context.user };
    this.#gate.assertName(request);
    const { tags, provenance } = await this.#cache.listTags(target);
    // a tag that could never be pulled is not offered
    const { page, next } = pageOf(this.#gate.pullable(request, tags), query);
    const headers = [...linkHeader(`/v2/${asked}/tags/list`, query, next), ...staleHeaders(provenance)];
    // the name the client used: some clients compare
    respondJson(context, 200, headers, { name: asked, tags: page });
  }

  async referrers(context: RequestContext, target: Target, digest: Digest, query: URLSearchParams): Promise<void> {
    await this.#gate.assertManifest({ action: 'pull', target, user: context.user }, { kind: 'digest', digest }, digest);
    const { referrers, provenance } = await this.#cache.listReferrers(target, digest);
    const type = query.get('artifactType');
    const manifests = type === null ? referrers : referrers.filter((referrer) => referrer.artifactType === type);
    const headers = [...(type === null ? [] : ['OCI-Filters-Applied', 'artifactType']), ...staleHeaders(provenance)];
    respondJson(
      context,
      200,
      headers,
      { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests },
      mediaTypes.ociIndex,
    );
  }
}
