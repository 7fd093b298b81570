import { ContentError, MirrorError, RequestError, StorageError } from '../errors.ts';
import type { Settings } from '../config/schema.ts';
import type { Database } from '../db/database.ts';
import { inTransaction, storageError } from '../db/database.ts';
import { Durability } from '../db/durability.ts';
import { algorithmOf, digestOf } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import type { Manifest } from '../oci/manifest.ts';
import { isForeignLayer } from '../oci/media-types.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { Leases } from '../storage/leases.ts';
import type { ManifestStore, StoredManifest } from '../storage/manifest-store.ts';
import type { Repository, RepositoryStore } from '../storage/repository-store.ts';
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

/** Where content comes from that enters without its upstream being asked. */
export interface Origin {
  /** Upstream the repository is a mirror of; undefined for this mirror's own content. */
  readonly upstream: string | undefined;
  readonly upstreamRepository: string | undefined;
}

/** A manifest a client pushes, or that is imported. */
export interface PushedManifest {
  /** Name of a repository that accepts pushes; made when it is not there yet. */
  readonly repository: string;
  readonly digest: Digest;
  readonly content: Buffer;
  readonly mediaType: string | undefined;
  /** Tags to point at it. */
  readonly tags: readonly string[];
  /** What it may refer to although it is not there. */
  readonly sparse: Settings['push']['sparse'];
  readonly now: number;
  /** Default: this mirror's own content. */
  readonly origin?: Origin;
  /** When its upstream is taken to have confirmed the tags; for content that has one. */
  readonly checkedAt?: number | undefined;
}

/** A blob a client pushed, complete and verified, in a file that is on the disk. */
export interface PushedBlob {
  readonly repository: string;
  readonly digest: Digest;
  readonly path: string;
  readonly sizeBytes: number;
  readonly now: number;
  /** Default: this mirror's own content. */
  readonly origin?: Origin;
}

export interface AdmissionParts {
  readonly db: Database;
  readonly manifests: ManifestStore;
  readonly tags: TagStore;
  readonly blobs: BlobStore;
  readonly repositories: RepositoryStore;
  readonly leases: Leases;
  /** Content of a repository changed; told in the turn in which it did. */
  readonly changed: (repository: Repository) => void;
}

/**
 * The door: everything enters storage here, whether pulled, pushed, synced or imported. Integrity is decided here, once
 * (policy will be, too). Blobs from upstreams enter through `blob-flight`, which proves them the same way.
 *
 * What was pulled can be pulled again; what was pushed cannot: a push is acknowledged when a power cut can't undo it.
 */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #durability: Durability;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
    this.#durability = new Durability(parts.db);
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
    const { manifests, tags, db } = this.#parts;
    const { digest, content } = arrival;
    if (digestOf(content, algorithmOf(digest)) !== digest)
      throw new ContentError(`the manifest's bytes do not hash to ${digest}`);
    const manifest = parseManifest(content, arrival.mediaType);
    const admitted = { digest, mediaType: manifest.mediaType, content, manifest };
    try {
      inTransaction(db, () => {
        manifests.put(arrival.repository.id, digest, content, manifest, arrival.now);
        if (arrival.tag !== undefined) tags.put(arrival.repository.id, arrival.tag, digest, arrival);
      });
      return { admitted, stored: true };
    } catch (cause) {
      return { admitted, stored: false, error: storageError(cause, `storing manifest ${digest}`) };
    }
  }

  /**
   * Verifies a pushed manifest and that everything it references is in its repository, and writes it with its tags in one
   * transaction; resolves when it cannot be lost any more.
   * @throws RequestError (DIGEST_INVALID, MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN), StorageError
   */
  async admitPush(push: PushedManifest): Promise<AdmittedManifest> {
    const { digest, content } = push;
    if (digestOf(content, algorithmOf(digest)) !== digest)
      throw new RequestError('DIGEST_INVALID', `the manifest's bytes do not hash to ${digest}`, { value: digest });
    const manifest = parseManifest(content, push.mediaType);
    const { db, manifests, tags } = this.#parts;
    this.#refuseIncomplete(push, manifest);
    // in the same turn: nothing can be deleted in between
    const repository = this.#ensure(push.repository, push.now, push.origin);
    const at = { now: push.now, checkedAt: push.checkedAt };
    this.#parts.leases.note(digest);
    try {
      inTransaction(db, () => {
        manifests.put(repository.id, digest, content, manifest, push.now);
        if (push.tags.length === 0) manifests.renew(repository.id, digest, push.now);
        for (const tag of push.tags) tags.put(repository.id, tag, digest, at);
      });
    } catch (error) {
      throw error instanceof MirrorError ? error : storageError(error, `storing manifest ${digest}`);
    }
    this.#parts.changed(repository);
    await this.#durability.flush();
    return { digest, mediaType: manifest.mediaType, content, manifest };
  }

  /** Whether a blob is held; then a file with the same bytes need not be on the disk to be admitted in the same turn. */
  holdsBlob(digest: Digest, sizeBytes: number): boolean {
    return this.#parts.blobs.isHeld(digest, sizeBytes);
  }

  /**
   * Makes the file a blob of the repository; resolves when it cannot be lost any more.
   * @throws StorageError
   */
  async admitBlob(push: PushedBlob): Promise<void> {
    const repository = this.#ensure(push.repository, push.now, push.origin);
    // now, because its link may be an old one, and again when the client is told
    this.#parts.leases.note(push.digest);
    // the rows are there when it returns, so the directory and the log are flushed side by side
    const adopted = this.#parts.blobs.adopt(push.digest, push, repository.id, push.now);
    await Promise.all([adopted, this.#durability.flush()]);
    this.#parts.changed(repository);
    this.#parts.leases.note(push.digest);
  }

  /**
   * Lets a repository serve a blob that another one has (distribution-spec end-11). Without `from`, any repository of this
   * mirror's own content will do; false when there is none that has it.
   * @throws StorageError
   */
  async mountBlob(name: string, digest: Digest, from: string | undefined, now: number): Promise<boolean> {
    const { blobs, repositories } = this.#parts;
    const source = from === undefined ? undefined : repositories.find(from);
    const isThere =
      from === undefined ? blobs.isInOwnContent(digest) : source !== undefined && blobs.isLinked(source.id, digest);
    return isThere && (await this.shareBlob({ repository: name, digest, now }));
  }

  /**
   * Lets a repository serve a blob that is held, whoever holds it: the caller has seen that it belongs there. False when it
   * is not held.
   * @throws StorageError
   */
  async shareBlob(share: Omit<PushedBlob, 'path' | 'sizeBytes'>): Promise<boolean> {
    const { blobs } = this.#parts;
    const { digest, now } = share;
    // before it is looked for: it must not go meanwhile
    if (blobs.sizeOf(digest) !== undefined) this.#parts.leases.note(digest);
    if (!(await this.#isWhole(digest))) return false;
    const repository = this.#ensure(share.repository, now, share.origin);
    try {
      blobs.link(repository.id, digest, now);
    } catch (error) {
      // deleted in this very moment
      if (blobs.sizeOf(digest) === undefined) return false;
      throw storageError(error, `mounting blob ${digest}`);
    }
    this.#parts.changed(repository);
    await this.#durability.flush();
    return true;
  }

  /** Resolves when what was deleted cannot come back. */
  confirmDeletion(): Promise<void> {
    return this.#durability.flush();
  }

  async #isWhole(digest: Digest): Promise<boolean> {
    const sizeBytes = this.#parts.blobs.sizeOf(digest);
    return sizeBytes !== undefined && (await this.#parts.blobs.hasFile(digest, sizeBytes));
  }

  #ensure(name: string, now: number, origin: Partial<Origin> = {}): Repository {
    const repository = this.#parts.repositories.ensure(name, origin, now);
    // what is pulled would be passed on all the same; a push has nowhere else to go
    if (repository.id === 0) throw new StorageError('STORAGE_FULL', `making repository ${name}: the disk is full`);
    return repository;
  }

  #refuseIncomplete(push: PushedManifest, manifest: Manifest): void {
    if (push.sparse === 'all') return;
    const { blobs, manifests, repositories } = this.#parts;
    const id = repositories.find(push.repository)?.id;
    const layers = manifest.layers.filter((layer) => !isForeignLayer(layer.mediaType));
    const needed = manifest.config === undefined ? layers : [manifest.config, ...layers];
    const missing = needed.filter(({ digest }) => id === undefined || !blobs.isLinked(id, digest));
    if (push.sparse === 'none')
      missing.push(...manifest.manifests.filter(({ digest }) => id === undefined || !manifests.isLinked(id, digest)));
    const [first] = missing;
    if (first === undefined) return;
    const more = missing.length > 1 ? ` and ${String(missing.length - 1)} more` : '';
    throw new RequestError(
      'MANIFEST_BLOB_UNKNOWN',
      `the manifest references ${first.digest}${more}, which ${push.repository} does not have; push it first`,
      { value: first.digest, detail: { missing: missing.slice(0, 100).map(({ digest }) => digest) } },
    );
  }
}
