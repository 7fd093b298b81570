import { statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { StorageError } from '../errors.ts';
import { algorithmOf, hexOf } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';

/** A directory in which blobs are kept; what moves within it moves by rename. */
export interface Volume {
  /** As in `blobs.volume`; 0 is the storage directory. */
  readonly id: number;
  readonly directory: string;
  readonly incoming: string;
  readonly blobs: string;
  readonly quarantine: string;
  blob(digest: Digest): string;
  partial(digest: Digest): string;
  upload(id: string): string;
  quarantined(digest: Digest): string;
}

/** A volume beside the storage directory, as it was found at the start. */
export interface FoundVolume {
  readonly volume: Volume;
  /** Why it can't be used, in words; undefined when it can. */
  readonly problem: string | undefined;
}

interface Folder {
  readonly dev: number;
  readonly ino: number;
}

/** The paths of a volume. */
export function volumeAt(id: number, directory: string): Volume {
  const blobs = join(directory, 'blobs');
  const incoming = join(directory, 'incoming');
  const quarantine = join(directory, 'quarantine');
  return {
    id,
    directory,
    incoming,
    blobs,
    quarantine,
    blob: (digest) => join(blobs, algorithmOf(digest), hexOf(digest).slice(0, 2), hexOf(digest)),
    partial: (digest) => join(incoming, `${algorithmOf(digest)}-${hexOf(digest)}.part`),
    upload: (id) => join(incoming, `upload-${id}.part`),
    quarantined: (digest) => join(quarantine, `${algorithmOf(digest)}-${hexOf(digest)}`),
  };
}

/** Every directory in which blobs are, and for which repositories. What of them is there is asked of the disk each time. */
export class Volumes {
  /** The storage directory. */
  readonly storage: Volume;
  readonly all: readonly Volume[];
  readonly #problems = new Map<number, string>();
  /** The folders of blobs as they were at the start. */
  readonly #folders = new Map<number, Folder>();
  /** The longest prefix first. */
  readonly #prefixes: readonly { readonly prefix: string; readonly volume: Volume }[];

  constructor(
    storage: Volume,
    found: readonly FoundVolume[] = [],
    prefixes: readonly { readonly prefix: string; readonly volume: Volume }[] = [],
  ) {
    this.storage = storage;
    this.all = [storage, ...found.map(({ volume }) => volume)];
    this.#prefixes = prefixes.toSorted((a, b) => b.prefix.length - a.prefix.length);
    for (const { volume, problem } of found) {
      const stats = statSync(volume.blobs, { throwIfNoEntry: false });
      if (problem !== undefined) this.#problems.set(volume.id, problem);
      else if (stats !== undefined) this.#folders.set(volume.id, stats);
    }
  }

  /** Where a blob is that has this in its row. */
  of(id: number): Volume {
    return this.all.find((volume) => volume.id === id) ?? this.storage;
  }

  /** Where new blobs of a repository go: the deepest prefix decides. */
  for(repository: string): Volume {
    const found = this.#prefixes.find(({ prefix }) => repository === prefix || repository.startsWith(`${prefix}/`));
    return found?.volume ?? this.storage;
  }

  /** Where a file is; a file of another folder counts as the storage directory's. */
  holding(path: string): Volume {
    return (
      this.all.find(({ incoming, blobs }) => [incoming, blobs].some((folder) => path.startsWith(folder + sep))) ??
      this.storage
    );
  }

  /**
   * Whether a volume is the one it was at the start: a disk that is not mounted takes no blob with it. What becomes of the
   * storage directory is asked by those who remove.
   */
  isThere({ id, blobs }: Volume): boolean {
    if (id === 0) return true;
    const folder = this.#folders.get(id);
    if (folder === undefined) return false;
    const stats = statOrNothing(blobs);
    return stats?.dev === folder.dev && stats.ino === folder.ino;
  }

  /** All that are there. */
  present(): readonly Volume[] {
    return this.all.filter((volume) => this.isThere(volume));
  }

  /** What is not there, and why. */
  missing(): readonly { readonly directory: string; readonly why: string }[] {
    return this.all
      .filter((volume) => !this.isThere(volume))
      .map(({ id, directory }) => ({ directory, why: this.#problems.get(id) ?? 'is not the directory it was' }));
  }

  /** @throws StorageError (STORAGE_FAILED) when the volume is not there */
  refuseMissing(volume: Volume): void {
    if (this.isThere(volume)) return;
    const why = this.#problems.get(volume.id) ?? 'is not the directory it was';
    throw new StorageError('STORAGE_FAILED', `${volume.directory} ${why}; is its disk mounted?`, {
      value: volume.directory,
    });
  }

  /** Whether files of both share one disk's free space. */
  isSameDisk(volume: Volume, other: Volume): boolean {
    if (volume.id === other.id) return true;
    return statOrNothing(volume.directory)?.dev === statOrNothing(other.directory)?.dev;
  }
}

/** A disk that fails says so in many ways; none of them is a folder. */
function statOrNothing(path: string): Folder | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
