import type { Digest } from '../../../server/oci/digest.ts';
import { isDigest } from '../../../server/oci/digest.ts';
import { parseManifest } from '../../../server/oci/manifest.ts';
import type { Content } from '../content.ts';
import type { Graph, ManifestContent } from '../image-builder.ts';

/** What one repository holds. */
export interface Repository {
  readonly tags: Map<string, Digest>;
  readonly manifests: Map<Digest, ManifestContent>;
  readonly blobs: Map<Digest, Content>;
}

/** Everything an upstream serves, in memory. */
export class ContentStore {
  readonly #repositories = new Map<string, Repository>();

  get names(): string[] {
    return [...this.#repositories.keys()].sort();
  }

  find(name: string): Repository | undefined {
    return this.#repositories.get(name);
  }

  /** The repository, made when it is not there. */
  open(name: string): Repository {
    const found = this.#repositories.get(name) ?? { tags: new Map(), manifests: new Map(), blobs: new Map() };
    this.#repositories.set(name, found);
    return found;
  }

  add(name: string, tags: readonly string[], graph: Graph): void {
    const repository = this.open(name);
    for (const [digest, content] of graph.manifests) repository.manifests.set(digest, content);
    for (const [digest, content] of graph.blobs) repository.blobs.set(digest, content);
    for (const tag of tags) repository.tags.set(tag, graph.digest);
  }

  remove(name: string): void {
    this.#repositories.delete(name);
  }
}

/** The manifest behind a tag or digest. */
export function manifestOf(
  repository: Repository,
  reference: string,
): (ManifestContent & { readonly digest: Digest }) | undefined {
  const digest = isDigest(reference) ? reference : repository.tags.get(reference);
  const found = digest === undefined ? undefined : repository.manifests.get(digest);
  return digest === undefined || found === undefined ? undefined : { ...found, digest };
}

/** The manifests whose subject is `digest`, as descriptors with their type and annotations (distribution-spec end-12). */
export function referrersOf(repository: Repository, digest: string): Record<string, unknown>[] {
  return [...repository.manifests].flatMap(([own, { bytes, mediaType }]) => {
    const { subject, artifactType, annotations } = parseManifest(bytes, mediaType);
    return subject?.digest === digest
      ? [{ mediaType, digest: own, size: bytes.length, artifactType, annotations }]
      : [];
  });
}
