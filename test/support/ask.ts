import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';

/** What arrived before the answer ended or broke. */
export interface Seen {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Node's error code when the connection broke. */
  readonly broken: string | undefined;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** PEM of the authority to trust. */
  readonly ca?: string;
  readonly signal?: AbortSignal;
}

/** One request on its own connection. fetch hides lengths and broken bodies; this does not. */
export function ask(url: string, options: AskOptions = {}): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https') ? httpsRequest : httpRequest)(
      url,
      { ...options, agent: false },
      (response) => {
        const parts: Buffer[] = [];
        const done = (broken: string | undefined): void =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts), broken });
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', (error: NodeJS.ErrnoException) => done(error.code));
        response.on('end', () => done(undefined));
      },
    );
    request.on('error', reject);
    request.end();
  });
}

/** Everything a connection answers until it is closed. */
export async function raw(url: string, request: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(request);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
