import { setImmediate as turn } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import { inTransaction } from '../db/database.ts';
import { MirrorError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import { GarbageFiles } from './garbage-files.ts';
import type { FileUsers } from './garbage-files.ts';
import { GarbageMarks } from './garbage-marks.ts';
import type { GarbageAges } from './garbage-marks.ts';
import { GarbageRows } from './garbage-rows.ts';
import type { BlobLink, BlobRow } from './garbage-rows.ts';
import type { Layout } from './layout.ts';
import { LeavingFiles } from './leaving-files.ts';
import type { Leases } from './leases.ts';
import { RemovalList } from './removal-list.ts';
import type { RemovalReport } from './removal-list.ts';
import { RemovalRows } from './removal-rows.ts';
import type { Leaving } from './removal-rows.ts';

/** Rows looked at, and at most removed, in one turn: some 10 ms. */
const rowsAtOnce = 60;
const historyAtOnce = 1000;

export interface GarbageParts extends FileUsers {
  readonly db: Database;
  readonly layout: Layout;
  readonly leases: Leases;
  /** Takes a blob whose file is gone out of service. */
  readonly lost: (digest: Digest) => Promise<void>;
}

/** One collection. */
export interface GarbageRun extends Omit<GarbageAges, 'keptSince'> {
  readonly now: number;
  /** What was left or deleted up to then goes; undefined: clients may count on anything, so only strays go. */
  readonly keptSince: number | undefined;
  readonly delayMs: number;
  /** Finds everything and removes nothing. */
  readonly isDryRun: boolean;
  /** Ends the run between two batches. */
  readonly signal: AbortSignal;
  /** Told in the turn in which content of the repository went. */
  readonly changed: (repository: string) => void;
  /** Told of each manifest that went. */
  readonly removed: (manifest: { readonly repository: string; readonly digest: string; readonly why: string }) => void;
  /** Blobs looked at so far, of all. */
  readonly tell: (done: number, total: number) => void;
}

/**
 * Mark and sweep beside pulls and pushes, in batches that keep the event loop free:
 *
 *   1. manifests whose time is over, with what only they lead to    links and rows, repository by repository
 *   2. links to blobs that no manifest of the repository needs      older than gc.delay, and nobody was told of them
 *   3. blobs without a link, rows without a file                    rows, then files by rename in the same turn
 *   4. files without a row, leftovers in incoming/
 *
 * Each batch decides and removes in one turn, so nothing that arrives in between is judged by what was read before it.
 */
export class Garbage {
  readonly #parts: GarbageParts;
  readonly #rows: GarbageRows;
  readonly #files: GarbageFiles;
  readonly #removal: RemovalRows;
  readonly #leaving: LeavingFiles;

  constructor(parts: GarbageParts) {
    this.#parts = parts;
    this.#rows = new GarbageRows(parts.db);
    this.#files = new GarbageFiles(this.#rows, parts.layout, parts);
    this.#removal = new RemovalRows(parts.db);
    this.#leaving = new LeavingFiles(parts.layout);
  }

  /**
   * Collects, or with `isDryRun` tells what a collection would remove now.
   * @throws MirrorError (CANCELLED), StorageError when a file could not be removed (it goes at the next start)
   */
  async collect(run: GarbageRun): Promise<RemovalReport> {
    const list = new RemovalList();
    const { keptSince } = run;
    const { leases } = this.#parts;
    const marks = new GarbageMarks(this.#rows, { ...run, keptSince: keptSince ?? Number.NEGATIVE_INFINITY }, leases);
    if (keptSince !== undefined) {
      await this.#sweepManifests(run, marks, list);
      await this.#sweepLinks(run, marks, list);
    }
    await this.#sweepBlobs(run, marks, list);
    await this.#sweepFiles(run, list);
    return list.report;
  }

  async #sweepManifests(run: GarbageRun, marks: GarbageMarks, list: RemovalList): Promise<void> {
    for (let id = 0; id < this.#rows.lastHistoryId(); id += historyAtOnce) {
      for (const group of marks.ended(id, id + historyAtOnce)) {
        this.#dropManifests(run, marks, group, list);
        await breathe(run);
      }
      await breathe(run);
    }
    let after = { repositoryId: 0, digest: '' };
    for (;;) {
      const page = marks.over(after, rowsAtOnce);
      for (const group of page.groups) {
        this.#dropManifests(run, marks, group, list);
        await breathe(run);
      }
      if (page.last === undefined) break;
      after = page.last;
    }
    await this.#sweepUnheld(run);
  }

  /** Decides anew and removes, in one turn. */
  #dropManifests(
    run: GarbageRun,
    marks: GarbageMarks,
    group: { readonly repositoryId: number; readonly digests: readonly string[] },
    list: RemovalList,
  ): void {
    const repository = this.#rows.repository(group.repositoryId);
    if (repository === undefined || repository.isPinned) return;
    const doomed = marks.doomed(group.repositoryId, group.digests);
    if (doomed.length === 0) return;
    const { repositoryId } = group;
    const digests = doomed.map((one) => one.digest);
    if (!run.isDryRun) {
      inTransaction(this.#parts.db, () => {
        for (const digest of digests) this.#rows.dropDeleted(repositoryId, digest);
        this.#removal.takeOut(repositoryId, { tags: [], manifests: digests }, [], leavingAt(run));
      });
      run.changed(repository.name);
    } else for (const digest of digests) marks.leaveManifest(repositoryId, digest);
    for (const { digest, why } of doomed) {
      list.add(`${repository.name}@${digest}`, why, 0);
      if (!run.isDryRun) run.removed({ repository: repository.name, digest, why });
    }
  }

  /** Rows of manifests that no repository has: nothing shows or serves them. */
  async #sweepUnheld(run: GarbageRun): Promise<void> {
    if (run.isDryRun) return;
    for (let after = ''; ;) {
      const page = this.#rows.unheldManifests(after, rowsAtOnce);
      const last = page.at(-1);
      if (last === undefined) return;
      inTransaction(this.#parts.db, () => this.#removal.takeOut(0, { tags: [], manifests: page }, [], leavingAt(run)));
      after = last;
      await breathe(run);
    }
  }

  async #sweepLinks(run: GarbageRun, marks: GarbageMarks, list: RemovalList): Promise<void> {
    for (let after = { repositoryId: 0, digest: '' }; ;) {
      const page = this.#rows.links(after, rowsAtOnce);
      const last = page.at(-1);
      if (last === undefined) return;
      const unused = page.filter((link) => marks.isUnused(link));
      await this.#dropLinks(run, marks, unused, list);
      after = last;
      await breathe(run);
    }
  }

  /** Whatever it awaits comes after the rows and the renames. */
  async #dropLinks(run: GarbageRun, marks: GarbageMarks, links: readonly BlobLink[], list: RemovalList): Promise<void> {
    if (links.length === 0) return;
    const freed = run.isDryRun ? marks.leaveLinks(links) : this.#takeOutLinks(links);
    const leaving = this.#leaving.setAside(run.isDryRun ? [] : [...freed.keys()]);
    this.#tellLinks(run, links, freed, list);
    await this.#leaving.remove(leaving);
  }

  #tellLinks(run: GarbageRun, links: readonly BlobLink[], freed: ReadonlyMap<string, number>, list: RemovalList): void {
    const names = new Map<number, string>();
    for (const { repositoryId } of links)
      if (!names.has(repositoryId)) names.set(repositoryId, this.#rows.repository(repositoryId)?.name ?? '');
    if (!run.isDryRun) for (const name of names.values()) run.changed(name);
    for (const { repositoryId, digest } of links)
      if (!freed.has(digest))
        list.add(`${names.get(repositoryId) ?? ''}@${digest}`, 'no manifest of this repository needs it', 0);
    for (const [digest, bytes] of freed) list.add(`blob ${digest}`, 'no manifest needs it', bytes);
  }

  #takeOutLinks(links: readonly BlobLink[]): Map<string, number> {
    const freed = new Map<string, number>();
    inTransaction(this.#parts.db, () => {
      for (const { repositoryId, digest } of links)
        for (const blob of this.#removal.takeOutBlobs(repositoryId, [digest])) freed.set(blob.digest, blob.size);
    });
    return freed;
  }

  async #sweepBlobs(run: GarbageRun, marks: GarbageMarks, list: RemovalList): Promise<void> {
    const total = this.#rows.blobCount();
    for (let after = '', done = 0; ;) {
      const page = this.#rows.blobs(after, rowsAtOnce);
      const last = page.at(-1);
      if (last === undefined) return;
      await this.#forgetLost(run, marks, page, list);
      if (run.keptSince !== undefined) await this.#dropUnlinked(run, marks, page, list);
      after = last.digest;
      done += page.length;
      run.tell(done, total);
      await breathe(run);
    }
  }

  async #dropUnlinked(
    run: GarbageRun,
    marks: GarbageMarks,
    page: readonly BlobRow[],
    list: RemovalList,
  ): Promise<void> {
    const unlinked = page.filter((blob) => marks.isUnlinked(blob)).map((blob) => blob.digest);
    if (unlinked.length === 0) return;
    const sizes = new Map(page.map((blob) => [blob.digest, blob.sizeBytes]));
    const gone = run.isDryRun
      ? unlinked
      : inTransaction(this.#parts.db, () => this.#removal.takeOutBlobs(0, unlinked)).map((blob) => blob.digest);
    const leaving = this.#leaving.setAside(run.isDryRun ? [] : gone);
    for (const digest of gone) list.add(`blob ${digest}`, 'no repository has it', sizes.get(digest) ?? 0);
    await this.#leaving.remove(leaving);
  }

  /** A blob whose file is gone is fetched or pushed again, instead of being promised. */
  async #forgetLost(run: GarbageRun, marks: GarbageMarks, page: readonly BlobRow[], list: RemovalList): Promise<void> {
    for (const { digest } of page) {
      if (marks.isFreed(digest) || !this.#files.isLost(digest)) continue;
      if (!run.isDryRun) await this.#parts.lost(digest);
      marks.leaveBlob(digest);
      list.add(`blob ${digest}`, 'its file is gone', 0);
    }
  }

  async #sweepFiles(run: GarbageRun, list: RemovalList): Promise<void> {
    for await (const found of this.#files.strays(run)) {
      // in this very turn: what somebody took up since it was found stays
      const leaving = found.filter((file) => file.isStill());
      for (const file of leaving) list.add(file.name, file.why, file.sizeBytes);
      if (!run.isDryRun) {
        const batch = this.#leaving.setAsideFiles(leaving.map((file) => file.path));
        await this.#leaving.remove(batch);
      }
      await breathe(run);
    }
  }
}

function leavingAt({ now }: GarbageRun): Leaving {
  return { at: now, as: 'deleted', isKept: false };
}

/** Lets everybody else have their turn. */
async function breathe({ signal }: GarbageRun): Promise<void> {
  await turn();
  if (signal.aborted) throw new MirrorError('CANCELLED', 'the mirror is stopping');
}
