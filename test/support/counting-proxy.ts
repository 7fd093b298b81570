import { request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { atTestEnd } from './cleanup.ts';
import { RequestLog } from './fake-upstream/request-log.ts';
import type { RecordedRequest, RequestFilter } from './fake-upstream/request-log.ts';
import { Listener } from './listener.ts';

/** Stands before a real registry, counts what passes, and can be slowed or taken away. */
export class CountingProxy {
  readonly log = new RequestLog();
  /** Added before every answer. */
  latencyMs = 0;
  /** Pace of each body; undefined means as fast as it goes. */
  bytesPerSecond: number | undefined;
  readonly #target: string;
  readonly #listener: Listener;

  constructor(target: string) {
    this.#target = target;
    this.#listener = new Listener((request, response) => {
      response.on('error', () => undefined);
      this.#pass(request, response).catch(() => response.destroy());
    });
  }

  get url(): string {
    return this.#listener.url;
  }

  get host(): string {
    return this.#listener.host;
  }

  get requests(): readonly RecordedRequest[] {
    return this.log.requests;
  }

  count(filter?: RequestFilter): number {
    return this.log.count(filter);
  }

  clearRequests(): void {
    this.log.clear();
  }

  /** Goes down: connections are refused, transfers under way are cut. */
  stop(): Promise<void> {
    return this.#listener.stop();
  }

  /** Comes (back) up, on the same port. */
  start(): Promise<void> {
    return this.#listener.start();
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record = this.log.record(request);
    if (this.latencyMs > 0) await wait(this.latencyMs);
    const onward = httpRequest(new URL(record.url, this.#target), { method: record.method, headers: request.headers });
    response.once('close', () => onward.destroy());
    const answered = new Promise<IncomingMessage>((resolve, reject) =>
      onward.once('response', resolve).once('error', reject),
    );
    await pipeline(request, onward);
    const answer = await answered;
    record.status = answer.statusCode ?? 502;
    const ended =
      record.kind === 'blob' && record.method === 'GET' ? this.log.download(record.reference ?? '') : () => undefined;
    try {
      response.writeHead(record.status, answer.headers);
      await pipeline(answer, this.#meter(record), response);
      record.completed = true;
    } finally {
      ended();
    }
  }

  #meter(record: RecordedRequest): Transform {
    const startedAt = performance.now();
    return new Transform({
      transform: (piece: Buffer, _encoding, done) => {
        record.bytesSent += piece.length;
        const dueMs =
          this.bytesPerSecond === undefined
            ? 0
            : (record.bytesSent / this.bytesPerSecond) * 1000 - (performance.now() - startedAt);
        if (dueMs > 1) setTimeout(done, dueMs, null, piece);
        else done(null, piece);
      },
    });
  }
}

/** A proxy before `target`, stopped at the end of the test; outside a test the caller stops it. */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const proxy = new CountingProxy(target);
  await proxy.start();
  atTestEnd(() => proxy.stop());
  return proxy;
}
