import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Database, Statement } from '../db/database.ts';
import { inTransaction, storageError } from '../db/database.ts';
import { isDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import type { FileIdentity, Finding } from './blob-proof.ts';
import { DamageRows } from './damage-rows.ts';
import type { DamageRow } from './damage-rows.ts';
import type { Layout } from './layout.ts';
import type { Volume } from './volumes.ts';

/** What was taken out of service. */
export interface SetAside {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Names of the repositories that served it: what is remembered of them is out of date. */
  readonly repositories: readonly string[];
}

/** Damaged content as a person is told of it. Times are milliseconds since the epoch. */
export interface Damage {
  readonly digest: Digest;
  readonly kind: 'blob' | 'manifest';
  readonly sizeBytes: number;
  readonly foundAt: number;
  readonly reason: string;
  readonly repairedAt: number | undefined;
  /** `repository:tag`, or `repository@digest` where no tag leads to it; at most 100. */
  readonly breaks: readonly string[];
}

const shownLimit = 200;

/**
 * Content that rotted: out of service at once, its bytes kept until it is whole again, and known by name until then.
 *
 *   blob       file renamed to quarantine/ ─► rows gone: it is not held, and a pull or push brings it back
 *   manifest   bytes written to quarantine/ ─► content emptied: not held either; its tags, links and references stay
 *
 * A repaired blob gets its links back by the triggers: a manifest that references it is enough.
 */
export class DamageStore {
  readonly #db: Database;
  readonly #layout: Layout;
  readonly #rows: DamageRows;
  readonly #row: Statement<[string], { size: number; volume: number }>;
  readonly #unlink: Statement<[string]>;
  readonly #drop: Statement<[string]>;
  readonly #empty: Statement<[string], { size: number }>;

  constructor(db: Database, layout: Layout) {
    this.#db = db;
    this.#layout = layout;
    this.#rows = new DamageRows(db);
    this.#row = db.prepare('SELECT size, volume FROM blobs WHERE digest = ?');
    this.#unlink = db.prepare('DELETE FROM repository_blobs WHERE digest = ?');
    this.#drop = db.prepare('DELETE FROM blobs WHERE digest = ?');
    this.#empty = db.prepare("UPDATE manifests SET content = x'' WHERE digest = ? RETURNING size");
  }

  /**
   * Takes a blob out of service, in one turn. Undefined when there is nothing to take: it was deleted, or `file` is not the
   * one in its place any more.
   * @throws StorageError when the rows could not be changed; then the blob is as it was
   */
  setBlobAside(
    digest: Digest,
    damage: { readonly finding: Finding; readonly file?: FileIdentity | undefined; readonly now: number },
  ): SetAside | undefined {
    const row = this.#row.get(digest);
    if (row === undefined) return undefined;
    const sizeBytes = row.size;
    const volume = this.#layout.volumes.of(row.volume);
    if (!this.#isStill(volume, digest, damage)) return undefined;
    const repositories = this.#rows.repositoriesOf(digest);
    const isMoved = damage.finding !== 'missing' && this.#move(volume, digest, 'away');
    try {
      inTransaction(this.#db, () => {
        this.#rows.note(digest, sizeBytes, damage.finding, damage.now);
        this.#unlink.run(digest);
        this.#drop.run(digest);
      });
    } catch (error) {
      if (isMoved) this.#move(volume, digest, 'back');
      throw storageError(error, `setting damaged blob ${digest} aside`);
    }
    return { digest, sizeBytes, repositories };
  }

  /** Takes a manifest out of service; `content` is what was found. @throws StorageError; then it is as it was */
  setManifestAside(digest: Digest, content: Buffer, now: number): SetAside {
    const repositories = this.#rows.repositoriesOf(digest);
    try {
      mkdirSync(this.#layout.quarantine, { recursive: true });
      writeFileSync(this.#layout.quarantined(digest), content);
      return inTransaction(this.#db, () => {
        const sizeBytes = this.#empty.get(digest)?.size ?? 0;
        this.#rows.note(digest, sizeBytes, 'wrong bytes', now);
        return { digest, sizeBytes, repositories };
      });
    } catch (error) {
      throw storageError(error, `setting damaged manifest ${digest} aside`);
    }
  }

  /** How much is damaged and not here again. */
  openCount(): number {
    return this.#rows.openCount();
  }

  /** Digests of what is damaged and not here again, oldest first. */
  open(): Digest[] {
    return this.#rows.open().filter(isDigest);
  }

  /** Names of repositories with an upstream that may have it, most recently pulled first. */
  sourcesOf(digest: Digest): string[] {
    return this.#rows.sourcesOf(digest);
  }

  isManifest(digest: Digest): boolean {
    return this.#rows.isManifest(digest);
  }

  /** Most recent first, at most 200. */
  list(): Damage[] {
    return this.#rows.list(shownLimit).flatMap((row) => this.#damageOf(row));
  }

  /**
   * Notes what is here again, whoever brought it, and forgets what nothing needs any more; the files set aside for both go.
   * Gives what was repaired.
   */
  async settle(now: number): Promise<Digest[]> {
    const repaired = this.#rows.markRepaired(now).filter(isDigest);
    const forgotten = this.#rows.forgetUnneeded().filter(isDigest);
    for (const digest of [...repaired, ...forgotten])
      for (const volume of this.#layout.volumes.present()) await rm(volume.quarantined(digest), { force: true });
    return repaired;
  }

  /** Removes what a crash left in quarantine: files of content that is whole again. */
  async tidy(): Promise<void> {
    for (const { quarantine } of this.#layout.volumes.present()) {
      const names = await readdir(quarantine).catch(() => []);
      // asked after the folder was read: what comes into it meanwhile is not among the names
      const needed = new Set(this.open().map((digest) => basename(this.#layout.quarantined(digest))));
      for (const name of names) if (!needed.has(name)) await rm(join(quarantine, name), { force: true });
    }
  }

  #damageOf(row: DamageRow): Damage[] {
    const { digest } = row;
    if (!isDigest(digest)) return [];
    return [
      {
        digest,
        kind: this.isManifest(digest) ? 'manifest' : 'blob',
        sizeBytes: row.size,
        foundAt: row.found_at,
        reason: row.reason,
        repairedAt: row.repaired_at ?? undefined,
        breaks: row.repaired_at === null ? this.#rows.breaks(digest) : [],
      },
    ];
  }

  /** Whether what was found is still so: a blob deleted and fetched again meanwhile has another file. */
  #isStill(
    volume: Volume,
    digest: Digest,
    { finding, file }: { readonly finding: Finding; readonly file?: FileIdentity | undefined },
  ): boolean {
    const stats = statSync(volume.blob(digest), { throwIfNoEntry: false });
    if (finding === 'missing') return stats === undefined && this.#layout.volumes.isThere(volume);
    return file === undefined || (stats?.dev === file.device && stats.ino === file.inode);
  }

  /** A medium that refuses even this must not keep the blob in service: then the file stays, and the next download replaces it. */
  #move(volume: Volume, digest: Digest, where: 'away' | 'back'): boolean {
    const [held, aside] = [volume.blob(digest), volume.quarantined(digest)];
    try {
      mkdirSync(volume.quarantine, { recursive: true });
      renameSync(...(where === 'away' ? ([held, aside] as const) : ([aside, held] as const)));
      return true;
    } catch {
      return false;
    }
  }
}
