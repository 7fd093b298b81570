import type { Database, Statement } from '../db/database.ts';
import type { Clock } from '../lib/clock.ts';
import { toEventRow } from './audit-rows.ts';
import type { AuditPage, AuditQuery, ClientRecord } from './audit-rows.ts';
import type { AuditEvent, AuditEventName, Outcome } from './events.ts';

/** Rows or texts one statement looks at; a few milliseconds of work. */
const windowRows = 50_000;
/** After this long a search hands back what it has and where to go on. */
const budgetMs = 250;
const maxTextLength = 256;
/** Newest rows that tell who the clients were. */
const clientRows = 100_000;
const maxClients = 10_000;

interface IndexRow {
  readonly row: number;
  readonly at: number;
  readonly event: AuditEventName;
  readonly artifact: string;
  readonly client: string;
  readonly user: string | null;
  readonly digest: string | null;
  readonly cached: number;
  readonly outcome: Outcome;
  readonly method: string | null;
  readonly status: number | null;
  readonly code: string | null;
  readonly bytes: number | null;
  readonly duration_ms: number | null;
  readonly user_agent: string | null;
  readonly request_id: string;
  readonly upstream: string | null;
  readonly detail: string | null;
}

interface Window {
  readonly low: number;
  readonly high: number;
  readonly limit: number;
  readonly outcome: string | undefined;
  readonly event: string | undefined;
  readonly digest: number | undefined;
}

/**
 * Searches the index from the newest row down, a window of rows at a time, for at most 250 ms: the answer is exact as far
 * as it goes and says where it stopped. Text is looked up once in the distinct texts, then rows are compared by number.
 */
export class AuditSearch {
  readonly #db: Database;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #statements = new Map<string, Statement<[Window], IndexRow>>();
  readonly #textId: Statement<[string], number>;
  readonly #matches: TextMatches;

  constructor(db: Database, clock: Pick<Clock, 'monotonic'>) {
    this.#db = db;
    this.#clock = clock;
    this.#textId = db.prepare<[string], number>('SELECT id FROM audit_texts WHERE text = ?').pluck();
    this.#matches = new TextMatches(db);
  }

  /** One page. Never throws for a strange query: what matches nothing gives no rows. */
  search(query: AuditQuery): AuditPage {
    const deadline = this.#clock.monotonic() + budgetMs;
    const isLate = (): boolean => this.#clock.monotonic() >= deadline;
    const { first, last } = this.#bounds();
    const high = Math.min(query.before ?? Number.MAX_SAFE_INTEGER, last + 1);
    const text = query.text?.trim().slice(0, maxTextLength) ?? '';
    const digest = this.#digestId(query.digest);
    if (high <= first || digest === null) return { rows: [] };
    if (text !== '') {
      const found = this.#matches.find(text, isLate);
      if (found === 'unfinished') return { rows: [], next: high };
      if (found === 'none') return { rows: [] };
    }
    const { outcome, event } = query;
    const statement = this.#statement({ outcome, event, digest, text });
    return collect({ first, high, limit: query.limit ?? 100, isLate }, (window) =>
      statement.all({ ...window, outcome, event, digest }),
    );
  }

  /** The newest events, oldest first. */
  recent(limit: number): AuditEvent[] {
    const { first, last } = this.#bounds();
    const statement = this.#statement({ outcome: undefined, event: undefined, digest: undefined, text: '' });
    const window = { low: Math.max(first, last - windowRows), high: last + 1, limit };
    return statement
      .all({ ...window, outcome: undefined, event: undefined, digest: undefined })
      .map(toEvent)
      .reverse();
  }

  /** Who asked since `since`, most recent first, as far as the newest 100,000 rows tell. */
  clients(since: number): ClientRecord[] {
    const { last } = this.#bounds();
    return this.#db
      .prepare<
        [number, number, number],
        { client: string; seen: number; requests: number; hits: number; agent: string | null }
      >(clientsSql)
      .all(last - clientRows, since, maxClients)
      .map(({ client, seen, requests, hits, agent }) => ({
        clientIp: client,
        lastSeenAt: seen,
        requests,
        hits,
        userAgent: agent ?? undefined,
      }));
  }

  #bounds(): { readonly first: number; readonly last: number } {
    const first = this.#db.prepare<[], number>('SELECT row FROM audit ORDER BY row LIMIT 1').pluck().get() ?? 1;
    const last = this.#db.prepare<[], number>('SELECT row FROM audit ORDER BY row DESC LIMIT 1').pluck().get() ?? 0;
    return { first, last };
  }

  /** null: no row has it. */
  #digestId(digest: string | undefined): number | undefined | null {
    if (digest === undefined || digest === '') return undefined;
    return this.#textId.get(digest) ?? null;
  }

  #statement(
    by: Pick<Window, 'outcome' | 'event' | 'digest'> & { readonly text: string },
  ): Statement<[Window], IndexRow> {
    const conditions = ['row >= @low', 'row < @high'];
    if (by.outcome !== undefined) conditions.push('outcome = @outcome');
    if (by.event !== undefined) conditions.push('event = @event');
    if (by.digest !== undefined) conditions.push('digest = @digest');
    if (by.text !== '') conditions.push(`(artifact IN ${matching} OR client IN ${matching} OR user IN ${matching})`);
    const where = conditions.join(' AND ');
    const held = this.#statements.get(where);
    if (held !== undefined) return held;
    const statement = this.#db.prepare<[Window], IndexRow>(rowsSql(where));
    this.#statements.set(where, statement);
    return statement;
  }
}

interface Range {
  readonly first: number;
  readonly high: number;
  readonly limit: number;
  readonly isLate: () => boolean;
}

function collect(range: Range, read: (window: Pick<Window, 'low' | 'high' | 'limit'>) => IndexRow[]): AuditPage {
  const rows: AuditPage['rows'] = [];
  let { high } = range;
  while (high > range.first) {
    const low = Math.max(range.first, high - windowRows);
    for (const row of read({ low, high, limit: range.limit - rows.length }))
      rows.push({ ...toEventRow(toEvent(row)), row: row.row });
    const last = rows.at(-1)?.row ?? low;
    if (rows.length >= range.limit) return last > range.first ? { rows, next: last } : { rows };
    high = low;
    if (range.isLate() && high > range.first) return { rows, next: high };
  }
  return { rows };
}

/**
 * The ids of all texts that contain what is searched for. Kept from page to page: the next page of the same search only
 * looks at texts that came since, and a search that ran out of time goes on.
 */
class TextMatches {
  readonly #db: Database;
  readonly #clear: Statement;
  readonly #last: Statement<[], number>;
  readonly #add: Statement<[number, number, string]>;
  readonly #any: Statement<[], number>;
  #text = '';
  #upTo = 0;

  constructor(db: Database) {
    this.#db = db;
    db.exec(
      'PRAGMA temp_store = MEMORY; CREATE TEMP TABLE IF NOT EXISTS audit_matches (id INTEGER PRIMARY KEY) STRICT',
    );
    this.#clear = db.prepare('DELETE FROM audit_matches');
    this.#last = db.prepare<[], number>('SELECT max(id) FROM audit_texts').pluck();
    this.#add = db.prepare(
      `INSERT INTO audit_matches SELECT id FROM audit_texts WHERE id > ? AND id <= ? AND text LIKE ? ESCAPE '\\'`,
    );
    this.#any = db.prepare<[], number>('SELECT 1 FROM audit_matches LIMIT 1').pluck();
  }

  find(text: string, isLate: () => boolean): 'some' | 'none' | 'unfinished' {
    if (text !== this.#text) {
      this.#clear.run();
      this.#text = text;
      this.#upTo = 0;
    }
    const pattern = `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
    const last = this.#last.get() ?? 0;
    while (this.#upTo < last) {
      const upTo = Math.min(last, this.#upTo + windowRows);
      this.#add.run(this.#upTo, upTo, pattern);
      this.#upTo = upTo;
      // after at least one window, so that every call gets further
      if (upTo < last && isLate()) return 'unfinished';
    }
    return this.#any.get() === undefined ? 'none' : 'some';
  }
}

const matching = '(SELECT id FROM audit_matches)';

/** The newest rows of a window first; the texts are joined to the few rows found, not to the many looked at. */
function rowsSql(where: string): string {
  return `SELECT found.row, at, event, artifact.text AS artifact, client.text AS client, user.text AS user, digest.text AS digest, cached,
      outcome, method, status, code, bytes, duration_ms, agent.text AS user_agent, request_id, upstream.text AS upstream, detail
    FROM (SELECT * FROM audit WHERE ${where} ORDER BY row DESC LIMIT @limit) AS found
    JOIN audit_texts AS artifact ON artifact.id = found.artifact
    JOIN audit_texts AS client ON client.id = found.client
    LEFT JOIN audit_texts AS user ON user.id = found.user
    LEFT JOIN audit_texts AS digest ON digest.id = found.digest
    LEFT JOIN audit_texts AS agent ON agent.id = found.user_agent
    LEFT JOIN audit_texts AS upstream ON upstream.id = found.upstream
    ORDER BY found.row DESC`;
}

const clientsSql = `SELECT client.text AS client, seen, requests, hits, agent.text AS agent
  FROM (
    SELECT client, max(at) AS seen, count(*) AS requests, sum(outcome IN ('hit', 'stale')) AS hits, user_agent
    FROM audit WHERE row > ? AND at >= ? AND event IN ('artifact_pull', 'blob_pull')
    GROUP BY client ORDER BY seen DESC LIMIT ?
  ) AS found
  JOIN audit_texts AS client ON client.id = found.client
  LEFT JOIN audit_texts AS agent ON agent.id = found.user_agent
  ORDER BY seen DESC`;

function toEvent(row: IndexRow): AuditEvent {
  return {
    event: row.event,
    at: row.at,
    artifact: row.artifact,
    clientIp: row.client,
    user: row.user ?? undefined,
    digest: row.digest ?? undefined,
    cached: row.cached === 1,
    outcome: row.outcome,
    method: row.method ?? undefined,
    status: row.status ?? undefined,
    code: row.code ?? undefined,
    bytes: row.bytes ?? undefined,
    durationMs: row.duration_ms ?? undefined,
    userAgent: row.user_agent ?? undefined,
    requestId: row.request_id,
    upstream: row.upstream ?? undefined,
    detail: row.detail ?? undefined,
  };
}
