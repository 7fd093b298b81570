import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { expect } from 'vitest';
import { problem, routes, streamEvents } from '../../../server/api/contract.ts';
import type {
  Problem,
  RouteBody,
  RouteName,
  RouteQuery,
  RouteResponse,
  StreamEvent,
  StreamEventName,
} from '../../../server/api/contract.ts';

/** An answer of the admin listener, whatever it was. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request on its own connection; any header can be sent, `Host` too. */
export function send(url: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers: { ...headers }, agent: false }, (response) => {
      readAll(response).then(
        (text) => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        reject,
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

interface Input<N extends RouteName> {
  readonly query?: RouteQuery<N>;
  readonly body?: RouteBody<N>;
}

/** The admin API as the window uses it: every answer is checked against the contract, and every text is kept. */
export class AdminClient {
  readonly url: string;
  /** Every answer so far, to look for what must never be in one. */
  readonly texts: string[] = [];

  constructor(url: string) {
    this.url = url;
  }

  /** A call that must succeed. */
  async call<N extends RouteName>(name: N, input: Input<N> = {}): Promise<RouteResponse<N>> {
    const answer = await this.ask(name, input);
    expect({ status: answer.status, text: answer.status === 200 ? '' : answer.text }).toEqual({
      status: 200,
      text: '',
    });
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    const value: unknown = JSON.parse(answer.text);
    expect(routes[name].response.safeParse(value).error).toBeUndefined();
    return value as RouteResponse<N>;
  }

  /** A call that must fail; gives the problem. */
  async fail<N extends RouteName>(name: N, input: Input<N>): Promise<Problem> {
    return problemIn(await this.ask(name, input));
  }

  async ask<N extends RouteName>(name: N, { query = {} as RouteQuery<N>, body }: Input<N>): Promise<Answer> {
    const { method, path } = routes[name];
    const parameters = new URLSearchParams(
      Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]),
    );
    const answer = await send(`${this.url}${path}?${parameters.toString()}`, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    this.texts.push(answer.text);
    return answer;
  }

  /** Opens the event stream. Close it. */
  async listen(): Promise<Events> {
    const gone = new AbortController();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest(`${this.url}/api/v1/events`, { agent: false, signal: gone.signal }, resolve)
        .on('error', reject)
        .end();
    });
    return new Events(response, gone, this.texts);
  }
}

/** The problem of a failed answer, checked for form. */
export function problemIn(answer: Answer): Problem {
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json(?:;|$)/);
  const value: unknown = JSON.parse(answer.text);
  const parsed = problem.parse(value);
  expect(parsed.status).toBe(answer.status);
  return parsed;
}

/** An event stream being read. */
export class Events {
  readonly headers: IncomingHttpHeaders;
  readonly status: number;
  readonly #gone: AbortController;
  readonly #seen: { readonly name: string; readonly data: unknown }[] = [];
  readonly #ended: Promise<void>;
  #wake = Promise.withResolvers<undefined>();
  #text = '';

  constructor(response: IncomingMessage, gone: AbortController, texts: string[]) {
    this.headers = response.headers;
    this.status = response.statusCode ?? 0;
    this.#gone = gone;
    this.#ended = this.#read(response, texts);
  }

  /** The first event of this name, from the beginning of the stream on, that `accept` takes; each is checked against the contract. */
  async next<N extends StreamEventName>(
    name: N,
    accept: (event: StreamEvent<N>) => boolean = () => true,
  ): Promise<StreamEvent<N>> {
    for (;;) {
      for (const event of this.#seen) {
        if (event.name !== name) continue;
        const data = streamEvents[name].parse(event.data) as StreamEvent<N>;
        if (accept(data)) return data;
      }
      await this.#wake.promise;
    }
  }

  /** Resolves when the server ended the stream. */
  ended(): Promise<void> {
    return this.#ended;
  }

  async close(): Promise<void> {
    this.#gone.abort();
    await this.#ended;
  }

  async #read(response: IncomingMessage, texts: string[]): Promise<void> {
    try {
      for await (const part of response) this.#take((part as Buffer).toString(), texts);
    } catch {
      // cut by this side
    }
  }

  #take(piece: string, texts: string[]): void {
    texts.push(piece);
    this.#text += piece;
    const messages = this.#text.split('\n\n');
    this.#text = messages.pop() ?? '';
    for (const message of messages) {
      const match = /^event: (.+)\ndata: (.+)$/.exec(message);
      if (match !== null) this.#seen.push({ name: match[1] ?? '', data: JSON.parse(match[2] ?? '') });
    }
    const woken = this.#wake;
    this.#wake = Promise.withResolvers();
    woken.resolve(undefined);
  }
}
