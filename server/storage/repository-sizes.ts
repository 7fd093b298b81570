import { reachFrom } from './repository-graph.ts';
import type { RepositoryGraph } from './repository-graph.ts';

/** Bytes of blob files. */
export interface TagSizes {
  /** Held of the tag's graph, with what is attached to it. */
  readonly bytes: number;
  /** Freed when only this tag was removed. */
  readonly uniqueBytes: number;
}

/** Led to by more than one tag, or by something that no tag leads to: it outlives any single tag. */
const kept = Symbol('kept');
type Owner = string | typeof kept;

/** Sizes of every tag by its name, in one walk over the graph. PURE. */
export function tagSizes(graph: RepositoryGraph): ReadonlyMap<string, TagSizes> {
  const reaches = new Map<string, ReadonlySet<string>>();
  for (const { digest } of graph.tags) if (!reaches.has(digest)) reaches.set(digest, reachFrom(graph, [digest]));
  const owners = blobOwners(graph, manifestOwners(graph, reaches));
  const held = new Map([...reaches].map(([digest, reach]) => [digest, heldBlobs(graph, reach)]));
  return new Map(
    graph.tags.map((tag) => {
      let bytes = 0;
      let uniqueBytes = 0;
      for (const digest of held.get(tag.digest) ?? []) {
        const blob = graph.blobs.get(digest);
        if (blob === undefined) continue;
        bytes += blob.sizeBytes;
        if (!blob.isShared && owners.get(digest) === tag.name) uniqueBytes += blob.sizeBytes;
      }
      return [tag.name, { bytes, uniqueBytes }];
    }),
  );
}

/** Bytes held of what a manifest leads to, with what is attached to it. PURE. */
export function heldBytes(graph: RepositoryGraph, digest: string): number {
  let bytes = 0;
  for (const blob of heldBlobs(graph, reachFrom(graph, [digest]))) bytes += graph.blobs.get(blob)?.sizeBytes ?? 0;
  return bytes;
}

/** The one tag that leads to a manifest, or that it would outlive each of them. */
function manifestOwners(graph: RepositoryGraph, reaches: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Owner> {
  const owners = new Map<string, Owner>();
  for (const tag of graph.tags) for (const digest of reaches.get(tag.digest) ?? []) own(owners, digest, tag.name);
  const untagged = [...graph.manifests.keys()].filter((digest) => !owners.has(digest));
  for (const digest of reachFrom(graph, untagged)) owners.set(digest, kept);
  return owners;
}

function blobOwners(graph: RepositoryGraph, manifests: ReadonlyMap<string, Owner>): Map<string, Owner> {
  const owners = new Map<string, Owner>();
  for (const { digest, references } of graph.manifests.values()) {
    const owner = manifests.get(digest) ?? kept;
    for (const reference of references) if (reference.kind !== 'manifest') own(owners, reference.digest, owner);
  }
  return owners;
}

function own(owners: Map<string, Owner>, digest: string, owner: Owner): void {
  const known = owners.get(digest);
  owners.set(digest, known === undefined || known === owner ? owner : kept);
}

function heldBlobs(graph: RepositoryGraph, manifests: Iterable<string>): Set<string> {
  const held = new Set<string>();
  for (const digest of manifests) {
    for (const reference of graph.manifests.get(digest)?.references ?? []) {
      if (reference.kind !== 'manifest' && graph.blobs.has(reference.digest)) held.add(reference.digest);
    }
  }
  return held;
}
