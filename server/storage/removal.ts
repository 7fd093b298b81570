import { mkdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../db/database.ts';
import { inTransaction, storageError } from '../db/database.ts';
import { MirrorError, RequestError } from '../errors.ts';
import { limit } from '../lib/concurrency.ts';
import { isDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import type { Layout } from './layout.ts';
import { pinnedIn, planManifest, planRepository, planTag } from './removal-plan.ts';
import type { RemovalPlan } from './removal-plan.ts';
import { RemovalRows } from './removal-rows.ts';
import type { FreedBlob } from './removal-rows.ts';
import { GraphReader, blobsOf } from './repository-graph.ts';
import type { RepositoryGraph } from './repository-graph.ts';

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
  /** Bytes of blob files that nothing else uses. */
  readonly freedBytes: number;
}

const itemLimit = 1000;
const filesAtOnce = 4;

/**
 * Takes content out of a repository. What any kept manifest references, or another repository has, stays; the tags' history
 * stays; the repository's row stays.
 *
 *   rows (one transaction) ─► file renamed to incoming/….gone (same turn) ─► file removed
 *
 * A crash after the rows leaves files without a row (set aside as downloads at the next start) or `.gone` files (removed
 * then). The rename happens in the turn of the transaction, so a new download of the same blob can't meet the old file; who
 * has it open reads on.
 */
export class Removal {
  readonly #db: Database;
  readonly #layout: Layout;
  readonly #graphs: GraphReader;
  readonly #rows: RemovalRows;
  #counter = 0;

  constructor(db: Database, layout: Layout) {
    this.#db = db;
    this.#layout = layout;
    this.#graphs = new GraphReader(db);
    this.#rows = new RemovalRows(db);
  }

  /**
   * Exactly what {@link remove} would take out now.
   * @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN, CONFLICT when something of it is pinned)
   */
  preview(target: RemovalTarget): Removed {
    const { graph, plan, blobs } = this.#prepare(target);
    // a held blob is linked wherever a manifest references it, so what nobody else links is needed by nobody else
    const freed = blobs.flatMap((digest) => {
      const blob = graph.blobs.get(digest);
      return blob === undefined || blob.isShared ? [] : [{ digest, size: blob.sizeBytes }];
    });
    return describe(target, plan, freed);
  }

  /**
   * Removes; resolves when the bytes are free.
   * @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN, CONFLICT when something of it is pinned),
   * StorageError when the rows could not be removed, or a file (it goes at the next start)
   */
  async remove(target: RemovalTarget): Promise<Removed> {
    const { plan, freed } = this.#takeOut(target);
    await this.#removeFiles(freed);
    return describe(target, plan, freed);
  }

  /**
   * Takes one blob out of a repository in which no manifest references it.
   * @throws StorageError when the rows could not be removed, or the file (it goes at the next start)
   */
  async removeBlob(repositoryId: number, digest: Digest): Promise<void> {
    let freed: readonly FreedBlob[];
    try {
      freed = inTransaction(this.#db, () => this.#rows.takeOut(repositoryId, { tags: [], manifests: [] }, [digest]));
    } catch (error) {
      throw storageError(error, `deleting blob ${digest}`);
    }
    await this.#removeFiles(freed);
  }

  #takeOut(target: RemovalTarget): { readonly plan: RemovalPlan; readonly freed: readonly FreedBlob[] } {
    try {
      return inTransaction(this.#db, () => {
        const { repositoryId, plan, blobs } = this.#prepare(target);
        const freed = this.#rows.takeOut(repositoryId, plan, blobs);
        if (target.reference === undefined) this.#rows.forgetAnswers(repositoryId);
        return { plan, freed };
      });
    } catch (error) {
      throw error instanceof MirrorError ? error : storageError(error, `deleting from ${target.repository}`);
    }
  }

  #prepare(target: RemovalTarget): Prepared {
    const repository = this.#rows.find(target.repository);
    if (repository === undefined)
      throw new RequestError('NAME_UNKNOWN', `nothing is held of ${target.repository}`, { value: target.repository });
    const graph = this.#graphs.read(repository.id);
    const plan = planOf(graph, target);
    refusePinned([...(repository.isPinned ? [`repository ${target.repository}`] : []), ...pinnedIn(graph, plan)]);
    const blobs = target.reference === undefined ? [...graph.blobs.keys()] : leavingBlobs(graph, plan);
    return { repositoryId: repository.id, graph, plan, blobs };
  }

  async #removeFiles(freed: readonly FreedBlob[]): Promise<void> {
    const failures: unknown[] = [];
    const leaving: string[] = [];
    if (freed.length > 0) mkdirSync(this.#layout.incoming, { recursive: true });
    for (const { digest } of freed) {
      try {
        if (isDigest(digest)) leaving.push(this.#setAside(digest));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') failures.push(error);
      }
    }
    const turn = limit(filesAtOnce);
    const results = await Promise.allSettled(leaving.map((path) => turn(() => rm(path, { force: true }))));
    for (const result of results) if (result.status === 'rejected') failures.push(result.reason);
    if (failures.length > 0)
      throw storageError(failures[0], `removing ${String(failures.length)} files of deleted content`);
  }

  #setAside(digest: Digest): string {
    this.#counter += 1;
    const path = join(this.#layout.incoming, `${String(process.pid)}-${String(this.#counter)}.gone`);
    renameSync(this.#layout.blob(digest), path);
    return path;
  }
}

interface Prepared {
  readonly repositoryId: number;
  readonly graph: RepositoryGraph;
  readonly plan: RemovalPlan;
  /** Digests of blobs that leave the repository. */
  readonly blobs: readonly string[];
}

function describe({ repository }: RemovalTarget, plan: RemovalPlan, freed: readonly FreedBlob[]): Removed {
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

/** Blobs of removed manifests that no manifest left in the repository references. */
function leavingBlobs(graph: RepositoryGraph, plan: RemovalPlan): string[] {
  const removed = new Set(plan.manifests);
  const needed = blobsOf(
    graph,
    [...graph.manifests.keys()].filter((digest) => !removed.has(digest)),
  );
  return [...blobsOf(graph, plan.manifests)].filter((digest) => graph.blobs.has(digest) && !needed.has(digest));
}
