import type { Database, Statement } from '../db/database.ts';

interface InRepository {
  readonly repository: number;
  readonly digest: string;
}

/** A blob that so many manifests reference is looked for from the repository's side. */
const fanOutLimit = 256;

/** Which manifests of a repository reference a blob. */
export class BlobUsers {
  readonly #fanOut: Statement<[string], { parents: number }>;
  readonly #users: Statement<[InRepository], { digest: string }>;
  readonly #usersByRepository: Statement<[InRepository], { digest: string }>;

  constructor(db: Database) {
    this.#fanOut = db.prepare(
      `SELECT count(*) AS parents FROM (SELECT 1 FROM manifest_references WHERE child = ? LIMIT ${String(fanOutLimit)})`,
    );
    // CROSS JOIN keeps the order of the tables
    this.#usersByRepository = db.prepare(
      `SELECT l.digest FROM repository_manifests l CROSS JOIN manifest_references f ON f.parent = l.digest
       WHERE l.repository_id = @repository AND f.child = @digest AND f.kind <> 'manifest'`,
    );
    this.#users = db.prepare(
      `SELECT f.parent AS digest FROM manifest_references f
       CROSS JOIN repository_manifests l ON l.repository_id = @repository AND l.digest = f.parent
       WHERE f.child = @digest AND f.kind <> 'manifest'`,
    );
  }

  /** Whether a manifest that the repository holds references the blob; those that `isLeft` names do not count. */
  isUsed(repository: number, digest: string, isLeft: (manifest: string) => boolean): boolean {
    // by the shorter way: many blobs (an empty config) are everywhere
    const isEverywhere = this.#fanOut.get(digest)?.parents === fanOutLimit;
    const users = isEverywhere ? this.#usersByRepository : this.#users;
    for (const user of users.iterate({ repository, digest })) if (!isLeft(user.digest)) return true;
    return false;
  }
}
