import { setTimeout as wait } from 'node:timers/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { contentOf } from '../content.ts';
import type { Content } from '../content.ts';
import type { Fault } from './fault.ts';
import type { RecordedRequest } from './request-log.ts';

/** What a route wants said. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Content;
  /** True for blobs: a Range header is honoured. */
  readonly ranges?: boolean;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly record: RecordedRequest;
  readonly fault: Fault;
  /** Resolves when the connection is gone or the answer is over. */
  readonly gone: Promise<void>;
}

/** One request and its answer under way. */
export function exchangeOf(
  request: IncomingMessage,
  response: ServerResponse,
  record: RecordedRequest,
  fault: Fault,
): Exchange {
  const gone = new Promise<void>((resolve) => {
    if (response.destroyed) resolve();
    else response.once('close', resolve);
  });
  return { request, response, record, fault, gone };
}

const codes: Readonly<Record<number, string>> = {
  400: 'UNSUPPORTED',
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'NAME_UNKNOWN',
  405: 'UNSUPPORTED',
  416: 'RANGE_INVALID',
  429: 'TOOMANYREQUESTS',
};

/** An OCI error document (distribution-spec, "Error Codes"). */
export function errorAnswer(
  status: number,
  code = codes[status] ?? 'UNKNOWN',
  message = 'the fake upstream says so',
): Answer {
  return jsonAnswer(status, { errors: [{ code, message }] });
}

export function jsonAnswer(status: number, document: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: contentOf(JSON.stringify(document)),
  };
}

/** Writes the answer as the fault bends it; resolves when it is out or the connection is gone. */
export async function send(answer: Answer, exchange: Exchange): Promise<void> {
  const { response, request, record, fault } = exchange;
  const span = spanOf(answer, exchange);
  const status = span.status;
  record.status = status;
  response.writeHead(status, headersOf(answer, span, fault));
  if (request.method === 'HEAD' || answer.body === undefined) {
    await finish(exchange);
    return;
  }
  if (fault.reset === 'after-headers') {
    await reset(exchange);
    return;
  }
  const body = bend(fault.content ?? answer.body, fault);
  const whole = await sendBody(body.read(span.start, Math.min(span.end, body.size)), exchange);
  if (!whole) return;
  // a lie about the length only works when the connection ends with the body
  if (fault.lengthOff !== undefined || fault.content !== undefined) await close(exchange);
  else await finish(exchange);
}

interface Span {
  readonly status: number;
  readonly start: number;
  readonly end: number;
  readonly partial: boolean;
}

/** The part of the body that is sent (RFC 9110 §14.2, one range). */
function spanOf(answer: Answer, { request, fault }: Exchange): Span {
  const size = answer.body?.size ?? 0;
  const whole: Span = {
    status: answer.status,
    start: 0,
    end: Math.max(size, fault.content?.size ?? 0),
    partial: false,
  };
  const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  if (answer.ranges !== true || fault.ignoreRange === true || match === null) return whole;
  const start = Number(match[1]);
  const end = match[2] === '' ? size : Math.min(size, Number(match[2]) + 1);
  if (start >= size || start >= end) return { status: 416, start: 0, end: 0, partial: true };
  return { status: 206, start, end, partial: true };
}

function headersOf(answer: Answer, span: Span, fault: Fault): Record<string, string> {
  const size = answer.body?.size ?? 0;
  const length = span.partial ? span.end - span.start : size;
  const headers: Record<string, string> = {
    ...answer.headers,
    'content-length': String(length + (fault.lengthOff ?? 0)),
  };
  if (answer.ranges === true && fault.ignoreRange !== true) headers['accept-ranges'] = 'bytes';
  if (span.status === 416) headers['content-range'] = `bytes */${String(size)}`;
  if (span.status === 206)
    headers['content-range'] = `bytes ${String(span.start)}-${String(span.end - 1)}/${String(size)}`;
  if (fault.retryAfter !== undefined) headers['retry-after'] = String(fault.retryAfter);
  const changed: Record<string, string | null | undefined> = {
    ...(fault.chunked === true ? { 'content-length': null } : {}),
    ...(fault.digest === undefined ? {} : { 'docker-content-digest': fault.digest }),
    ...Object.fromEntries(Object.entries(fault.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
  };
  for (const [name, value] of Object.entries(changed)) {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- header names are data
    if (value === null || value === undefined) delete headers[name];
    else headers[name] = value;
  }
  return headers;
}

function bend(content: Content, fault: Fault): Content {
  if (fault.flipByteAt === undefined) return content;
  const target = fault.flipByteAt < 0 ? content.size + fault.flipByteAt : fault.flipByteAt;
  return {
    size: content.size,
    *read(start = 0, end = content.size) {
      let at = start;
      for (const piece of content.read(start, end)) {
        yield target >= at && target < at + piece.length ? inverted(piece, target - at) : piece;
        at += piece.length;
      }
    },
  };
}

function inverted(piece: Buffer, at: number): Buffer {
  const copy = Buffer.from(piece);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

/** False when the body did not go out in full, on purpose or because the client left. */
async function sendBody(pieces: Iterable<Buffer>, exchange: Exchange): Promise<boolean> {
  const { response, fault } = exchange;
  const startedAt = performance.now();
  const stops = [fault.hold?.at, fault.cutAt].filter((stop) => stop !== undefined);
  let sent = 0;
  if (!(await pause(exchange, sent))) return false;
  for (const piece of pieces) {
    for (const part of parts(piece, sent, stops, fault.bytesPerSecond)) {
      if (response.destroyed) return false;
      sent += part.length;
      if (!write(part, exchange)) await drained(exchange);
      await keepPace(exchange, sent, startedAt);
      if (!(await pause(exchange, sent))) return false;
    }
  }
  return !response.destroyed;
}

/** Counts the bytes when the system has taken them, so that a count is never ahead of what a client can see. */
function write(part: Buffer, { response, record }: Exchange): boolean {
  return response.write(part, (error) => {
    if (!error) record.bytesSent += part.length;
  });
}

/** Cuts a piece where the fault wants to stop, and into small parts where it is paced. */
function* parts(
  piece: Buffer,
  sent: number,
  stops: readonly number[],
  bytesPerSecond: number | undefined,
): Iterable<Buffer> {
  const largest =
    bytesPerSecond === undefined ? piece.length : Math.max(1, Math.min(65_536, Math.floor(bytesPerSecond / 50)));
  for (let at = 0; at < piece.length;) {
    const next = Math.min(piece.length, at + largest, ...stops.map((stop) => stop - sent).filter((stop) => stop > at));
    yield piece.subarray(at, next);
    at = next;
  }
}

/** Does what the fault wants at this point of the body; false when that was the end of it. */
async function pause(exchange: Exchange, sent: number): Promise<boolean> {
  const { response, fault } = exchange;
  if (fault.hold?.at === sent) {
    response.flushHeaders();
    await Promise.race([fault.hold.until ?? exchange.gone, exchange.gone]);
  }
  if (fault.cutAt !== sent) return true;
  response.flushHeaders();
  await close(exchange);
  return false;
}

async function keepPace({ fault, gone }: Exchange, sent: number, startedAt: number): Promise<void> {
  if (fault.bytesPerSecond === undefined) return;
  const dueMs = (sent / fault.bytesPerSecond) * 1000 - (performance.now() - startedAt);
  if (dueMs > 1) await Promise.race([wait(dueMs), gone]);
}

async function drained({ response, gone }: Exchange): Promise<void> {
  if (response.destroyed) return;
  const drain = new Promise<void>((resolve) => response.once('drain', resolve));
  await Promise.race([drain, gone]);
}

/** Flushes what was written and closes the connection, leaving the answer without its end. */
async function close({ response, gone }: Exchange): Promise<void> {
  response.socket?.destroySoon();
  await gone;
}

/** Breaks the connection after what was written so far has gone out. */
async function reset({ request, response, gone }: Exchange): Promise<void> {
  response.flushHeaders();
  await new Promise<void>((resolve) =>
    response.socket?.write('', () => {
      resolve();
    }),
  );
  request.socket.resetAndDestroy();
  await gone;
}

async function finish({ response, record }: Exchange): Promise<void> {
  await new Promise<void>((resolve) => {
    response.once('close', resolve);
    response.end(() => {
      record.completed = true;
      resolve();
    });
  });
}

/** Waits as the fault's `delay` says; false when the client left meanwhile. */
export async function delayed({ response, fault, gone }: Exchange): Promise<boolean> {
  const { delay } = fault;
  if (delay === undefined) return true;
  const over = delay === 'forever' ? gone : typeof delay === 'number' ? wait(delay) : delay;
  await Promise.race([over, gone]);
  return !response.destroyed;
}
