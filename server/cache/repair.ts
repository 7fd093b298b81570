import { MirrorError, StorageError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { RepositoryStore } from '../storage/repository-store.ts';
import type { BlobCache } from './blob-cache.ts';
import type { ManifestCache } from './manifest-cache.ts';
import type { Target } from './targets.ts';

export interface RepairParts {
  readonly repositories: RepositoryStore;
  readonly blobs: BlobStore;
  readonly blobCache: BlobCache;
  readonly manifestCache: ManifestCache;
}

/** Damaged content that is to be fetched again. */
export interface ToRepair {
  readonly digest: Digest;
  readonly kind: 'blob' | 'manifest';
  /** Repositories whose upstreams may have it, in the order in which they are asked. */
  readonly repositories: readonly string[];
}

/** Brings damaged content back from its upstreams, by digest, through the same doors as a pull: nothing unverified comes in. */
export class Repair {
  readonly #parts: RepairParts;

  constructor(parts: RepairParts) {
    this.#parts = parts;
  }

  /** Asks one upstream after the other; gives why it is not here then, in words for a person, or undefined when it is. */
  async bring(lost: ToRepair, signal: AbortSignal): Promise<string | undefined> {
    if (lost.repositories.length === 0) return 'No upstream has it. Push it again, and it is whole.';
    let problem: string | undefined;
    for (const name of lost.repositories) {
      signal.throwIfAborted();
      problem = await this.#from(name, lost, signal);
      if (problem === undefined) return undefined;
    }
    return problem;
  }

  /** Those of the repositories that mirror an upstream's. */
  withUpstream(names: readonly string[]): string[] {
    return names.filter((name) => this.#parts.repositories.find(name)?.upstream !== undefined);
  }

  async #from(name: string, { digest, kind }: ToRepair, signal: AbortSignal): Promise<string | undefined> {
    const repository = this.#parts.repositories.find(name);
    if (repository === undefined) return `${name} is not there any more.`;
    try {
      if (kind === 'manifest') await this.#parts.manifestCache.get(repository, { kind: 'digest', digest }, signal);
      else await this.#fetchBlob(repository, digest, signal);
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof MirrorError) return `${name}: ${error.message}.`;
      throw error;
    }
  }

  async #fetchBlob(target: Target, digest: Digest, signal: AbortSignal): Promise<void> {
    const { source } = await this.#parts.blobCache.open(target, digest, signal);
    try {
      if (source.kind === 'file') return;
      // from behind its end: what is waited for is the proof, and then the store
      await source.flight.follow(Number.MAX_SAFE_INTEGER, undefined, () => undefined, signal);
      await source.settled;
    } finally {
      await source.close();
    }
    signal.throwIfAborted();
    if (this.#parts.blobs.sizeOf(digest) === undefined)
      throw new StorageError('STORAGE_FULL', `blob ${digest} came and could not be kept`);
  }
}
