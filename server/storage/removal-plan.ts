import { reachFrom } from './repository-graph.ts';
import type { RepositoryGraph } from './repository-graph.ts';

/** What leaves a repository; blobs follow from it. */
export interface RemovalPlan {
  readonly tags: readonly string[];
  /** Digests. */
  readonly manifests: readonly string[];
}

/** A tag, and the manifests only it leads to. PURE. */
export function planTag(graph: RepositoryGraph, name: string): RemovalPlan {
  const tag = graph.tags.find((one) => one.name === name);
  if (tag === undefined) return { tags: [], manifests: [] };
  const reach = reachFrom(graph, [tag.digest]);
  const others = graph.tags.filter((one) => one.name !== name).map((one) => one.digest);
  return { tags: [name], manifests: onlyIn(graph, reach, others) };
}

/** A manifest with the tags that point at it, and what only it leads to; indexes that list it stay. PURE. */
export function planManifest(graph: RepositoryGraph, digest: string): RemovalPlan {
  const reach = reachFrom(graph, [digest]);
  const others = graph.tags.filter((tag) => tag.digest !== digest).map((tag) => tag.digest);
  const tags = graph.tags.filter((tag) => tag.digest === digest).map((tag) => tag.name);
  return { tags, manifests: onlyIn(graph, reach, others, digest) };
}

/** All of it. PURE. */
export function planRepository(graph: RepositoryGraph): RemovalPlan {
  return { tags: graph.tags.map((tag) => tag.name), manifests: [...graph.manifests.keys()] };
}

/** What a plan removes although it is pinned, as a person names it. PURE. */
export function pinnedIn(graph: RepositoryGraph, plan: RemovalPlan): string[] {
  const tags = new Set(plan.tags);
  return [
    ...graph.tags.filter((tag) => tag.isPinned && tags.has(tag.name)).map((tag) => `tag ${tag.name}`),
    ...plan.manifests
      .filter((digest) => graph.manifests.get(digest)?.isPinned === true)
      .map((digest) => `manifest ${digest}`),
  ];
}

/** Members of `reach` that neither the other tags nor anything outside leads to, once `removed` is gone. */
function onlyIn(
  graph: RepositoryGraph,
  reach: ReadonlySet<string>,
  others: readonly string[],
  removed?: string,
): string[] {
  const outside = [...graph.manifests.keys()].filter((digest) => !reach.has(digest));
  const stays = reachFrom(graph, [...outside, ...others], removed);
  return [...reach].filter((digest) => !stays.has(digest));
}
