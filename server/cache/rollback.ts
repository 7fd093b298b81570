import { MirrorError, RequestError } from '../errors.ts';
import type { Settings } from '../config/schema.ts';
import type { Database } from '../db/database.ts';
import { inTransaction, storageError } from '../db/database.ts';
import { Durability } from '../db/durability.ts';
import type { Clock } from '../lib/clock.ts';
import { isDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { DeletedContent } from '../storage/deleted-content.ts';
import type { DeletedEntry, DeletedQuery, DeletedTag } from '../storage/deleted-content.ts';
import { KeptGraph } from '../storage/kept-graph.ts';
import type { Repository, RepositoryStore } from '../storage/repository-store.ts';
import { TagHistory } from '../storage/tag-history.ts';
import type { HistoryEntry } from '../storage/tag-history.ts';
import { TagStore } from '../storage/tag-store.ts';
import type { Tag } from '../storage/tag-store.ts';

/** A tag of a repository. The client controls both. */
export interface TagName {
  readonly repository: string;
  readonly tag: string;
}

export interface RollbackParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly repositories: RepositoryStore;
  /** What pushed indexes may list without its being there. */
  readonly sparse: Settings['push']['sparse'];
  /** Content of a repository changed; told in the turn in which it did. */
  readonly changed: (repository: string) => void;
}

/** Where a tag goes, or went. */
export interface RolledBack {
  readonly repository: string;
  readonly tag: string;
  /** Digest; undefined when the tag was deleted. */
  readonly from: Digest | undefined;
  readonly to: Digest;
  /** True for content of an upstream: the tag stays there until it is released. */
  readonly holds: boolean;
}

/** A time of a tag's history, and whether it can be gone back to. */
export interface HistoryStep extends HistoryEntry {
  /** What keeps it from being gone back to, as a person names it; empty when nothing does. */
  readonly missing: readonly string[];
  /** Bytes of the blobs of its graph that are here. */
  readonly bytes: number;
}

/** A tag with everything it pointed at. */
export interface TagPast {
  readonly repository: Repository;
  readonly current: Tag | undefined;
  /** Newest first. */
  readonly steps: readonly HistoryStep[];
}

/** What was brought back. */
export interface Restored {
  readonly repository: string;
  readonly tags: readonly string[];
  /** Manifests that had been taken out of the repository. */
  readonly manifests: number;
}

/** Undoes what happened to tags: puts them back where they pointed, and brings deleted content back while it is kept. */
export class Rollback {
  readonly #parts: RollbackParts;
  readonly #tags: TagStore;
  readonly #history: TagHistory;
  readonly #deleted: DeletedContent;
  readonly #graph: KeptGraph;
  readonly #durability: Durability;

  constructor(parts: RollbackParts) {
    const { db } = parts;
    this.#parts = parts;
    this.#tags = new TagStore(db);
    this.#history = new TagHistory(db);
    this.#deleted = new DeletedContent(db);
    this.#graph = new KeptGraph(db);
    this.#durability = new Durability(db);
  }

  /** @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN for a tag that never was here) */
  past(name: TagName): TagPast {
    const { entries, ...past } = this.#read(name);
    const known = new Map<string, Pick<HistoryStep, 'missing' | 'bytes'>>();
    const steps = entries.map((entry) => {
      const state = known.get(entry.digest) ?? {
        missing: this.#missing(past.repository, entry.digest),
        bytes: this.#graph.reach(past.repository.id, entry.digest).bytes,
      };
      known.set(entry.digest, state);
      return { ...entry, ...state };
    });
    return { ...past, steps };
  }

  /**
   * Where {@link rollBack} would put the tag. Without a digest, what it pointed at before.
   * @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN, CONFLICT when it is there already, or not all of it is here)
   */
  plan(name: TagName, digest: string | undefined): RolledBack {
    return this.#plan(name, digest).planned;
  }

  /**
   * Puts a tag back where it pointed, in one transaction; resolves when a power cut can't undo it. The tag of an upstream's
   * content stays there until {@link release}.
   * @throws what {@link plan} throws, StorageError
   */
  async rollBack(name: TagName, digest: string | undefined): Promise<RolledBack> {
    return this.#write(name.repository, () => {
      const { planned, repository, lastSeenAt } = this.#plan(name, digest);
      const now = this.#parts.clock.now();
      this.#deleted.restore(repository.id, this.#graph.reach(repository.id, planned.to).deleted);
      const checkedAt = repository.upstream === undefined ? undefined : lastSeenAt;
      this.#tags.place(repository.id, name.tag, planned.to, { now, checkedAt, isHeld: planned.holds });
      return planned;
    });
  }

  /**
   * Lets a tag follow its upstream again.
   * @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN, CONFLICT when it does), StorageError
   */
  async release({ repository: name, tag }: TagName): Promise<void> {
    await this.#write(name, () => {
      const repository = this.#find(name);
      const found = this.#tags.find(repository.id, tag);
      if (found === undefined)
        throw new RequestError('MANIFEST_UNKNOWN', `${name} has no tag ${tag.slice(0, 200)}`, { value: tag });
      if (found.heldSince === undefined)
        throw new RequestError('CONFLICT', `${name}:${tag} is not held back`, { value: tag });
      this.#tags.release(repository.id, tag);
    });
  }

  /**
   * Brings back a deleted tag, a deleted manifest with the tags that went with it, or, without a reference, all that the
   * repository's last deletion took; resolves when a power cut can't undo it.
   * @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN when nothing of it is kept, CONFLICT when the tag is there), StorageError
   */
  async restore(name: string, reference: string | undefined): Promise<Restored> {
    return this.#write(name, () => {
      const repository = this.#find(name);
      const { manifests, tags } = this.#lostIn(repository, reference);
      const deleted = new Set(manifests.flatMap((digest) => this.#graph.reach(repository.id, digest).deleted));
      const restored = this.#deleted.restore(repository.id, [...deleted]);
      for (const tag of tags) this.#putBack(repository, tag);
      return { repository: name, tags: tags.map((tag) => tag.name), manifests: restored };
    });
  }

  /** What was deleted and can be restored, the latest first; `bytes` are those of its graph that are here. */
  deleted(query: DeletedQuery): {
    readonly entries: readonly (DeletedEntry & { readonly bytes: number })[];
    readonly next: string | undefined;
  } {
    const { entries, next } = this.#deleted.list(query);
    const measured = entries.map((entry) => ({
      ...entry,
      bytes: this.#graph.reach(entry.repositoryId, entry.digest).bytes,
    }));
    return { entries: measured, next };
  }

  #plan(
    name: TagName,
    digest: string | undefined,
  ): { readonly planned: RolledBack; readonly repository: Repository; readonly lastSeenAt: number } {
    const { repository, current, entries } = this.#read(name);
    const what = `${name.repository}:${name.tag}`;
    if (digest !== undefined && digest === current?.digest)
      throw new RequestError('CONFLICT', `${what} points at ${digest} already`, { value: digest });
    const entry = entries.find((one) =>
      digest === undefined ? one.digest !== current?.digest : one.digest === digest,
    );
    if (entry === undefined || !isDigest(entry.digest))
      throw new RequestError(
        'MANIFEST_UNKNOWN',
        `${what} never pointed at ${digest === undefined ? 'anything else' : digest.slice(0, 200)} here`,
        { value: digest ?? name.tag },
      );
    refuseIncomplete(what, entry.digest, this.#missing(repository, entry.digest));
    const planned = { ...name, from: current?.digest, to: entry.digest, holds: repository.upstream !== undefined };
    return { planned, repository, lastSeenAt: entry.lastSeenAt };
  }

  #read({ repository: name, tag }: TagName): Omit<TagPast, 'steps'> & { readonly entries: readonly HistoryEntry[] } {
    const repository = this.#find(name);
    const entries = this.#history.read(repository.id, tag);
    if (entries.length === 0)
      throw new RequestError('MANIFEST_UNKNOWN', `${name} never had a tag ${tag.slice(0, 200)} here`, { value: tag });
    return { repository, current: this.#tags.find(repository.id, tag), entries };
  }

  #lostIn(
    repository: Repository,
    reference: string | undefined,
  ): { readonly manifests: readonly string[]; readonly tags: readonly DeletedTag[] } {
    if (reference === undefined) {
      const last = this.#deleted.lastOf(repository.id);
      if (last === undefined) throw nothingKept(repository.name);
      return { manifests: [...last.manifests, ...last.tags.map((tag) => tag.digest)], tags: last.tags };
    }
    if (isDigest(reference)) {
      const found = this.#deleted.manifest(repository.id, reference);
      if (found === undefined) throw nothingKept(`${repository.name}@${reference}`);
      return { manifests: [reference], tags: found.tags };
    }
    const what = `${repository.name}:${reference.slice(0, 200)}`;
    if (this.#tags.find(repository.id, reference) !== undefined)
      throw new RequestError('CONFLICT', `${what} is there; roll it back instead`, { value: reference });
    const tag = this.#deleted.tag(repository.id, reference);
    if (tag === undefined) throw nothingKept(what);
    return { manifests: [tag.digest], tags: [tag] };
  }

  /** An upstream's tag is where it was last seen, and is asked about again when it is due. */
  #putBack(repository: Repository, { name, digest, lastSeenAt }: DeletedTag): void {
    if (!isDigest(digest)) return;
    const checkedAt = repository.upstream === undefined ? undefined : lastSeenAt;
    this.#tags.place(repository.id, name, digest, { now: this.#parts.clock.now(), checkedAt, isHeld: false });
  }

  #missing(repository: Repository, digest: string): readonly string[] {
    const mayBeSparse = repository.upstream !== undefined || this.#parts.sparse !== 'none';
    return this.#graph.missing(repository.id, digest, mayBeSparse);
  }

  async #write<R>(repository: string, work: () => R): Promise<R> {
    let result: R;
    try {
      result = inTransaction(this.#parts.db, work);
    } catch (error) {
      throw error instanceof MirrorError ? error : storageError(error, `changing ${repository}`);
    }
    this.#parts.changed(repository);
    await this.#durability.flush();
    return result;
  }

  #find(name: string): Repository {
    const repository = this.#parts.repositories.find(name);
    if (repository === undefined)
      throw new RequestError('NAME_UNKNOWN', `there is no repository ${name.slice(0, 300)} here`, { value: name });
    return repository;
  }
}

function nothingKept(what: string): RequestError {
  return new RequestError('MANIFEST_UNKNOWN', `nothing that was deleted of ${what} is kept`, { value: what });
}

function refuseIncomplete(what: string, digest: string, missing: readonly string[]): void {
  const [first] = missing;
  if (first === undefined) return;
  const lost = missing.length > 1 ? `${first} and ${String(missing.length - 1)} more are` : `${first} is`;
  throw new RequestError('CONFLICT', `${what} can't go back to ${digest}: ${lost} not here any more`, {
    value: digest,
    detail: { missing: missing.slice(0, 100) },
  });
}
