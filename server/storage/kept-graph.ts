import type { Database, Statement } from '../db/database.ts';
import { isForeignLayer } from '../oci/media-types.ts';

interface ReferenceRow {
  readonly child: string;
  readonly kind: 'config' | 'layer' | 'manifest';
  readonly mediaType: string;
  readonly platform: string | null;
}

interface MissingWalk {
  readonly repositoryId: number;
  readonly mayBeSparse: boolean;
  readonly known: Map<string, readonly string[]>;
}

/** What a manifest leads to in its repository. */
export interface KeptReach {
  /** Digests of the manifests that were deleted and are kept, itself and those attached to it among them. */
  readonly deleted: readonly string[];
  /** Bytes of the blobs that are here. */
  readonly bytes: number;
}

/** Walks from one manifest over what a repository holds and what was deleted from it and is kept. */
export class KeptGraph {
  readonly #isLinked: Statement<[number, string], { one: number }>;
  readonly #isDeleted: Statement<[number, string], { one: number }>;
  readonly #references: Statement<[string], ReferenceRow>;
  readonly #referrers: Statement<[string], { digest: string }>;
  readonly #blob: Statement<[string], { size: number }>;

  constructor(db: Database) {
    this.#isLinked = db.prepare('SELECT 1 AS one FROM repository_manifests WHERE repository_id = ? AND digest = ?');
    this.#isDeleted = db.prepare('SELECT 1 AS one FROM deleted_manifests WHERE repository_id = ? AND digest = ?');
    this.#references = db.prepare(
      'SELECT child, kind, media_type AS mediaType, platform FROM manifest_references WHERE parent = ? ORDER BY position',
    );
    this.#referrers = db.prepare('SELECT digest FROM manifests WHERE subject = ?');
    this.#blob = db.prepare('SELECT size FROM blobs WHERE digest = ?');
  }

  /** Whether the repository holds the manifest, or keeps it to be restored. */
  isHere(repositoryId: number, digest: string): boolean {
    return (
      this.#isLinked.get(repositoryId, digest) !== undefined || this.#isDeleted.get(repositoryId, digest) !== undefined
    );
  }

  /** What the manifest, what it lists and what is attached to any of these lead to. */
  reach(repositoryId: number, digest: string): KeptReach {
    const reached = new Set<string>();
    const blobs = new Map<string, number>();
    const waiting = [digest];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (reached.has(next) || !this.isHere(repositoryId, next)) continue;
      reached.add(next);
      for (const { child, kind } of this.#references.all(next)) {
        if (kind === 'manifest') waiting.push(child);
        else if (!blobs.has(child)) blobs.set(child, this.#blob.get(child)?.size ?? 0);
      }
      for (const referrer of this.#referrers.all(next)) waiting.push(referrer.digest);
    }
    const deleted = [...reached].filter((one) => this.#isDeleted.get(repositoryId, one) !== undefined);
    return { deleted, bytes: [...blobs.values()].reduce((sum, size) => sum + size, 0) };
  }

  /**
   * What keeps a client from pulling the manifest whole, as a person names it; empty when nothing does. Of an index that may
   * be sparse one whole image is enough: the others were perhaps never here.
   */
  missing(repositoryId: number, digest: string, mayBeSparse: boolean): readonly string[] {
    return this.#missing({ repositoryId, mayBeSparse, known: new Map() }, digest);
  }

  #missing(walk: MissingWalk, digest: string): readonly string[] {
    const known = walk.known.get(digest);
    if (known !== undefined) return known;
    // whoever pushed the indexes decides how often one lists another: each is asked once
    walk.known.set(digest, []);
    const missing = this.isHere(walk.repositoryId, digest) ? this.#missingBelow(walk, digest) : [`manifest ${digest}`];
    walk.known.set(digest, missing);
    return missing;
  }

  #missingBelow(walk: MissingWalk, digest: string): readonly string[] {
    const references = this.#references.all(digest);
    const blobs = references.filter(
      ({ child, kind, mediaType }) =>
        kind !== 'manifest' && !isForeignLayer(mediaType) && this.#blob.get(child) === undefined,
    );
    const listed = references.filter(({ kind }) => kind === 'manifest');
    // BuildKit lists its attestations under that platform; they alone are no image
    const images = listed.filter(({ platform }) => platform?.startsWith('unknown/') !== true);
    const asked = walk.mayBeSparse && images.length > 0 ? images : listed;
    const children = asked.map(({ child }) => this.#missing(walk, child));
    const isEnough = walk.mayBeSparse && children.some((lacks) => lacks.length === 0);
    return [...new Set([...blobs.map(({ child, kind }) => `${kind} ${child}`), ...(isEnough ? [] : children.flat())])];
  }
}
