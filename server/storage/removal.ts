import { setImmediate as turn } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import { inTransaction, storageError } from '../db/database.ts';
import { MirrorError, RequestError } from '../errors.ts';
import { isDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { BlobUsers } from './blob-users.ts';
import type { Layout } from './layout.ts';
import { LeavingFiles } from './leaving-files.ts';
import type { LeavingBatch } from './leaving-files.ts';
import type { Leases } from './leases.ts';
import { NearbyGraph } from './nearby-graph.ts';
import { pinnedIn, planManifest, planRepository, planTag } from './removal-plan.ts';
import type { RemovalPlan } from './removal-plan.ts';
import { RemovalRows } from './removal-rows.ts';
import type { FreedBlob } from './removal-rows.ts';
import { GraphReader, blobsOf } from './repository-graph.ts';
import type { RepositoryGraph } from './repository-graph.ts';
import { TagStore } from './tag-store.ts';

/** A repository, or one tag or digest of it. The client controls both. */
export interface RemovalTarget {
  readonly repository: string;
  readonly reference?: string | undefined;
}

/** What goes, or went. */
export interface Removed {
  /** Tags, manifests and blobs, as a person names them; at most 1000 of them. */
  readonly items: string[];
  readonly itemsTotal: number;
  /** Bytes of blob files that nothing else uses, gone at once. */
  readonly freedBytes: number;
  /** Bytes of blob files that nothing else uses, kept as long as the deletion can be undone. */
  readonly keptBytes: number;
}

/** How content is deleted. */
export interface RemovalOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** True: its bytes are free at once and it can't be undone. False: it is kept, to be restored. */
  readonly freeNow: boolean;
}

const itemLimit = 1000;
const emptyGraph: RepositoryGraph = { tags: [], manifests: new Map(), blobs: new Map(), referrers: new Map() };
/** Rows of one transaction: some 10 ms. */
const rowsAtOnce = 60;

/**
 * Takes content out of a repository. What any held or kept manifest references, or another repository has, stays; the tags'
 * history stays; the repository's row stays.
 *
 *   tags and manifests (one transaction) ─► blobs, batch by batch: rows ─► files to incoming/….gone (same turn) ─► removed
 *
 * A crash after the first transaction leaves blobs that nothing needs (collected as garbage), files without a row (set aside
 * as downloads at the next start) or `.gone` files (removed then).
 */
export class Removal {
  readonly #db: Database;
  readonly #graphs: GraphReader;
  readonly #nearby: NearbyGraph;
  readonly #tags: TagStore;
  readonly #users: BlobUsers;
  readonly #rows: RemovalRows;
  readonly #leaving: LeavingFiles;
  readonly #leases: Leases | undefined;

  /** `leases`: what clients are told while a removal is under way; without them nobody is told anything meanwhile. */
  constructor(db: Database, layout: Layout, leases?: Leases) {
    this.#db = db;
    this.#leaving = new LeavingFiles(layout);
    this.#leases = leases;
    this.#graphs = new GraphReader(db);
    this.#nearby = new NearbyGraph(db);
    this.#tags = new TagStore(db);
    this.#users = new BlobUsers(db);
    this.#rows = new RemovalRows(db);
  }

  /**
   * Exactly what {@link remove} would take out now.
   * @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN, CONFLICT when something of it is pinned)
   */
  preview(target: RemovalTarget, options: Pick<RemovalOptions, 'freeNow'>): Removed {
    const prepared = this.#prepare(target);
    return describe(target, prepared.plan, this.#split(prepared, options.freeNow));
  }

  /**
   * Removes; resolves when the bytes that go are free.
   * @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN, CONFLICT when something of it is pinned),
   * StorageError when the rows could not be removed, or a file (it goes at the next start)
   */
  async remove(target: RemovalTarget, options: RemovalOptions): Promise<Removed> {
    const isPromised = this.#promises(target, options);
    const hidden = this.#hide(target, options);
    const freed: FreedBlob[] = [];
    try {
      for (const step of this.#sweep(hidden, isPromised)) {
        freed.push(...step.freed);
        await this.#leaving.remove(step.files);
        await turn();
      }
    } catch (error) {
      throw error instanceof MirrorError ? error : storageError(error, `deleting from ${target.repository}`);
    }
    return describe(target, hidden.plan, { freed, keptBytes: hidden.keptBytes });
  }

  /**
   * Takes one blob out of a repository in which no manifest references it.
   * @throws StorageError when the rows could not be removed, or the file (it goes at the next start)
   */
  async removeBlob(repositoryId: number, digest: Digest): Promise<void> {
    let freed: readonly FreedBlob[];
    try {
      freed = inTransaction(this.#db, () => this.#rows.takeOutBlobs(repositoryId, [digest]));
    } catch (error) {
      throw storageError(error, `deleting blob ${digest}`);
    }
    await this.#leaving.remove(this.#leaving.setAside(freed.map((blob) => blob.digest)));
  }

  /**
   * Blobs that somebody who pushes may count on. Where bytes must go at once, or a repository with them, that is what was
   * pushed or promised since now; else no bytes are free by the link, and every promise holds until garbage is collected.
   */
  #promises(target: RemovalTarget, { freeNow }: RemovalOptions): (digest: string) => boolean {
    const leases = this.#leases;
    if (leases === undefined) return () => false;
    if (!freeNow && target.reference !== undefined) return (digest) => leases.isHeld(digest);
    const since = leases.mark();
    return (digest) => leases.isNewerThan(digest, since);
  }

  /** What a person sees of it, in one short transaction. A crash after it leaves what nothing needs, for the next collection. */
  #hide(target: RemovalTarget, { now, freeNow }: RemovalOptions): Hidden {
    try {
      return inTransaction(this.#db, () => {
        const prepared = this.#prepare(target);
        const { repositoryId, plan, blobs } = prepared;
        const { keptBytes } = this.#split(prepared, freeNow);
        this.#rows.hide(repositoryId, plan, { at: now, as: 'deleted', isKept: !freeNow });
        if (target.reference === undefined) this.#rows.forgetRepository(repositoryId);
        return { repositoryId, plan, blobs, keptBytes };
      });
    } catch (error) {
      throw error instanceof MirrorError ? error : storageError(error, `deleting from ${target.repository}`);
    }
  }

  /** The rest, in batches that keep the event loop free: each is a transaction, and the renames of its files in the same turn. */
  *#sweep({ repositoryId, plan, blobs }: Hidden, isPromised: (digest: string) => boolean): Generator<Step> {
    for (const batch of batches(plan.manifests)) {
      inTransaction(this.#db, () => {
        this.#rows.dropManifests(batch);
      });
      yield { freed: [], files: this.#leaving.setAside([]) };
    }
    for (const batch of batches(blobs)) {
      const leaving = batch.filter((digest) => !isPromised(digest) && !this.#rows.isUsed(repositoryId, digest));
      const freed = inTransaction(this.#db, () => this.#rows.takeOutBlobs(repositoryId, leaving));
      yield { freed, files: this.#leaving.setAside(freed.map((blob) => blob.digest)) };
    }
  }

  #prepare(target: RemovalTarget): Prepared {
    const repository = this.#rows.find(target.repository);
    if (repository === undefined)
      throw new RequestError('NAME_UNKNOWN', `nothing is held of ${target.repository}`, { value: target.repository });
    const graph = this.#graph(repository.id, target.reference);
    const plan = planOf(graph, target);
    refusePinned([...(repository.isPinned ? [`repository ${target.repository}`] : []), ...pinnedIn(graph, plan)]);
    const blobs =
      target.reference === undefined ? [...graph.blobs.keys()] : this.#leavingBlobs(repository.id, graph, plan);
    return { repositoryId: repository.id, graph, plan, blobs };
  }

  /** Of a tag or a digest only what is near it: nobody may have to wait because the repository holds much else. */
  #graph(repositoryId: number, reference: string | undefined): RepositoryGraph {
    if (reference === undefined) return this.#graphs.read(repositoryId);
    const root = isDigest(reference) ? reference : this.#tags.find(repositoryId, reference)?.digest;
    return root === undefined ? emptyGraph : this.#nearby.around(repositoryId, root);
  }

  /** Blobs of removed manifests that no manifest left in the repository references. */
  #leavingBlobs(repositoryId: number, graph: RepositoryGraph, plan: RemovalPlan): string[] {
    const removed = new Set(plan.manifests);
    return [...blobsOf(graph, plan.manifests)].filter(
      (digest) =>
        graph.blobs.has(digest) && !this.#users.isUsed(repositoryId, digest, (manifest) => removed.has(manifest)),
    );
  }

  /** What becomes of the blobs that leave the repository and that nothing else has. */
  #split({ graph, plan, blobs }: Prepared, freeNow: boolean): Fate {
    const needed = freeNow ? new Set<string>() : blobsOf(graph, plan.manifests);
    const freed: FreedBlob[] = [];
    let keptBytes = 0;
    for (const digest of blobs) {
      const blob = graph.blobs.get(digest);
      // a held blob is linked wherever a manifest references it, so what nobody else links or keeps is needed by nobody else
      if (blob === undefined || blob.isShared || this.#rows.isKept(digest)) continue;
      if (needed.has(digest)) keptBytes += blob.sizeBytes;
      else freed.push({ digest, size: blob.sizeBytes });
    }
    return { freed, keptBytes };
  }
}

/** Blobs whose rows went in one transaction, and their files. */
interface Step {
  readonly freed: readonly FreedBlob[];
  readonly files: LeavingBatch;
}

/** A removal whose tags and manifests are gone already. */
interface Hidden {
  readonly repositoryId: number;
  readonly plan: RemovalPlan;
  /** Digests of blobs that leave the repository. */
  readonly blobs: readonly string[];
  readonly keptBytes: number;
}

/** What becomes of blobs. */
interface Fate {
  readonly freed: readonly FreedBlob[];
  readonly keptBytes: number;
}

interface Prepared {
  readonly repositoryId: number;
  readonly graph: RepositoryGraph;
  readonly plan: RemovalPlan;
  /** Digests of blobs that leave the repository. */
  readonly blobs: readonly string[];
}

function describe({ repository }: RemovalTarget, plan: RemovalPlan, { freed, keptBytes }: Fate): Removed {
  const items: string[] = [];
  const add = (names: readonly string[], before: string): void => {
    for (const name of names.slice(0, itemLimit - items.length)) items.push(before + name);
  };
  add(plan.tags, `${repository}:`);
  add(plan.manifests, `${repository}@`);
  const digests = freed.map((blob) => blob.digest);
  add(digests, 'blob ');
  return {
    items,
    itemsTotal: plan.tags.length + plan.manifests.length + freed.length,
    freedBytes: freed.reduce((sum, blob) => sum + blob.size, 0),
    keptBytes,
  };
}

function refusePinned(pinned: readonly string[]): void {
  if (pinned.length === 0) return;
  const more = pinned.length > 3 ? ` and ${String(pinned.length - 3)} more` : '';
  throw new RequestError('CONFLICT', `pinned: ${pinned.slice(0, 3).join(', ')}${more}; unpin first`, {
    value: pinned[0],
  });
}

function planOf(graph: RepositoryGraph, { repository, reference }: RemovalTarget): RemovalPlan {
  if (reference === undefined) return planRepository(graph);
  const isByDigest = isDigest(reference);
  const isHeld = isByDigest ? graph.manifests.has(reference) : graph.tags.some((tag) => tag.name === reference);
  if (!isHeld)
    throw new RequestError(
      'MANIFEST_UNKNOWN',
      `${repository} holds no ${isByDigest ? 'manifest' : 'tag'} ${reference.slice(0, 200)}`,
      { value: reference },
    );
  return isByDigest ? planManifest(graph, reference) : planTag(graph, reference);
}

function* batches(digests: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < digests.length; from += rowsAtOnce) yield digests.slice(from, from + rowsAtOnce);
}
