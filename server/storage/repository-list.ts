import type { Database, Statement } from '../db/database.ts';
import { RequestError } from '../errors.ts';

/** A repository that holds something. Sizes are bytes of blob files, times milliseconds since the epoch. */
export interface HeldRepository {
  readonly id: number;
  readonly name: string;
  readonly upstream: string | undefined;
  readonly upstreamRepository: string | undefined;
  readonly tags: number;
  readonly manifests: number;
  readonly bytes: number;
  /** What no other repository has. */
  readonly uniqueBytes: number;
  readonly lastPulledAt: number | undefined;
  readonly firstSeenAt: number;
  readonly isPinned: boolean;
}

export type RepositorySort = 'name' | 'bytes' | 'lastPulled';

/** What to list; the client controls every part. */
export interface RepositoryQuery {
  /** Part of a name, or a digest or its beginning. */
  readonly text: string;
  /** Upstream name; null: pushed content only; undefined: all. */
  readonly upstream: string | null | undefined;
  readonly sort: RepositorySort;
  /** `next` of the page before. */
  readonly after: string | undefined;
  readonly limit: number;
}

export interface RepositoryPage {
  readonly repositories: HeldRepository[];
  /** How many match, on all pages. */
  readonly total: number;
  readonly next: string | undefined;
}

interface Row {
  readonly id: number;
  readonly name: string;
  readonly upstream: string | null;
  readonly upstream_repository: string | null;
  readonly tag_count: number;
  readonly manifest_count: number;
  readonly bytes: number;
  readonly unique_bytes: number;
  readonly last_pulled_at: number | null;
  readonly created_at: number;
  readonly pinned: number;
  readonly sort_key: string | number;
}

interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** Names from A to Z; else the largest or latest first, and ties by id. */
const sorts: Readonly<Record<RepositorySort, { readonly key: string; readonly order: string }>> = {
  name: { key: 'name', order: 'name' },
  bytes: { key: 'bytes', order: 'bytes DESC, id DESC' },
  lastPulled: { key: 'coalesce(last_pulled_at, 0)', order: 'coalesce(last_pulled_at, 0) DESC, id DESC' },
};

const columns = `id, name, upstream, upstream_repository, tag_count, manifest_count, bytes, unique_bytes, last_pulled_at, created_at, pinned`;

/** The list of repositories; every page is found by an index, however many there are. */
export class RepositoryList {
  readonly #db: Database;
  readonly #find: Statement<[string], Omit<Row, 'sort_key'>>;
  readonly #perUpstream: Statement<[], { upstream: string | null; repositories: number; bytes: number | null }>;
  readonly #total: Statement<[], { bytes: number }>;

  constructor(db: Database) {
    this.#db = db;
    this.#find = db.prepare(`SELECT ${columns} FROM repositories WHERE name = ? AND content_count > 0`);
    this.#perUpstream = db.prepare(
      `SELECT r.upstream, r.repositories, s.bytes FROM
         (SELECT upstream, count(*) AS repositories FROM repositories WHERE content_count > 0 GROUP BY upstream) r
       LEFT JOIN upstream_sizes s ON s.upstream = coalesce(r.upstream, '')`,
    );
    this.#total = db.prepare('SELECT bytes FROM storage_totals');
  }

  /** A repository that holds something. */
  find(name: string): HeldRepository | undefined {
    const row = this.#find.get(name);
    return row === undefined ? undefined : toHeld(row);
  }

  /** @throws RequestError (REQUEST_INVALID) for an `after` that is none */
  page(query: RepositoryQuery): RepositoryPage {
    const filters = [heldOnly, ...textConditions(query.text), ...upstreamConditions(query.upstream)];
    const position = positionCondition(query);
    const { key, order } = sorts[query.sort];
    const rows = this.#select<Row>(
      `SELECT ${columns}, ${key} AS sort_key FROM repositories`,
      [...filters, ...position],
      `ORDER BY ${order} LIMIT ${String(query.limit + 1)}`,
    );
    const [counted] = this.#select<{ total: number }>('SELECT count(*) AS total FROM repositories', filters, '');
    const shown = rows.slice(0, query.limit);
    const last = rows.length > query.limit ? shown.at(-1) : undefined;
    return {
      repositories: shown.map(toHeld),
      total: counted?.total ?? 0,
      next: last === undefined ? undefined : formatPosition(last),
    };
  }

  /** What is held from each upstream that anything is held from; under undefined what was pushed. */
  perUpstream(): ReadonlyMap<string | undefined, { readonly repositories: number; readonly bytes: number }> {
    const rows = this.#perUpstream.all();
    return new Map(
      rows.map((row) => [row.upstream ?? undefined, { repositories: row.repositories, bytes: row.bytes ?? 0 }]),
    );
  }

  /** Bytes of all blob files. */
  contentBytes(): number {
    return this.#total.get()?.bytes ?? 0;
  }

  #select<R>(select: string, conditions: readonly Condition[], rest: string): R[] {
    const where = conditions.map((condition) => condition.sql).join(' AND ');
    const values = conditions.flatMap((condition) => condition.values);
    return this.#db.prepare<unknown[], R>(`${select} WHERE ${where} ${rest}`).all(...values);
  }
}

const heldOnly: Condition = { sql: 'content_count > 0', values: [] };

function textConditions(text: string): Condition[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return [];
  if (/^sha(?:256|512):[0-9a-f]*$/.test(wanted)) return [digestCondition(wanted)];
  const byName: Condition = { sql: 'instr(name, ?) > 0', values: [wanted] };
  if (!/^[0-9a-f]{12,64}$/.test(wanted)) return [byName];
  // people copy the hexadecimal part alone, too
  const byDigest = digestCondition(`sha256:${wanted}`);
  return [{ sql: `(${byName.sql} OR ${byDigest.sql})`, values: [...byName.values, ...byDigest.values] }];
}

/** Repositories that hold a manifest or blob whose digest begins so. */
function digestCondition(start: string): Condition {
  const range = 'digest >= ? AND digest < ?';
  const end = `${start}g`;
  return {
    sql: `id IN (SELECT repository_id FROM repository_manifests WHERE ${range} UNION SELECT repository_id FROM repository_blobs WHERE ${range})`,
    values: [start, end, start, end],
  };
}

function upstreamConditions(upstream: string | null | undefined): Condition[] {
  if (upstream === undefined) return [];
  return upstream === null ? [{ sql: 'upstream IS NULL', values: [] }] : [{ sql: 'upstream = ?', values: [upstream] }];
}

function positionCondition({ after, sort }: RepositoryQuery): Condition[] {
  if (after === undefined) return [];
  const match = /^(\d{1,15}) (.{1,300})$/.exec(after);
  const [, id = '', value = ''] = match ?? [];
  if (match !== null && sort === 'name') return [{ sql: 'name > ?', values: [value] }];
  if (!/^\d{1,15}$/.test(value))
    throw new RequestError('REQUEST_INVALID', 'after is not the next of an earlier page', {
      value: after.slice(0, 300),
    });
  const { key } = sorts[sort];
  // the first term is what the index is entered by
  return [{ sql: `${key} <= ? AND (${key} < ? OR id < ?)`, values: [Number(value), Number(value), Number(id)] }];
}

function formatPosition(row: Row): string {
  return `${String(row.id)} ${String(row.sort_key)}`;
}

function toHeld(row: Omit<Row, 'sort_key'>): HeldRepository {
  return {
    id: row.id,
    name: row.name,
    upstream: row.upstream ?? undefined,
    upstreamRepository: row.upstream_repository ?? undefined,
    tags: row.tag_count,
    manifests: row.manifest_count,
    bytes: row.bytes,
    uniqueBytes: row.unique_bytes,
    lastPulledAt: row.last_pulled_at ?? undefined,
    firstSeenAt: row.created_at,
    isPinned: row.pinned !== 0,
  };
}
