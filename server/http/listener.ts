import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { formatAddress } from '../config/address.ts';
import type { ListenAddress } from '../config/address.ts';
import { ConfigError } from '../errors.ts';
import { nextFreePort, probePort } from '../lib/ports.ts';

export interface ListenerOptions {
  readonly address: ListenAddress;
  readonly tls: TlsOptions | undefined;
  /** Setting or flag to change when the address can't be used, e.g. `--listen`. */
  readonly flag: string;
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Makes the server of a door; nothing listens yet. */
export function createDoor(handler: RequestHandler, tls: TlsOptions | undefined): Server {
  const server = tls === undefined ? createServer(handler) : createTlsServer(tls, handler);
  // clients and proxies keep connections between the requests of one pull; 5 s (the default) breaks them in between
  server.keepAliveTimeout = 75_000;
  server.headersTimeout = 30_000;
  // an upload or a slow pull may take hours
  server.requestTimeout = 0;
  return server;
}

/**
 * Opens a door; resolves with the port it got.
 * @throws ConfigError (PORT_IN_USE, ADDRESS_UNAVAILABLE) that names the next free port
 */
export async function openDoor(server: Server, options: ListenerOptions): Promise<number> {
  const { host, port } = options.address;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw await listenError(error as NodeJS.ErrnoException, options);
  }
  return (server.address() as AddressInfo).port;
}

/**
 * Finds out before anything is created on disk.
 * @throws ConfigError (PORT_IN_USE, ADDRESS_UNAVAILABLE)
 */
export async function refuseTakenPort(address: ListenAddress, flag: string): Promise<void> {
  if (address.port === 0) return;
  const code = await probePort(address.host, address.port);
  if (code !== undefined)
    throw await listenError(Object.assign(new Error(code), { code }), { address, tls: undefined, flag });
}

async function listenError(error: NodeJS.ErrnoException, options: ListenerOptions): Promise<ConfigError> {
  const { host, port } = options.address;
  const where = formatAddress(options.address);
  if (error.code !== 'EADDRINUSE') {
    return new ConfigError([`can't listen on ${where} (${options.flag}): ${error.message}`], {
      code: 'ADDRESS_UNAVAILABLE',
      value: where,
      cause: error,
    });
  }
  const next = await nextFreePort(host, port);
  const advice =
    next === undefined
      ? 'choose another port'
      : `the next free one is ${String(next)}: ${options.flag} ${formatAddress({ host, port: next })}`;
  return new ConfigError([`port ${String(port)} is in use; ${advice}`], {
    code: 'PORT_IN_USE',
    value: where,
    cause: error,
  });
}

/** Closes a door: no new connection, idle ones end, busy ones get `graceMs`. */
export async function closeDoor(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  server.closeIdleConnections();
  const timer = setTimeout(() => {
    server.closeAllConnections();
  }, graceMs);
  await closed;
  clearTimeout(timer);
}
