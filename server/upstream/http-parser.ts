/**
 * Reads an HTTP/1.1 response out of bytes as they arrive (RFC 9112), as strictly as a client may. Made for bodies of
 * gigabytes: pieces are handed on as they lie in memory. The upstream controls every byte.
 */
export interface ResponseEvents {
  onHead(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void;
  onData(piece: Buffer): void;
  /** The message is complete. */
  onEnd(): void;
}

/** What makes a response unreadable; the connection can't be used again. */
export class ResponseSyntaxError extends Error {}

const headLimitBytes = 64 * 1024;
const lineLimitBytes = 8 * 1024;

type State = 'head' | 'length' | 'until-close' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer' | 'done';

/** One response on one connection. */
export class ResponseParser {
  readonly #events: ResponseEvents;
  #state: State = 'head';
  #gathered = Buffer.alloc(0);
  #remaining = 0;
  #mayReuse = true;

  constructor(events: ResponseEvents) {
    this.#events = events;
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** Whether another request may follow on the connection. */
  get mayReuse(): boolean {
    return this.#mayReuse && this.#state === 'done';
  }

  /** Takes the next bytes; `piece` may be overwritten afterwards unless `onData`'s receiver keeps it from that. @throws ResponseSyntaxError */
  push(piece: Buffer): void {
    let rest = piece;
    while (rest.length > 0) {
      if (this.#state === 'done') {
        // bytes nobody asked for: whatever they are, they must not be taken for the next answer
        this.#mayReuse = false;
        return;
      }
      rest = this.#step(rest);
    }
  }

  /** The upstream closed the connection; true when that ends the message well. */
  close(): boolean {
    if (this.#state === 'until-close') this.#end();
    this.#mayReuse = false;
    return this.#state === 'done';
  }

  #step(bytes: Buffer): Buffer {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes);
      case 'length':
      case 'chunk-data':
        return this.#readCounted(bytes);
      case 'until-close':
        this.#events.onData(bytes);
        return bytes.subarray(bytes.length);
      default:
        return this.#readLine(bytes);
    }
  }

  #readHead(bytes: Buffer): Buffer {
    const before = this.#gathered.length;
    const all = before === 0 ? bytes : Buffer.concat([this.#gathered, bytes]);
    const end = all.indexOf('\r\n\r\n', Math.max(0, before - 3), 'latin1');
    if (end < 0) {
      if (all.length > headLimitBytes) throw new ResponseSyntaxError('sent headers of more than 64 KiB');
      this.#gathered = Buffer.from(all);
      return bytes.subarray(bytes.length);
    }
    this.#gathered = Buffer.alloc(0);
    this.#startBody(all.toString('latin1', 0, end));
    return all.subarray(end + 4);
  }

  #startBody(head: string): void {
    const [statusLine = '', ...lines] = head.split('\r\n');
    const match = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(statusLine);
    if (match === null) throw new ResponseSyntaxError('sent no HTTP/1.1 status line');
    const status = Number(match[2]);
    // RFC 9110 §15.2: an interim answer is followed by the real one
    if (status >= 100 && status < 200) return;
    const headers = readFields(lines);
    if (match[1] === '0' || /(?:^|,)\s*close\s*(?:,|$)/i.test(textOf(headers['connection']))) this.#mayReuse = false;
    this.#chooseBody(status, headers);
    const next = this.#state;
    this.#events.onHead(status, headers);
    if (next === 'length' && this.#remaining === 0) this.#end();
  }

  #chooseBody(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void {
    const coding = textOf(headers['transfer-encoding']).toLowerCase();
    const lengths = new Set(
      textOf(headers['content-length'])
        .split(',')
        .map((length) => length.trim()),
    );
    if (status === 204 || status === 304) this.#expect('length', 0);
    else if (coding !== '') {
      // RFC 9112 §6.1: a length beside a transfer coding is how requests are smuggled
      if (coding !== 'chunked' || headers['content-length'] !== undefined)
        throw new ResponseSyntaxError('sent a body whose length is stated twice or in an unknown coding');
      this.#state = 'chunk-size';
    } else if (headers['content-length'] === undefined) {
      this.#mayReuse = false;
      this.#state = 'until-close';
    } else {
      const [length = ''] = lengths;
      if (lengths.size !== 1 || !/^\d{1,15}$/.test(length))
        throw new ResponseSyntaxError('answered with contradicting lengths');
      this.#expect('length', Number(length));
    }
  }

  #expect(state: State, bytes: number): void {
    this.#state = state;
    this.#remaining = bytes;
  }

  #readCounted(bytes: Buffer): Buffer {
    const take = Math.min(this.#remaining, bytes.length);
    this.#remaining -= take;
    const isLast = this.#remaining === 0;
    if (take > 0) this.#events.onData(take === bytes.length ? bytes : bytes.subarray(0, take));
    if (isLast && this.#state === 'length') this.#end();
    else if (isLast) this.#state = 'chunk-end';
    return bytes.subarray(take);
  }

  /** RFC 9112 §7.1: chunk sizes, the line end after a chunk, trailers. */
  #readLine(bytes: Buffer): Buffer {
    const all = this.#gathered.length === 0 ? bytes : Buffer.concat([this.#gathered, bytes]);
    const end = all.indexOf('\n');
    if (end < 0) {
      if (all.length > lineLimitBytes) throw new ResponseSyntaxError('sent a chunk header that does not end');
      this.#gathered = Buffer.from(all);
      return bytes.subarray(bytes.length);
    }
    this.#gathered = Buffer.alloc(0);
    this.#takeLine(all.toString('latin1', 0, end).replace(/\r$/, ''));
    return all.subarray(end + 1);
  }

  #takeLine(line: string): void {
    if (this.#state === 'trailer') {
      if (line === '') this.#end();
      return;
    }
    if (this.#state === 'chunk-end') {
      if (line !== '') throw new ResponseSyntaxError('sent a chunk longer than it said');
      this.#state = 'chunk-size';
      return;
    }
    const size = /^([0-9a-f]{1,12})\s*(?:;.*)?$/i.exec(line)?.[1];
    if (size === undefined) throw new ResponseSyntaxError('sent a chunk without a size');
    if (Number.parseInt(size, 16) === 0) this.#state = 'trailer';
    else this.#expect('chunk-data', Number.parseInt(size, 16));
  }

  #end(): void {
    this.#state = 'done';
    this.#events.onEnd();
  }
}

function readFields(lines: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (const line of lines) {
    const colon = line.indexOf(':');
    // RFC 9112 §5.1: no white space before the colon, no folded lines
    if (colon <= 0 || /[\s\0]/.test(line.slice(0, colon)))
      throw new ResponseSyntaxError('sent a header line that is none');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const known = headers[name];
    headers[name] = known === undefined ? value : [...(Array.isArray(known) ? known : [known]), value];
  }
  return headers;
}

function textOf(value: string | readonly string[] | undefined): string {
  return value === undefined ? '' : typeof value === 'string' ? value : value.join(',');
}
