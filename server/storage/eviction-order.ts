import type { Database, Statement } from '../db/database.ts';

/** Something of an upstream that may go: a manifest that nothing leads to but its tags, or one that was deleted and is kept. */
export interface EvictionCandidate {
  readonly kind: 'held' | 'deleted';
  readonly repositoryId: number;
  readonly digest: string;
  /** When it was used last, as far as its own row says; milliseconds since the epoch. */
  readonly usedAt: number;
}

interface Row {
  readonly repository_id: number;
  readonly key: string;
  readonly digest: string;
  readonly used: number;
  readonly may: number;
  readonly bytes: number;
}

type Next<T> = { readonly value: T } | 'none' | 'wait';

const pageRows = 256;
/** Pages without a candidate (pushed content, parts of images) that one call reads before it gives the turn back. */
const pagesAtOnce = 8;

// word for word as in migration 0007, else its indexes are not taken
const use = 'max(first_seen_at, coalesce(last_pulled_at, 0))';
const isTagged = 'EXISTS (SELECT 1 FROM tags t WHERE t.digest = p.digest AND t.repository_id = p.repository_id)';
const isLedTo = `EXISTS (SELECT 1 FROM manifest_references f JOIN repository_manifests l ON l.repository_id = p.repository_id AND l.digest = f.parent
  WHERE f.child = p.digest AND f.kind = 'manifest')
  OR EXISTS (SELECT 1 FROM manifests m JOIN repository_manifests l ON l.repository_id = p.repository_id AND l.digest = m.subject WHERE m.digest = p.digest)`;
// clients that pull an image never ask for its signature, which the policy may want: it goes after the image (cosign's tags)
const isAttached = `p.key GLOB 'sha256-*' AND EXISTS (SELECT 1 FROM repository_manifests s
  WHERE s.repository_id = p.repository_id AND s.digest = 'sha256:' || substr(p.key, 8, 64))`;

const tables = {
  tags: {
    table: 'tags',
    key: 'name',
    used: use,
    where: 'pinned = 0 AND checked_at IS NOT NULL AND',
    may: `NOT (${isAttached})`,
  },
  manifests: {
    table: 'repository_manifests',
    key: 'digest',
    used: use,
    where: 'pinned = 0 AND',
    may: `NOT ${isTagged} AND NOT (${isLedTo})`,
  },
  deleted: {
    table: 'deleted_manifests',
    key: 'digest',
    used: 'max(coalesce(first_seen_at, deleted_at), coalesce(last_pulled_at, 0))',
    where: '',
    may: '1',
  },
} as const;

/** Rows of one table, what was used longest ago first, a page at a time by its index. */
class OrderedRows {
  readonly #same: Statement<[number, number, string], Row>;
  readonly #later: Statement<[number], Row>;
  #page: Row[] = [];
  #cursor: { readonly used: number; readonly repositoryId: number; readonly key: string } | undefined;
  #isOver = false;

  constructor(db: Database, { table, key, used, where, may }: (typeof tables)[keyof typeof tables]) {
    const page = (condition: string): string =>
      `SELECT p.*, CASE WHEN r.upstream IS NULL OR r.pinned <> 0 THEN 0 ELSE (${may}) END AS may,
         CASE WHEN r.upstream IS NULL THEN 0 ELSE (SELECT coalesce(sum(b.size), 0) FROM manifest_references f
           JOIN blobs b ON b.digest = f.child WHERE f.parent = p.digest) END AS bytes
       FROM (SELECT repository_id, ${key} AS key, digest, ${used} AS used FROM ${table}
         WHERE ${where} ${condition} LIMIT ${String(pageRows)}) p JOIN repositories r ON r.id = p.repository_id`;
    this.#same = db.prepare(page(`${used} = ? AND (repository_id, ${key}) > (?, ?) ORDER BY repository_id, ${key}`));
    this.#later = db.prepare(page(`${used} > ? ORDER BY ${used}, repository_id, ${key}`));
  }

  restart(): void {
    this.#page = [];
    this.#cursor = undefined;
    this.#isOver = false;
  }

  /** The next row that may go, without taking it; `none` when there is none that was used before `until`. */
  peek(until: number): Next<Row> {
    for (let pages = 0; ; pages += 1) {
      const row = this.#page[0];
      if (row !== undefined) return { value: row };
      if (this.#isOver || (this.#cursor?.used ?? -1) > until) return 'none';
      if (pages === pagesAtOnce) return 'wait';
      this.#read();
    }
  }

  take(): void {
    this.#page.shift();
  }

  #read(): void {
    const from = this.#cursor;
    const same = from === undefined ? [] : this.#same.all(from.used, from.repositoryId, from.key);
    const rows = same.length > 0 ? same : this.#later.all(from?.used ?? -1);
    // the join is free to give them in another order
    rows.sort((a, b) => a.used - b.used || a.repository_id - b.repository_id || (a.key < b.key ? -1 : 1));
    const last = rows.at(-1);
    this.#isOver = last === undefined;
    if (last !== undefined) this.#cursor = { used: last.used, repositoryId: last.repository_id, key: last.key };
    // used in the same moment (an import): the larger goes first
    this.#page = rows.filter((row) => row.may !== 0).sort((a, b) => a.used - b.used || b.bytes - a.bytes);
  }
}

/**
 * What may go, what was used longest ago first. It goes on where it was: what is used meanwhile only moves further back. What
 * moved to the front (unpinned, a clock set back) is found after {@link restart}.
 */
export class EvictionOrder {
  readonly #sources: readonly { readonly kind: EvictionCandidate['kind']; readonly rows: OrderedRows }[];
  /** Put back with a later use; the earliest is last. */
  #later: EvictionCandidate[] = [];
  readonly #known = new Set<string>();

  constructor(db: Database) {
    this.#sources = [
      { kind: 'held', rows: new OrderedRows(db, tables.tags) },
      { kind: 'held', rows: new OrderedRows(db, tables.manifests) },
      { kind: 'deleted', rows: new OrderedRows(db, tables.deleted) },
    ];
  }

  /** Begins again with what was used longest ago. */
  restart(): void {
    for (const { rows } of this.#sources) rows.restart();
    this.#later = [];
    this.#known.clear();
  }

  /** The next candidate; `wait`: it is not found yet, ask again in another turn. */
  next(): Next<EvictionCandidate> {
    const back = this.#later.at(-1);
    const first = this.#first(back?.usedAt ?? Infinity);
    if (first === 'wait') return 'wait';
    if (back !== undefined && (first === undefined || back.usedAt <= first.candidate.usedAt)) {
      this.#later.pop();
      this.#known.delete(keyOf(back));
      return { value: back };
    }
    if (first === undefined) return 'none';
    first.rows.take();
    return { value: first.candidate };
  }

  /** Of the rows of all tables, the one used longest ago; undefined when none was used before `until`. */
  #first(until: number): { readonly candidate: EvictionCandidate; readonly rows: OrderedRows } | 'wait' | undefined {
    let first: { readonly candidate: EvictionCandidate; readonly rows: OrderedRows } | undefined;
    for (const { kind, rows } of this.#sources) {
      // no further than to what is known to go first: most manifests are parts of images, and are passed over
      const found = rows.peek(Math.min(until, first?.candidate.usedAt ?? Infinity));
      if (found === 'wait') return 'wait';
      if (found === 'none' || (first !== undefined && first.candidate.usedAt <= found.value.used)) continue;
      const { repository_id: repositoryId, digest, used: usedAt } = found.value;
      first = { candidate: { kind, repositoryId, digest, usedAt }, rows };
    }
    return first;
  }

  /** Puts a candidate back: it was used later than its row says. */
  putBack(candidate: EvictionCandidate): void {
    if (this.#known.has(keyOf(candidate))) return;
    this.#known.add(keyOf(candidate));
    let low = 0;
    let high = this.#later.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#later[middle]?.usedAt ?? 0) > candidate.usedAt) low = middle + 1;
      else high = middle;
    }
    this.#later.splice(low, 0, candidate);
  }
}

function keyOf({ kind, repositoryId, digest }: EvictionCandidate): string {
  return `${kind} ${String(repositoryId)} ${digest}`;
}
