import type { Database, Statement } from '../db/database.ts';
import { isDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';

/** Where a walk over blobs is: what was proved longest ago comes first. */
export interface BlobPlace {
  /** Last proved, or stored, in milliseconds since the epoch. */
  readonly provedAt: number;
  readonly digest: string;
}

/** A blob that is due. */
export interface DueBlob extends BlobPlace {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly volume: number;
}

/** A number of blobs and their bytes. */
export interface BlobSum {
  readonly blobs: number;
  readonly bytes: number;
}

const provedAt = 'coalesce(verified_at, created_at)';

/**
 * What is to be read again. The rows themselves say how far a round is: a blob proved since the round began is not due any
 * more, so nothing is read twice after a restart.
 */
export class ScrubRows {
  readonly #due: Statement<
    [number, string, number, number],
    { digest: string; size: number; volume: number; proved_at: number }
  >;
  readonly #sum: Statement<[number], BlobSum>;
  readonly #oldest: Statement<[], { at: number | null }>;
  readonly #prove: Statement<[number, string]>;
  readonly #manifests: Statement<[string, number], { digest: string; content: Buffer }>;

  constructor(db: Database) {
    this.#due = db.prepare(
      `SELECT digest, size, volume, ${provedAt} AS proved_at FROM blobs
       WHERE (${provedAt}, digest) > (?, ?) AND ${provedAt} < ? ORDER BY ${provedAt}, digest LIMIT ?`,
    );
    this.#sum = db.prepare(
      `SELECT count(*) AS blobs, coalesce(sum(size), 0) AS bytes FROM blobs WHERE ${provedAt} < ?`,
    );
    this.#oldest = db.prepare(`SELECT min(${provedAt}) AS at FROM blobs`);
    this.#prove = db.prepare('UPDATE blobs SET verified_at = ? WHERE digest = ?');
    this.#manifests = db.prepare(
      'SELECT digest, content FROM manifests WHERE digest > ? AND length(content) > 0 ORDER BY digest LIMIT ?',
    );
  }

  /** At most `count` blobs after a place that were last proved before `before`. */
  due(after: BlobPlace | undefined, before: number, count: number): DueBlob[] {
    const place = after ?? { provedAt: -1, digest: '' };
    return this.#due
      .all(place.provedAt, place.digest, before, count)
      .flatMap(({ digest, size, volume, proved_at }) =>
        isDigest(digest) ? [{ digest, sizeBytes: size, volume, provedAt: proved_at }] : [],
      );
  }

  /** All blobs last proved before then. */
  sumBefore(before: number): BlobSum {
    return this.#sum.get(before) ?? { blobs: 0, bytes: 0 };
  }

  /** When the blob was proved that waits longest; undefined when none is held. */
  oldestProof(): number | undefined {
    return this.#oldest.get()?.at ?? undefined;
  }

  /** Notes that a blob was read whole and found right. */
  proved(digest: Digest, now: number): void {
    this.#prove.run(now, digest);
  }

  /** At most `count` manifests after a digest, with their bytes. */
  manifestsAfter(digest: string, count: number): { readonly digest: Digest; readonly content: Buffer }[] {
    return this.#manifests
      .all(digest, count)
      .flatMap(({ digest: name, content }) => (isDigest(name) ? [{ digest: name, content }] : []));
  }
}
