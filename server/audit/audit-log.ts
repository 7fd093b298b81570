import { StorageError } from '../errors.ts';
import type { MirrorError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { TrailRules } from './audit-channel.ts';
import { AuditFeed } from './audit-feed.ts';
import type { FeedListener } from './audit-feed.ts';
import { LineEncoder } from './audit-line.ts';
import { AuditQueue } from './audit-queue.ts';
import type { AuditHealth } from './audit-queue.ts';
import type { AuditPage, AuditQuery, ClientRecord, EventRow } from './audit-rows.ts';
import type { AuditEvent } from './events.ts';

const defaultQueueBytes = 32 * 1024 * 1024;
const oneFile: TrailRules = { rotateBytes: 0, rotateDaily: false, keepForMs: 0 };

export interface AuditLogOptions {
  /** Path of the JSON Lines file, or `-` for standard output. */
  readonly file: string;
  /** The state database, already migrated; the index is written through a connection of its own. */
  readonly databasePath: string;
  readonly clock: Clock;
  /** Told once per trouble (a full disk, a torn line found, a failed index); goes to the program's own log. */
  readonly onError: (error: MirrorError) => void;
  /** Bound of what waits in memory for the disk, in bytes. Default: 32 MiB, some 80,000 events. */
  readonly queueBytes?: number;
  /** When a file is full and how long it is kept. Default: one file, for ever. */
  readonly rules?: TrailRules;
  /** PEM of the Ed25519 key that signs checkpoints. Default: nothing is signed. */
  readonly signingKey?: string | undefined;
}

/** The record of who pulled what: lines on disk, an index to search, the last requests in memory. */
export interface AuditLog {
  /**
   * Records an event. In the file when the turn of the event loop ends, while there are only a few; within 100 ms in any
   * case. Microseconds on the calling thread, no wait for the disk inside the bound.
   */
  record(event: AuditEvent): void;
  /** Resolves when everything recorded so far is on disk and in the index. @throws StorageError (STORAGE_FULL, STORAGE_FAILED) */
  flush(): Promise<void>;
  /** Flushes and ends the writer, at most 10 s; what a refusing disk did not take is said to `onError`. */
  close(): Promise<void>;
  /** One page, newest first, from the index in at most about 250 ms of another thread. @throws StorageError (STORAGE_FAILED) */
  search(query: AuditQuery): Promise<AuditPage>;
  /** Clients seen since `since` (milliseconds since the epoch), most recent first, as far as the newest 100,000 rows tell. */
  clients(since: number): Promise<readonly ClientRecord[]>;
  /** The newest requests, newest first, at most 1000; also from before the last start. */
  recent(limit: number): EventRow[];
  /** Calls `listener` at most every 250 ms with the newest rows since (at most 200); returns the way to stop. */
  subscribe(listener: FeedListener): () => void;
  /** How full the queue is: 0 is empty, at 1 recording waits for the disk. */
  pressure(): number;
  health(): AuditHealth;
  /** Number of the last line in the file; 0 before the first, and on a stream. */
  readonly lastSeq: number;
  /** Lines that were signed and are not in the log any more, as found at opening. */
  readonly missing: { readonly from: number; readonly to: number } | undefined;
}

/**
 * Opens the log, moves a torn last line aside and begins to index what a crash left out.
 * @throws ConfigError (CONFIG_INVALID) when the file can't be written, StorageError (STORAGE_FULL, STORAGE_FAILED)
 */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const queueBytes = options.queueBytes ?? defaultQueueBytes;
  const feed = new AuditFeed(options.clock);
  const encoder = new LineEncoder();
  let missing: AuditLog['missing'];
  const record = (event: AuditEvent): void => {
    queue.append(encoder.encode(event));
    feed.push(event);
  };
  const queue = new AuditQueue({
    ...options,
    queueBytes,
    rules: options.rules ?? oneFile,
    signingKey: options.signingKey,
    onMissing: (from, to) => {
      missing = { from, to };
      const { event, error } = shortage(options, from, to);
      record(event);
      options.onError(error);
    },
  });
  for (const event of await queue.start()) feed.push(event);
  return {
    record,
    flush: async () => {
      await queue.ask({ op: 'flush' });
    },
    close: async () => {
      feed.close();
      await queue.close();
    },
    search: async (query) => (await queue.ask({ op: 'search', query })) as AuditPage,
    clients: async (since) => (await queue.ask({ op: 'clients', since })) as readonly ClientRecord[],
    recent: (limit) => feed.recent(limit),
    subscribe: (listener) => feed.subscribe(listener),
    pressure: () => queue.queuedBytes / queueBytes,
    health: () => queue.health(),
    get lastSeq() {
      return queue.lastSeq;
    },
    get missing() {
      return missing;
    },
  };
}

/** What is said, and written down, of lines that were signed and are gone. */
function shortage(
  { file, clock }: AuditLogOptions,
  from: number,
  to: number,
): { readonly event: AuditEvent; readonly error: MirrorError } {
  const detail = `lines ${String(from)} to ${String(to)} had been written and signed, and are not in the log any more`;
  const at = clock.now();
  return {
    event: {
      event: 'audit_truncated',
      at,
      artifact: 'audit',
      clientIp: '',
      cached: false,
      outcome: 'failed',
      requestId: '',
      detail,
    },
    error: new StorageError('STORAGE_FAILED', `the audit log ${file} was cut short: ${detail}`),
  };
}
