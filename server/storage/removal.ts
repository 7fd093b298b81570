import { mkdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../db/database.ts';
import { inTransaction, storageError } from '../db/database.ts';
import { RequestError } from '../errors.ts';
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

/** Ends the trial of a preview: what it did is undone with its transaction. */
class TrialOver extends Error {}

/**
 * Takes content out of a repository. What any kept manifest references, or another repository has, stays; the tags' history
 * stays; the repository's row stays.
 *
 *   rows (one transaction) ─► file renamed to incoming/….gone (same turn) ─► file removed
 *
 * A crash after the rows leaves files without a row or `.gone` files: both go at the next start. The rename happens in the
 * turn of the transaction, so a new download of the same blob can't meet the old file; who has it open reads on.
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
   * Exactly what {@link remove} would take out now: it is done and undone.
   * @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN, CONFLICT when something of it is pinned)
   */
  preview(target: RemovalTarget): Removed {
    let removed: Removed | undefined;
    try {
      inTransaction(this.#db, () => {
        removed = this.#describe(this.#takeOut(target));
        throw new TrialOver();
      });
    } catch (error) {
      if (!(error instanceof TrialOver)) throw error;
    }
    return removed ?? { items: [], itemsTotal: 0, freedBytes: 0 };
  }

  /**
   * Removes; resolves when the bytes are free.
   * @throws RequestError (NAME_UNKNOWN, MANIFEST_UNKNOWN, CONFLICT when something of it is pinned),
   * StorageError when a file could not be removed (it goes at the next start)
   */
  async remove(target: RemovalTarget): Promise<Removed> {
    const taken = inTransaction(this.#db, () => this.#takeOut(target));
    await this.#removeFiles(taken.freed);
    return this.#describe(taken);
  }

  #takeOut(target: RemovalTarget): Taken {
    const repository = this.#rows.find(target.repository);
    if (repository === undefined)
      throw new RequestError('NAME_UNKNOWN', `nothing is held of ${target.repository}`, { value: target.repository });
    const graph = this.#graphs.read(repository.id);
    const plan = planOf(graph, target);
    const pinned = [...(repository.isPinned ? [`repository ${target.repository}`] : []), ...pinnedIn(graph, plan)];
    if (pinned.length > 0) {
      const more = pinned.length > 3 ? ` and ${String(pinned.length - 3)} more` : '';
      throw new RequestError('CONFLICT', `pinned: ${pinned.slice(0, 3).join(', ')}${more}; unpin first`, {
        value: target.repository,
      });
    }
    const isWhole = target.reference === undefined;
    const unlinked = isWhole ? [...graph.blobs.keys()] : leavingBlobs(graph, plan);
    const freed = this.#rows.takeOut(repository.id, plan, unlinked);
    if (isWhole) this.#rows.forgetAnswers(repository.id);
    return { target, plan, freed };
  }

  #describe({ target, plan, freed }: Taken): Removed {
    const items: string[] = [];
    const add = (names: readonly string[], name: (one: string) => string): void => {
      for (const one of names.slice(0, itemLimit - items.length)) items.push(name(one));
    };
    add(plan.tags, (tag) => `${target.repository}:${tag}`);
    add(plan.manifests, (digest) => `${target.repository}@${digest}`);
    add(
      freed.map((blob) => blob.digest),
      (digest) => `blob ${digest}`,
    );
    return {
      items,
      itemsTotal: plan.tags.length + plan.manifests.length + freed.length,
      freedBytes: freed.reduce((sum, blob) => sum + blob.size, 0),
    };
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

interface Taken {
  readonly target: RemovalTarget;
  readonly plan: RemovalPlan;
  readonly freed: readonly FreedBlob[];
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
