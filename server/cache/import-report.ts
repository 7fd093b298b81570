/** What an import brought into one repository, or would bring. Bytes are of blobs that nobody had here before. */
export interface ImportTally {
  tags: number;
  manifests: number;
  blobs: number;
  bytes: number;
  /** Of `bytes`, what needed no room: hard links. */
  linkedBytes: number;
  /** Blobs that other repositories had here already. */
  sharedBlobs: number;
  /** Manifests that were here with all their tags. */
  alreadyHeld: number;
}

/** One repository of the folder and what became of it. */
export interface RepositoryImport extends Readonly<ImportTally> {
  /** As in the folder. */
  readonly name: string;
  /** Name here. */
  readonly target: string;
  /** Undefined: this mirror's own content. */
  readonly upstream: string | undefined;
  readonly damaged: readonly { readonly digest: string; readonly why: string; readonly breaks: readonly string[] }[];
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
}

/** A tally before anything came. */
export function nothingTaken(): ImportTally {
  return { tags: 0, manifests: 0, blobs: 0, bytes: 0, linkedBytes: 0, sharedBlobs: 0, alreadyHeld: 0 };
}

/** Counts a blob that came, by how its bytes got here. */
export function addTaken(tally: ImportTally, how: 'linked' | 'copied' | 'shared', bytes: number): void {
  if (how === 'shared') {
    tally.sharedBlobs += 1;
    return;
  }
  tally.blobs += 1;
  tally.bytes += bytes;
  if (how === 'linked') tally.linkedBytes += bytes;
}
