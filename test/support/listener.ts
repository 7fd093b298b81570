import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP(S) listener that can be stopped hard and come back on the same port. */
export class Listener {
  readonly #onRequest: RequestListener;
  readonly #host: string;
  readonly #tls: ServerOptions | undefined;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  constructor(
    onRequest: RequestListener,
    options: { readonly host?: string; readonly tls?: ServerOptions | undefined } = {},
  ) {
    this.#onRequest = onRequest;
    this.#host = options.host ?? '127.0.0.1';
    this.#tls = options.tls;
  }

  /** Base URL without a slash at the end; stays the same over restarts. */
  get url(): string {
    return `${this.#tls === undefined ? 'http' : 'https'}://${this.host}`;
  }

  /** `host:port`, as it stands in a reference. */
  get host(): string {
    return `${this.#host}:${String(this.#port)}`;
  }

  get listening(): boolean {
    return this.#server !== undefined;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Opens the listener, on the port of last time when there was one; `port` only counts the first time. */
  async start(port = 0): Promise<void> {
    if (this.#server !== undefined) return;
    const server =
      this.#tls === undefined ? createServer(this.#onRequest) : createTlsServer(this.#tls, this.#onRequest);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port === 0 ? port : this.#port, this.#host, resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Closes the listener and cuts every connection. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) =>
      server.close(() => {
        resolve();
      }),
    );
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
