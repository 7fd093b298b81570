import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls, rootCertificates } from 'node:tls';
import type { ForwardLine, Receiver, Sender } from './receiver.ts';
import { syslogFrame } from './syslog-message.ts';

const connectTimeoutMs = 10_000;
const writeTimeoutMs = 30_000;
const defaultPorts: Readonly<Record<string, number>> = { 'tcp:': 601, 'tls:': 6514 };

export interface SyslogOptions {
  /** `tcp://host:port` or `tls://host:port`. */
  readonly url: string;
  readonly format: 'json' | 'cef';
  /** PEM file of extra authorities; empty: the well-known ones. */
  readonly ca: string;
  readonly sender: Sender;
}

/**
 * Syslog over TCP or TLS. The protocol acknowledges nothing: lines count as received when the connection still stands some
 * seconds after the kernel took them.
 */
export class SyslogReceiver implements Receiver {
  readonly batch = 500;
  readonly settleMs = 5000;
  readonly #options: SyslogOptions;
  #socket: Socket | undefined;
  #isLost = false;

  constructor(options: SyslogOptions) {
    this.#options = options;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  async send(lines: readonly ForwardLine[], signal: AbortSignal): Promise<void> {
    this.#isLost = false;
    const { format, sender } = this.#options;
    const socket = this.#socket ?? (await this.#connect(signal));
    const bytes = Buffer.concat(lines.map((line) => syslogFrame(line, format, sender)));
    await this.#write(socket, bytes, signal);
  }

  close(): void {
    this.#socket?.end();
    this.#socket = undefined;
  }

  #connect(signal: AbortSignal): Promise<Socket> {
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const socket = open(this.#options);
    const isTls = this.#options.url.startsWith('tls:');
    const give = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(connectTimeoutMs, () => give(new Error('no connection within 10 s')));
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      socket.setTimeout(0);
      socket.setKeepAlive(true, 10_000);
      // whoever says something, or ends, is read: else the end of a connection goes unnoticed
      socket.resume();
      this.#socket = socket;
      resolve(socket);
    });
    socket.on('error', give);
    socket.once('close', () => {
      reject(new Error('the connection was closed'));
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#isLost = true;
    });
    return promise;
  }

  #write(socket: Socket, bytes: Buffer, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const gone = (): void => {
      reject(new Error('the connection was closed'));
    };
    const late = setTimeout(() => {
      socket.destroy(new Error('the receiver took nothing for 30 s'));
    }, writeTimeoutMs);
    socket.once('close', gone);
    if (signal.aborted) socket.destroy();
    socket.write(bytes, (error) => {
      if (error === null || error === undefined) resolve(undefined);
      else reject(error);
    });
    return promise.finally(() => {
      clearTimeout(late);
      socket.off('close', gone);
    });
  }
}

function open({ url, ca }: SyslogOptions): Socket {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const at = { host, port: port === '' ? (defaultPorts[protocol] ?? 601) : Number(port) };
  if (protocol !== 'tls:') return connect(at);
  return connectTls({
    ...at,
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ...(ca === '' ? {} : { ca: [...rootCertificates, readFileSync(ca, 'utf8')] }),
  });
}
