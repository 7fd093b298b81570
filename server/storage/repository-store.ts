import { storageError } from '../db/database.ts';
import type { Database, Statement } from '../db/database.ts';
import { StorageError } from '../errors.ts';

/** A repository as the store knows it. */
export interface Repository {
  readonly id: number;
  /** Store name: host-qualified for cached content, plain for pushed content. */
  readonly name: string;
  /** Upstream name; undefined for pushed content. */
  readonly upstream: string | undefined;
  /** Name on the upstream. */
  readonly upstreamRepository: string | undefined;
}

interface Row {
  readonly id: number;
  readonly name: string;
  readonly upstream: string | null;
  readonly upstream_repository: string | null;
}

/** Rows of repositories. They are few and asked for on each request, so each is kept in memory once read. */
export class RepositoryStore {
  readonly #known = new Map<string, Repository>();
  readonly #select: Statement<[string], Row>;
  readonly #insert: Statement<[string, string | null, string | null, number]>;
  readonly #holds: Statement<[string], { one: number }>;
  readonly #make: Statement<[number, string]>;

  constructor(db: Database) {
    this.#select = db.prepare('SELECT id, name, upstream, upstream_repository FROM repositories WHERE name = ?');
    this.#holds = db.prepare('SELECT 1 AS one FROM repositories WHERE name = ? AND content_count > 0');
    this.#make = db.prepare('UPDATE repositories SET made_at = ? WHERE name = ? AND content_count = 0');
    this.#insert = db.prepare(
      'INSERT INTO repositories (name, upstream, upstream_repository, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    );
  }

  find(name: string): Repository | undefined {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const row = this.#select.get(name);
    if (row === undefined) return undefined;
    const repository: Repository = {
      id: row.id,
      name: row.name,
      upstream: row.upstream ?? undefined,
      upstreamRepository: row.upstream_repository ?? undefined,
    };
    this.#known.set(name, repository);
    return repository;
  }

  /** Whether anything is held of the repository, or a person made it. */
  holdsContent(name: string): boolean {
    return this.#holds.get(name) !== undefined;
  }

  /**
   * The repository, made when it isn't there yet. When the disk refuses, one with id 0: what is pulled is passed on, nothing
   * can be kept under it.
   */
  ensure(
    name: string,
    origin: { readonly upstream?: string | undefined; readonly upstreamRepository?: string | undefined },
    now: number,
  ): Repository {
    const found = this.find(name);
    if (found !== undefined) return found;
    try {
      this.#insert.run(name, origin.upstream ?? null, origin.upstreamRepository ?? null, now);
    } catch (error) {
      if (storageError(error, `making repository ${name}`).code !== 'STORAGE_FULL') throw error;
    }
    return this.find(name) ?? { id: 0, name, upstream: origin.upstream, upstreamRepository: origin.upstreamRepository };
  }

  /**
   * Makes a repository of this mirror's own that is listed while it is empty; false when it is there already.
   * @throws StorageError
   */
  make(name: string, now: number): boolean {
    if (this.ensure(name, {}, now).id === 0)
      throw new StorageError('STORAGE_FULL', `making repository ${name}: the disk is full`);
    try {
      return this.#make.run(now, name).changes > 0;
    } catch (error) {
      throw storageError(error, `making repository ${name}`);
    }
  }

  /** Drops what is in memory about a repository whose row was changed or deleted. */
  forget(name: string): void {
    this.#known.delete(name);
  }
}
