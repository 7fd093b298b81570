import type { ClientRecord } from './audit-rows.ts';
import type { AuditEvent } from './events.ts';

const maxClients = 10_000;
const hourMs = 3_600_000;
const hours = 24;
const reorderMs = 60_000;

interface Client {
  lastSeenAt: number;
  movedAt: number;
  userAgent: string | undefined;
  /** Hour since the epoch that the newest slot counts. */
  hour: number;
  /** One slot for each hour of the day, used in turn. */
  readonly requests: Uint32Array;
  readonly hits: Uint32Array;
}

/** Who asked in the last 24 hours: at most 10,000 clients, the longest silent forgotten first. */
export class ClientActivity {
  /** In the order of their last request to the minute, the latest last. */
  readonly #clients = new Map<string, Client>();

  note(event: AuditEvent): void {
    const client = this.#touch(event.clientIp, event.at);
    const hour = Math.floor(event.at / hourMs);
    if (hour > client.hour) forgetSlots(client, hour);
    const slot = hour % hours;
    client.requests[slot] = (client.requests[slot] ?? 0) + 1;
    if (isHit(event)) client.hits[slot] = (client.hits[slot] ?? 0) + 1;
    client.lastSeenAt = Math.max(client.lastSeenAt, event.at);
    client.userAgent = event.userAgent ?? client.userAgent;
  }

  /** Adds what the index knows from before the start: all of it to the hour of the last request. Most recent first. */
  restore(records: readonly ClientRecord[]): void {
    for (const record of records.slice(0, maxClients).toReversed()) {
      const isNew = !this.#clients.has(record.clientIp);
      const client = this.#touch(record.clientIp, record.lastSeenAt);
      if (!isNew) continue;
      const slot = Math.floor(record.lastSeenAt / hourMs) % hours;
      client.hour = Math.floor(record.lastSeenAt / hourMs);
      client.requests[slot] = record.requests;
      client.hits[slot] = record.hits;
      client.lastSeenAt = record.lastSeenAt;
      client.userAgent = record.userAgent;
    }
  }

  /** Clients seen since `since`, most recent first, with their counts of the last 24 hours. */
  list(now: number, since: number, limit: number): ClientRecord[] {
    const hour = Math.floor(now / hourMs);
    const rows: ClientRecord[] = [];
    for (const [clientIp, client] of this.#clients) {
      if (client.lastSeenAt < since) continue;
      if (hour > client.hour) forgetSlots(client, hour);
      const { lastSeenAt, userAgent } = client;
      rows.push({ clientIp, lastSeenAt, requests: sum(client.requests), hits: sum(client.hits), userAgent });
    }
    return rows.sort((a, b) => b.lastSeenAt - a.lastSeenAt).slice(0, limit);
  }

  /** How many clients asked since `since`. */
  count(since: number): number {
    let count = 0;
    for (const client of this.#clients.values()) if (client.lastSeenAt >= since) count += 1;
    return count;
  }

  #touch(clientIp: string, at: number): Client {
    const held = this.#clients.get(clientIp);
    // moving it to the end costs more than all the counting
    if (held !== undefined && at - held.movedAt < reorderMs) return held;
    if (held !== undefined) this.#clients.delete(clientIp);
    else if (this.#clients.size >= maxClients) this.#forgetOldest();
    const client = held ?? emptyClient();
    client.movedAt = at;
    this.#clients.set(clientIp, client);
    return client;
  }

  #forgetOldest(): void {
    const oldest = this.#clients.keys().next();
    if (oldest.done !== true) this.#clients.delete(oldest.value);
  }
}

/** True when the answer came out of the store, fresh or not. */
export function isHit(event: AuditEvent): boolean {
  return event.outcome === 'hit' || event.outcome === 'stale';
}

function emptyClient(): Client {
  return {
    lastSeenAt: 0,
    movedAt: 0,
    userAgent: undefined,
    hour: 0,
    requests: new Uint32Array(hours),
    hits: new Uint32Array(hours),
  };
}

function forgetSlots(client: Client, hour: number): void {
  for (let past = Math.max(client.hour + 1, hour - hours + 1); past <= hour; past += 1) {
    client.requests[past % hours] = 0;
    client.hits[past % hours] = 0;
  }
  client.hour = hour;
}

function sum(counts: Uint32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
