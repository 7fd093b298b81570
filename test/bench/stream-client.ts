import { connect } from 'node:net';
import { now } from './statistics.ts';
import type { Transfer } from './clients.ts';

/** One body read and thrown away. */
export interface Drained extends Transfer {
  /** `now()` when the first byte of the body, not of the header, came; absent when none came. */
  readonly firstBodyByteAt: number | undefined;
}

/**
 * Gets a URL over a bare socket into one buffer that is overwritten again and again: as cheap as a curl process, without
 * the time one takes to start, and it sees when content comes, where curl's `time_starttransfer` is satisfied with a
 * header. Resolves with status 0 when the connection breaks off or the answer has no Content-Length.
 */
export function drainUrl(url: string, timeoutSeconds: number): Promise<Drained> {
  const { hostname, port, host, pathname } = new URL(url);
  const startedAt = now();
  const progress = new Progress();
  const { promise, resolve } = Promise.withResolvers<Drained>();
  const socket = connect({
    host: hostname,
    port: Number(port),
    onread: {
      buffer: Buffer.allocUnsafe(256 * 1024),
      callback: (length, buffer) => {
        if (progress.accept(Buffer.from(buffer.buffer, buffer.byteOffset, length))) socket.destroy();
        return true;
      },
    },
  });
  const timer = setTimeout(() => socket.destroy(), timeoutSeconds * 1_000);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    clearTimeout(timer);
    resolve(progress.result((now() - startedAt) / 1_000));
  });
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAccept: */*\r\nConnection: close\r\n\r\n`);
  return promise;
}

/** How far one answer has come. */
class Progress {
  #head = '';
  #status = 0;
  #expected = Number.POSITIVE_INFINITY;
  #received = 0;
  #firstBodyByteAt: number | undefined;

  /** Takes the next bytes of the connection; true once the body is complete. */
  accept(piece: Buffer): boolean {
    const length = this.#status === 0 ? this.#acceptHead(piece) : piece.length;
    if (length > 0) this.#firstBodyByteAt ??= now();
    this.#received += length;
    return this.#status !== 0 && this.#received >= this.#expected;
  }

  result(seconds: number): Drained {
    const isWhole = this.#received === this.#expected;
    const sizeBytes = this.#received;
    return { status: isWhole ? this.#status : 0, sizeBytes, seconds, firstBodyByteAt: this.#firstBodyByteAt };
  }

  /** Returns how many bytes of the body came with the end of the header. */
  #acceptHead(piece: Buffer): number {
    this.#head += piece.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return 0;
    const head = this.#head.slice(0, end);
    this.#status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
    this.#expected = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? Number.POSITIVE_INFINITY);
    return this.#head.length - end - 4;
  }
}
