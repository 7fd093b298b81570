import type { ServerResponse } from 'node:http';
import { RequestError } from '../errors.ts';
import { describeHealth } from './health-view.ts';
import type { StreamEvent, StreamEventName } from './contract.ts';
import type { AdminParts } from './parts.ts';

const heartbeatMs = 15_000;
const healthEveryMs = 1000;
/** Windows at once; more is a mistake or an attack. */
const streamLimit = 64;
/** A window this far behind is cut off; it opens a new stream and reads everything anew. */
const backlogBytes = 1024 * 1024;

type StreamParts = Pick<AdminParts, 'clock' | 'control' | 'audit' | 'upstreams'>;

/**
 * `GET /api/v1/events`: what happens, told to every open window as server-sent events. While no window is open nothing is
 * watched and nothing costs.
 */
export class EventStream {
  readonly #parts: StreamParts;
  readonly #streams = new Set<ServerResponse>();
  readonly #stops: (() => void)[] = [];
  #health = '';

  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  /** Open streams. */
  get size(): number {
    return this.#streams.size;
  }

  /** @throws RequestError (CONFLICT) when too many windows are open; ask before the answer is taken over */
  assertRoom(): void {
    if (this.#streams.size >= streamLimit)
      throw new RequestError('CONFLICT', `${String(streamLimit)} windows are open already; close one`);
  }

  /** Takes over an answer: it starts with the status and ends when the client goes or the mirror stops. */
  open(response: ServerResponse, headers: Readonly<Record<string, number | string | string[] | undefined>>): void {
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.once('close', () => {
      this.#leave(response);
    });
    if (this.#streams.size === 0) this.#watch();
    this.#streams.add(response);
    this.#write(response, message('status', this.#parts.control.status()));
    this.#write(response, message('upstreams', { upstreams: this.#upstreams() }));
  }

  /** Tells every window. */
  send<N extends StreamEventName>(name: N, data: StreamEvent<N>): void {
    if (this.#streams.size === 0) return;
    const text = message(name, data);
    for (const response of this.#streams) this.#write(response, text);
  }

  /** Ends every stream. */
  close(): void {
    for (const response of this.#streams) response.end();
    this.#streams.clear();
    this.#unwatch();
  }

  #watch(): void {
    const { clock, control, audit } = this.#parts;
    this.#stops.push(
      control.onStatus((status) => {
        this.send('status', status);
      }),
      control.onCacheChange((repositories) => {
        this.send('cache', { repositories: [...repositories] });
      }),
      audit.subscribe((rows, dropped) => {
        this.send('requests', { rows: [...rows], dropped });
      }),
      clock.every(healthEveryMs, () => {
        this.#tellHealth();
      }),
      clock.every(heartbeatMs, () => {
        // a comment: proxies and browsers see that the connection lives
        for (const response of this.#streams) this.#write(response, ': \n\n');
      }),
    );
    this.#health = healthKey(this.#upstreams());
  }

  #unwatch(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #leave(response: ServerResponse): void {
    this.#streams.delete(response);
    if (this.#streams.size === 0) this.#unwatch();
  }

  #tellHealth(): void {
    const upstreams = this.#upstreams();
    const key = healthKey(upstreams);
    if (key === this.#health) return;
    this.#health = key;
    this.send('upstreams', { upstreams });
  }

  #upstreams(): StreamEvent<'upstreams'>['upstreams'] {
    return this.#parts.upstreams
      .list()
      .map(({ settings, client }) => ({ name: settings.name, health: describeHealth(client.health()) }));
  }

  #write(response: ServerResponse, text: string): void {
    if (response.destroyed || response.writableEnded) return;
    if (response.writableLength > backlogBytes) response.destroy();
    else response.write(text);
  }
}

/** JSON has no line ends, so one `data:` line is enough. */
function message<N extends StreamEventName>(name: N, data: StreamEvent<N>): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Equal while nothing worth telling changed: the time until a retry is computed anew each time and wavers by a millisecond. */
function healthKey(upstreams: StreamEvent<'upstreams'>['upstreams']): string {
  return JSON.stringify(upstreams, (name, value: unknown) =>
    name === 'retryAt' && typeof value === 'number' ? Math.round(value / 1000) : value,
  );
}
