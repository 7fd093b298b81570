import type { Mirror } from '../../../server/app.types.ts';
import type { Status } from '../../../electron/mirror-host.ts';

const gib = 2 ** 30;

/** A mirror in use: three clients, nothing under way, nothing wrong. */
export function statusOf(changes: Partial<Status> = {}): Status {
  return {
    version: '1.0.0',
    startedAt: 0,
    state: 'running',
    listening: true,
    addresses: ['mac-anna.local:5443', '192.168.1.20:5443'],
    tls: true,
    mutualTls: false,
    pullExample: 'docker pull mac-anna.local:5443/library/alpine:3.20',
    offline: false,
    defaultUpstream: 'docker.io',
    dataDirectory: '/var/lib/zhi-mirror',
    disk: { contentBytes: gib, freeBytes: 9 * gib, totalBytes: 10 * gib, floorBytes: gib },
    activeTransfers: 0,
    clientsLast10Min: 3,
    attention: [],
    ...changes,
  };
}

/** A mirror whose failures are scripted and whose calls are counted. */
export class FakeMirror implements Mirror {
  readonly adminUrl = 'http://127.0.0.1:5051/';
  readonly mirrorUrl = 'http://127.0.0.1:5050';
  readonly calls: string[] = [];
  startFailure: Error | undefined;
  stopFailure: Error | undefined;
  switchFailure: Error | undefined;
  current = statusOf({ clientsLast10Min: 0 });
  /** Set to hold `stop` back until it is called. */
  holdStop = false;
  releaseStop: () => void = () => undefined;
  readonly #listeners = new Set<(status: Status) => void>();

  start(): Promise<void> {
    this.calls.push('start');
    return this.startFailure === undefined ? Promise.resolve() : Promise.reject(this.startFailure);
  }

  async stop(): Promise<void> {
    this.calls.push('stop');
    if (this.holdStop) {
      await new Promise<void>((resolve) => {
        this.releaseStop = resolve;
      });
    }
    if (this.stopFailure !== undefined) throw this.stopFailure;
    this.calls.push('stopped');
  }

  setServing(serving: boolean): Promise<void> {
    return this.#switch(`serving ${String(serving)}`, { listening: serving });
  }

  setOffline(offline: boolean): Promise<void> {
    return this.#switch(`offline ${String(offline)}`, { offline });
  }

  status(): Status {
    return this.current;
  }

  onStatus(listener: (status: Status) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  change(changes: Partial<Status>): void {
    this.current = { ...this.current, ...changes };
    for (const listener of this.#listeners) listener(this.current);
  }

  #switch(call: string, changes: Partial<Status>): Promise<void> {
    this.calls.push(call);
    if (this.switchFailure !== undefined) return Promise.reject(this.switchFailure);
    this.change(changes);
    return Promise.resolve();
  }
}
