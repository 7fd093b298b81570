import { statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import type { GarbageRows } from './garbage-rows.ts';
import type { Layout } from './layout.ts';
import type { Volume } from './volumes.ts';

/** A file that belongs to nothing. */
export interface StrayFile {
  /** As a person names it: `blob sha256:…` or `incoming/…`. */
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly why: string;
  /** Whether that still holds; to be asked in the turn in which it goes. */
  readonly isStill: () => boolean;
}

/** Who works on files at the moment. */
export interface FileUsers {
  readonly isDownloading: (digest: Digest) => boolean;
  readonly isUploading: (id: string) => boolean;
}

export interface StrayAges {
  readonly now: number;
  /** A download that no manifest asks for goes when nobody wrote to it for this long. */
  readonly delayMs: number;
}

/** For files of which nothing tells whether somebody works on them: between a rename and its row, or while being linked. */
const unsureMs = 60_000;
/** A broken download that nobody asked for again is given up after this, whoever may want it. */
const partialMaxAgeMs = 7 * 24 * 3_600_000;

/** Finds files of the content folder without a row, and what is left in `incoming/`. */
export class GarbageFiles {
  readonly #rows: GarbageRows;
  readonly #layout: Layout;
  readonly #users: FileUsers;
  /** The folder of blobs as it was at the start. */
  readonly #folder: Stats | undefined;

  constructor(rows: GarbageRows, layout: Layout, users: FileUsers) {
    this.#rows = rows;
    this.#layout = layout;
    this.#users = users;
    this.#folder = statSync(layout.blobs, { throwIfNoEntry: false });
  }

  /** Whether a blob's file is missing, at this moment, from a folder that is there: a share that is gone takes no blob with it. */
  isLost(digest: string): digest is Digest {
    if (!isDigest(digest)) return false;
    const volume = this.#layout.volumes.of(this.#rows.volumeOf(digest) ?? 0);
    if (!this.#layout.volumes.isThere(volume)) return false;
    if (statSync(volume.blob(digest), { throwIfNoEntry: false }) !== undefined) return false;
    if (volume.id !== 0) return true;
    return statSync(volume.incoming, { throwIfNoEntry: false }) !== undefined && this.#isFolderThere();
  }

  #isFolderThere(): boolean {
    const stats = statSync(this.#layout.blobs, { throwIfNoEntry: false });
    return stats !== undefined && stats.ino === this.#folder?.ino && stats.dev === this.#folder.dev;
  }

  /** Folder by folder; a batch is what one folder has, often nothing. */
  async *strays(ages: StrayAges): AsyncGenerator<readonly StrayFile[]> {
    for (const volume of this.#layout.volumes.present()) {
      yield* this.#blobs(volume, ages);
      yield await this.#incoming(volume, ages);
    }
  }

  async *#blobs(volume: Volume, ages: StrayAges): AsyncGenerator<readonly StrayFile[]> {
    const { blobs } = volume;
    for (const algorithm of await names(blobs)) {
      for (const prefix of await names(join(blobs, algorithm))) {
        const folder = join(blobs, algorithm, prefix);
        const found = (await names(folder)).map((hex) =>
          this.#blob(volume, { digest: `${algorithm}:${hex}`, path: join(folder, hex) }, ages),
        );
        yield found.filter((file) => file !== undefined);
      }
    }
  }

  #blob(
    { id }: Volume,
    { digest, path }: { readonly digest: string; readonly path: string },
    { now, delayMs }: StrayAges,
  ): StrayFile | undefined {
    if (this.#rows.volumeOf(digest) === id) return undefined;
    return stray({ path, name: `blob ${digest}`, why: 'a file that nothing knows of' }, now, {
      ageMs: Math.max(delayMs, unsureMs),
      isFree: () => this.#rows.volumeOf(digest) !== id,
    });
  }

  async #incoming({ incoming }: Volume, ages: StrayAges): Promise<readonly StrayFile[]> {
    const found = (await names(incoming)).map((name) => this.#arriving(join(incoming, name), ages));
    return found.filter((file) => file !== undefined);
  }

  #arriving(path: string, { now, delayMs }: StrayAges): StrayFile | undefined {
    const name = basename(path);
    const file = { path, name: `incoming/${name}` };
    const upload = /^upload-(.*)\.part$/.exec(name)?.[1];
    if (upload !== undefined)
      return stray({ ...file, why: 'an upload that nobody goes on with' }, now, {
        ageMs: Math.max(delayMs, unsureMs),
        isFree: () => !this.#rows.hasUpload(upload) && !this.#users.isUploading(upload),
      });
    const digest = /^(.*)\.part$/.exec(name)?.[1]?.replace('-', ':') ?? '';
    if (!isDigest(digest))
      return stray({ ...file, why: 'left behind by a deletion' }, now, { ageMs: unsureMs, isFree: () => true });
    const isDownloading = (): boolean => this.#users.isDownloading(digest);
    return stray({ ...file, why: 'a broken download that nobody asks for' }, now, {
      ageMs: this.#rows.isWanted(digest) ? partialMaxAgeMs : delayMs,
      isFree: () => !isDownloading(),
    });
  }
}

function stray(
  file: Pick<StrayFile, 'name' | 'path' | 'why'>,
  now: number,
  rule: { readonly ageMs: number; readonly isFree: () => boolean },
): StrayFile | undefined {
  if (!rule.isFree()) return undefined;
  const stats = statSync(file.path, { throwIfNoEntry: false });
  // a rename or a hard link leaves the time of the last write as it was
  if (stats === undefined || now - Math.max(stats.mtimeMs, stats.ctimeMs) < rule.ageMs) return undefined;
  return { ...file, sizeBytes: stats.size, isStill: rule.isFree };
}

async function names(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
