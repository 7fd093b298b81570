import type { MirrorError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import { AuditFeed } from './audit-feed.ts';
import type { FeedListener } from './audit-feed.ts';
import { LineEncoder } from './audit-line.ts';
import { AuditQueue } from './audit-queue.ts';
import type { AuditHealth } from './audit-queue.ts';
import type { AuditPage, AuditQuery, ClientRecord, EventRow } from './audit-rows.ts';
import type { AuditEvent } from './events.ts';

const defaultQueueBytes = 32 * 1024 * 1024;

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
}

/** The record of who pulled what: lines on disk, an index to search, the last requests in memory. */
export interface AuditLog {
  /** Records an event; on disk within 100 ms. Microseconds on the calling thread, no wait for the disk inside the bound. */
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
}

/**
 * Opens the log, moves a torn last line aside and begins to index what a crash left out.
 * @throws ConfigError (CONFIG_INVALID) when the file can't be written, StorageError (STORAGE_FULL, STORAGE_FAILED)
 */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const queueBytes = options.queueBytes ?? defaultQueueBytes;
  const queue = new AuditQueue({ ...options, queueBytes });
  const feed = new AuditFeed(options.clock);
  const encoder = new LineEncoder();
  for (const event of await queue.start()) feed.push(event);
  return {
    record: (event) => {
      queue.append(encoder.encode(event));
      feed.push(event);
    },
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
  };
}
