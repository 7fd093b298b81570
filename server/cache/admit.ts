import { ContentError } from '../errors.ts';
import type { Database } from '../db/database.ts';
import { inTransaction, storageError } from '../db/database.ts';
import { algorithmOf, digestOf } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import type { Manifest } from '../oci/manifest.ts';
import type { ManifestStore, StoredManifest } from '../storage/manifest-store.ts';
import type { Repository } from '../storage/repository-store.ts';
import type { TagStore } from '../storage/tag-store.ts';

export interface Arrival {
  readonly repository: Repository;
  readonly digest: Digest;
  readonly content: Buffer;
  /** What the sender said it is. */
  readonly mediaType: string | undefined;
  /** Tag to point at it, when it came by tag. */
  readonly tag: string | undefined;
  readonly now: number;
  /** When an upstream confirmed the tag; undefined for pushed content. */
  readonly checkedAt: number | undefined;
}

export interface AdmittedManifest extends StoredManifest {
  readonly manifest: Manifest;
}

/**
 * The door: every manifest enters storage here, whether pulled, pushed, synced or imported. Integrity is decided here,
 * once (policy will be, too); blobs enter through `blob-flight`, which proves them the same way.
 */
export class Admission {
  readonly #db: Database;
  readonly #manifests: ManifestStore;
  readonly #tags: TagStore;

  constructor(db: Database, manifests: ManifestStore, tags: TagStore) {
    this.#db = db;
    this.#manifests = manifests;
    this.#tags = tags;
  }

  /**
   * Verifies bytes and writes manifest, links and tag in one transaction. When only the disk refuses, the verified manifest
   * is returned all the same (`stored: false`): a full disk stops caching, not serving.
   * @throws ContentError (CONTENT_MISMATCH), RequestError (MANIFEST_INVALID)
   */
  admitManifest(arrival: Arrival): {
    readonly admitted: AdmittedManifest;
    readonly stored: boolean;
    readonly error?: Error;
  } {
    const { digest, content } = arrival;
    if (digestOf(content, algorithmOf(digest)) !== digest)
      throw new ContentError(`the manifest's bytes do not hash to ${digest}`);
    const manifest = parseManifest(content, arrival.mediaType);
    const admitted = { digest, mediaType: manifest.mediaType, content, manifest };
    try {
      inTransaction(this.#db, () => {
        this.#manifests.put(arrival.repository.id, digest, content, manifest, arrival.now);
        if (arrival.tag !== undefined) this.#tags.put(arrival.repository.id, arrival.tag, digest, arrival);
      });
      return { admitted, stored: true };
    } catch (cause) {
      return { admitted, stored: false, error: storageError(cause, `storing manifest ${digest}`) };
    }
  }
}
