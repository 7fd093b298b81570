import { describe, expect, it } from 'vitest';
import { ResponseParser, ResponseSyntaxError } from '../../../../server/upstream/http-parser.ts';

interface Read {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[]>> | undefined;
  readonly body: string;
  readonly ended: number;
  readonly isDone: boolean;
  readonly mayReuse: boolean;
}

/** Feeds a response in pieces of `step` bytes, each in memory that is overwritten afterwards, as a connection does. */
function read(text: string, step: number, isClosed = false): Read {
  const bytes = Buffer.from(text, 'latin1');
  const seen = { status: undefined as number | undefined, headers: undefined as Read['headers'], body: '', ended: 0 };
  const parser = new ResponseParser({
    onHead: (status, headers) => {
      seen.status = status;
      seen.headers = headers;
    },
    onData: (piece) => {
      seen.body += piece.toString('latin1');
    },
    onEnd: () => {
      seen.ended += 1;
    },
  });
  const memory = Buffer.alloc(step);
  for (let at = 0; at < bytes.length; at += step) {
    const count = bytes.copy(memory, 0, at, at + step);
    parser.push(memory.subarray(0, count));
    memory.fill(0xff);
  }
  if (isClosed) parser.close();
  return { ...seen, isDone: parser.isDone, mayReuse: parser.mayReuse };
}

const steps = [1, 2, 3, 7, 64, 4096];

describe('a response', () => {
  it.each(steps)('with a length ends at that length, in pieces of %i bytes', (step) => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello';
    expect(read(text, step)).toEqual({
      status: 200,
      headers: { 'content-length': '5', 'x-a': ['1', '2'] },
      body: 'hello',
      ended: 1,
      isDone: true,
      mayReuse: true,
    });
  });

  it.each(steps)('in chunks ends with the empty one and its trailers, in pieces of %i bytes', (step) => {
    const text =
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\nA\r\n, thankyou\r\n0\r\nT: 1\r\n\r\n';
    expect(read(text, step)).toMatchObject({ body: 'hello, thankyou', ended: 1, isDone: true, mayReuse: true });
  });

  it.each(steps)('without a length ends with the connection, in pieces of %i bytes', (step) => {
    expect(read('HTTP/1.1 200 OK\r\n\r\nhello', step)).toMatchObject({ body: 'hello', ended: 0, isDone: false });
    expect(read('HTTP/1.1 200 OK\r\n\r\nhello', step, true)).toMatchObject({ ended: 1, isDone: true, mayReuse: false });
  });

  it.each(steps)('comes after interim ones, in pieces of %i bytes', (step) => {
    const text = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    expect(read(text, step)).toMatchObject({
      status: 200,
      headers: { 'content-length': '2' },
      body: 'ok',
      isDone: true,
    });
  });

  it.each(['204 No Content', '304 Not Modified'])('%s has no body, whatever length it states', (line) => {
    expect(read(`HTTP/1.1 ${line}\r\nContent-Length: 5\r\n\r\n`, 9)).toMatchObject({
      body: '',
      ended: 1,
      mayReuse: true,
    });
  });

  it.each([
    ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['bytes after the end', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n'],
  ])('leaves the connection unusable after %s', (_, text) => {
    expect(read(text, 4096)).toMatchObject({ body: 'ok', ended: 1, isDone: true, mayReuse: false });
  });

  it('that is cut off is not done', () => {
    expect(read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel', 4, true)).toMatchObject({ ended: 0, isDone: false });
    const cut = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
    expect(read(cut, 4, true)).toMatchObject({ body: 'hello', ended: 0, isDone: false });
  });

  it.each([
    ['no status line', 'GET / HTTP/1.1\r\n\r\n'],
    ['another version', 'HTTP/2 200 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a header without a colon', 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n'],
    ['a folded header', 'HTTP/1.1 200 OK\r\nX: 1\r\n two: 2\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n'],
    ['two lengths in one header', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n'],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n'],
    ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
    ['a length beside chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    ['a chunk without a size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
    [
      'a chunk of a size beyond all measure',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'f'.repeat(13)}\r\n`,
    ],
    ['a chunk longer than it says', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n'],
    ['headers without an end', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(70_000)}`],
    ['a chunk size without an end', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(9_000)}`],
  ])('with %s is refused', (_, text) => {
    for (const step of [1, 64, 4096]) expect(() => read(text, step)).toThrow(ResponseSyntaxError);
  });

  it('accepts the same length stated twice', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok';
    expect(read(text, 5)).toMatchObject({ body: 'ok', isDone: true });
  });
});

describe('random bytes', () => {
  it('never make it throw anything but a syntax error, nor deliver more than came', () => {
    const alphabet = [
      'HTTP/1.1 200 OK\r\n',
      'Content-Length: 3\r\n',
      'Transfer-Encoding: chunked\r\n',
      '\r\n',
      '0\r\n',
      '3\r\nabc\r\n',
      ':',
      ' ',
      '\n',
      '\0',
      'ÿ',
      'abc',
    ];
    let seed = 42;
    const next = (limit: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % limit;
    };
    for (let round = 0; round < 3000; round += 1) {
      const text = Array.from({ length: 1 + next(12) }, () => alphabet[next(alphabet.length)] ?? '').join('');
      try {
        const { body, ended } = read(text, 1 + next(9), true);
        expect(body.length).toBeLessThanOrEqual(text.length);
        expect(ended).toBeLessThanOrEqual(1);
      } catch (error) {
        expect(error).toBeInstanceOf(ResponseSyntaxError);
      }
    }
  });
});
