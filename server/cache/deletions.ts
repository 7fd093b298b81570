import { RequestError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import type { Reference } from '../oci/reference.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { ManifestStore } from '../storage/manifest-store.ts';
import type { Removal } from '../storage/removal.ts';
import type { Repository, RepositoryStore } from '../storage/repository-store.ts';
import type { Unlinking } from '../storage/unlinking.ts';
import type { Admission } from './admit.ts';

export interface DeletionParts {
  readonly repositories: RepositoryStore;
  readonly manifests: ManifestStore;
  readonly blobs: BlobStore;
  readonly unlinking: Unlinking;
  readonly removal: Removal;
  readonly admission: Admission;
  readonly changed: (repository: Repository) => void;
}

/** What clients delete in repositories of pushed content; each resolves when it cannot come back. */
export class Deletions {
  readonly #parts: DeletionParts;

  constructor(parts: DeletionParts) {
    this.#parts = parts;
  }

  /**
   * Deletes a tag, or a manifest with its tags; gives the digest.
   * @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN, DENIED), StorageError
   */
  async deleteManifest(name: string, reference: Reference, now: number): Promise<string> {
    const repository = this.#find(name);
    const { unlinking } = this.#parts;
    let digest: string;
    if (reference.kind === 'tag') digest = unlinking.tag(repository, reference.tag, now);
    else {
      unlinking.manifest(repository, reference.digest, now);
      digest = reference.digest;
    }
    this.#parts.changed(repository);
    await this.#parts.admission.confirmDeletion();
    return digest;
  }

  /**
   * Deletes a blob from a repository; its bytes are free when nothing else has it.
   * @throws RequestError (NAME_UNKNOWN, BLOB_UNKNOWN, UNSUPPORTED while a manifest references it), StorageError
   */
  async deleteBlob(name: string, digest: Digest): Promise<void> {
    const repository = this.#find(name);
    const { blobs, manifests, removal } = this.#parts;
    if (!blobs.isLinked(repository.id, digest))
      throw new RequestError('BLOB_UNKNOWN', `${name} has no blob ${digest}`, { value: digest });
    if (manifests.referencedSize(repository.id, digest) !== undefined)
      throw new RequestError(
        'UNSUPPORTED',
        `blob ${digest} is part of a manifest of ${name}; delete the manifest first`,
        { value: digest },
      );
    const removing = removal.removeBlob(repository.id, digest);
    this.#parts.changed(repository);
    await removing;
    await this.#parts.admission.confirmDeletion();
  }

  #find(name: string): Repository {
    const repository = this.#parts.repositories.find(name);
    if (repository !== undefined && repository.upstream === undefined) return repository;
    throw new RequestError('NAME_UNKNOWN', `there is no repository ${name} here`, { value: name });
  }
}
