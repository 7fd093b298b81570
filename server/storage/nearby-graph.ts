import type { Database, Statement } from '../db/database.ts';
import { referrersOf, toManifest, toReference, toTag } from './repository-graph.ts';
import type {
  GraphBlob,
  GraphManifest,
  ManifestDbRow,
  ReferenceDbRow,
  RepositoryGraph,
  TagDbRow,
} from './repository-graph.ts';

interface InRepository {
  readonly repository: number;
  readonly digest: string;
}

/**
 * Reads the part of a repository's graph that a removal of one manifest has to know: what it leads to, and what else leads
 * there. The cost is that of the image, however much the repository holds.
 */
export class NearbyGraph {
  readonly #manifest: Statement<[InRepository], ManifestDbRow>;
  readonly #references: Statement<[string], ReferenceDbRow>;
  readonly #attached: Statement<[InRepository], { digest: string }>;
  readonly #listing: Statement<[InRepository], { digest: string }>;
  readonly #tags: Statement<[InRepository], TagDbRow>;
  readonly #blob: Statement<[InRepository], { size: number; links: number }>;

  constructor(db: Database) {
    // CROSS JOIN keeps the order of the tables: the way over all manifests of a repository must not be taken
    const here = 'CROSS JOIN repository_manifests l ON l.repository_id = @repository AND l.digest =';
    this.#manifest = db.prepare(
      `SELECT m.digest, m.media_type, m.artifact_type, m.subject, m.size, l.first_seen_at, l.last_pulled_at, l.pinned
       FROM manifests m ${here} m.digest WHERE m.digest = @digest`,
    );
    this.#references = db.prepare(
      'SELECT parent, child, kind, media_type, size, platform FROM manifest_references WHERE parent = ? ORDER BY position',
    );
    this.#attached = db.prepare(`SELECT m.digest FROM manifests m ${here} m.digest WHERE m.subject = @digest`);
    this.#listing = db.prepare(
      `SELECT f.parent AS digest FROM manifest_references f ${here} f.parent WHERE f.child = @digest AND f.kind = 'manifest'`,
    );
    this.#tags = db.prepare(
      `SELECT name, digest, first_seen_at, checked_at, last_pulled_at, last_pulled_by, stale_since, pinned, held_since FROM tags
       WHERE digest = @digest AND repository_id = @repository ORDER BY name`,
    );
    this.#blob = db.prepare(
      `SELECT b.size, (SELECT count(*) FROM (SELECT 1 FROM repository_blobs o WHERE o.digest = l.digest LIMIT 2)) AS links
       FROM repository_blobs l JOIN blobs b ON b.digest = l.digest WHERE l.repository_id = @repository AND l.digest = @digest`,
    );
  }

  /**
   * The manifest with all it leads to, their tags and blobs, and the manifests beside them that lead to any of these; empty
   * when the repository does not hold it.
   */
  around(repository: number, root: string): RepositoryGraph {
    const reached = this.#reach(repository, root);
    const beside = new Map<string, GraphManifest>();
    for (const { digest, subject } of reached.values()) {
      const leaders = [...this.#listing.all({ repository, digest }).map((row) => row.digest), subject ?? ''];
      for (const leader of leaders) {
        if (leader === '' || reached.has(leader) || beside.has(leader)) continue;
        const manifest = this.#read(repository, leader);
        if (manifest !== undefined) beside.set(leader, manifest);
      }
    }
    const manifests = new Map([...reached, ...beside]);
    return {
      tags: [...reached.keys()].flatMap((digest) => this.#tags.all({ repository, digest }).map(toTag)),
      manifests,
      blobs: this.#blobs(repository, reached),
      referrers: referrersOf(manifests),
    };
  }

  #reach(repository: number, root: string): Map<string, GraphManifest> {
    const reached = new Map<string, GraphManifest>();
    const waiting = [root];
    for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
      const manifest = reached.has(digest) ? undefined : this.#read(repository, digest);
      if (manifest === undefined) continue;
      reached.set(digest, manifest);
      for (const reference of manifest.references) if (reference.kind === 'manifest') waiting.push(reference.digest);
      for (const attached of this.#attached.iterate({ repository, digest })) waiting.push(attached.digest);
    }
    return reached;
  }

  #read(repository: number, digest: string): GraphManifest | undefined {
    const row = this.#manifest.get({ repository, digest });
    return row === undefined ? undefined : toManifest(row, this.#references.all(digest).map(toReference));
  }

  #blobs(repository: number, manifests: ReadonlyMap<string, GraphManifest>): Map<string, GraphBlob> {
    const blobs = new Map<string, GraphBlob>();
    for (const { references } of manifests.values()) {
      for (const { digest, kind } of references) {
        const row = kind === 'manifest' || blobs.has(digest) ? undefined : this.#blob.get({ repository, digest });
        if (row !== undefined) blobs.set(digest, { sizeBytes: row.size, isShared: row.links > 1 });
      }
    }
    return blobs;
  }
}
