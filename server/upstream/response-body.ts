import { MirrorError, UpstreamError } from '../errors.ts';
import type { Lease } from '../lib/blocks.ts';
import type { OnChunk, ResponseBody } from './client.types.ts';

/** The connection a body comes from. */
export interface BodySource {
  pause(): void;
  resume(): void;
  /** Closes the connection; {@link WireBody.fail} may or may not be called because of it. */
  abort(reason: Error): void;
}

export interface WireBodyOptions {
  /** Who sends it, for messages. */
  readonly host: string;
  /** `Content-Length`, when the upstream said. */
  readonly expectedBytes: number | undefined;
  /** Called once, when the body ended, failed or was dropped; with the error when the upstream is to blame. */
  readonly onSettled: (error: MirrorError | undefined) => void;
}

/** What may arrive before somebody wants it; then the upstream is paused. */
const earlyLimitBytes = 128 * 1024;
/** A rest up to this is read and thrown away, so that the connection can be used again. */
const cheapRestBytes = 64 * 1024;

/**
 * A body on the wire. Pieces are the buffers the socket filled: they are handed on, never copied, and belong to the
 * receiver. Pushed by the transport: `push` for each piece, then `end` or `fail`.
 */
export class WireBody implements ResponseBody {
  readonly #source: BodySource;
  readonly #options: WireBodyOptions;
  #early: { readonly chunk: Buffer; readonly lease: Lease | undefined }[] = [];
  #earlyBytes = 0;
  #receivedBytes = 0;
  /** Set when the last piece came or the connection broke. */
  #ending: { readonly error: MirrorError | undefined } | undefined;
  #isWaiting = false;
  #isDone = false;
  /** What a late `pump` is told after an abort. */
  #abortedWith: MirrorError | undefined;
  #onChunk: OnChunk | undefined;
  #resolve: (bytes: number) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(source: BodySource, options: WireBodyOptions) {
    this.#source = source;
    this.#options = options;
  }

  pump(onChunk: OnChunk): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#onChunk = onChunk;
      this.#resolve = resolve;
      this.#reject = reject;
      if (this.#isDone) reject(this.#abortedWith ?? new MirrorError('CANCELLED', 'the body was dropped'));
      else this.#drain();
    });
  }

  async bytes(limitBytes: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = this.#options.expectedBytes ?? 0;
    if (size > limitBytes) {
      this.cancel();
      throw this.#tooLarge(limitBytes);
    }
    size = 0;
    await this.pump((chunk, lease) => {
      size += chunk.length;
      if (size > limitBytes) throw this.#tooLarge(limitBytes);
      chunks.push(lease === undefined ? chunk : Buffer.from(chunk));
      return undefined;
    });
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size);
  }

  cancel(): void {
    if (this.#isDone) return;
    const { expectedBytes } = this.#options;
    const isCheap = expectedBytes !== undefined && expectedBytes - this.#receivedBytes <= cheapRestBytes;
    this.#settle(undefined);
    if (this.#ending !== undefined) return;
    if (isCheap) this.#source.resume();
    else this.#source.abort(new Error('the rest of the body is not wanted'));
  }

  /** The next piece from the wire. */
  push(chunk: Buffer, lease?: Lease): void {
    // undici's parser makes an empty one when resumed without new data: pausing on it again would never end
    if (chunk.length === 0) return;
    this.#receivedBytes += chunk.length;
    if (this.#isDone) return;
    if (this.#onChunk !== undefined && !this.#isWaiting) {
      this.#deliver(chunk, lease);
      return;
    }
    // undici flushes what its socket still holds when the upstream closes, paused or not: at most one buffer
    lease?.retain();
    this.#early.push({ chunk, lease });
    this.#earlyBytes += chunk.length;
    if (this.#isWaiting || this.#earlyBytes >= earlyLimitBytes) this.#source.pause();
  }

  /** The message is complete by the rules of HTTP. */
  end(): void {
    this.#ending ??= { error: this.#lengthError() };
    this.#drain();
  }

  /** The connection broke or timed out: what arrived is still delivered, then the error. */
  fail(error: MirrorError): void {
    this.#ending ??= { error };
    this.#drain();
  }

  /** Stops at once: nothing more is delivered, although the last delivery may still be under way. */
  abort(error: MirrorError): void {
    if (this.#isDone) return;
    this.#abortedWith = error;
    this.#settle(undefined);
    this.#reject(error);
    if (this.#ending === undefined) this.#source.abort(error);
  }

  #drain(): void {
    if (this.#onChunk === undefined || this.#isWaiting || this.#isDone) return;
    while (this.#early.length > 0) {
      const piece = this.#early.shift();
      if (piece !== undefined) this.#deliver(piece.chunk, piece.lease);
      piece?.lease?.release();
      // deliver() changed these
      if (this.#isBlocked()) return;
    }
    this.#earlyBytes = 0;
    if (this.#ending === undefined) this.#source.resume();
    else this.#finish(this.#ending.error);
  }

  #isBlocked(): boolean {
    return this.#isWaiting || this.#isDone;
  }

  #deliver(chunk: Buffer, lease: Lease | undefined): void {
    let taken: Promise<void> | undefined;
    try {
      taken = this.#onChunk?.(chunk, lease);
    } catch (error) {
      this.#giveUp(error);
      return;
    }
    if (taken === undefined) return;
    this.#isWaiting = true;
    this.#source.pause();
    taken.then(
      () => {
        this.#isWaiting = false;
        this.#drain();
      },
      (error: unknown) => {
        this.#giveUp(error);
      },
    );
  }

  #finish(error: MirrorError | undefined): void {
    this.#settle(error);
    if (error === undefined) this.#resolve(this.#receivedBytes);
    else this.#reject(error);
  }

  /** The receiver failed, not the upstream. */
  #giveUp(error: unknown): void {
    if (this.#isDone) return;
    this.#settle(undefined);
    this.#reject(error);
    if (this.#ending === undefined) this.#source.abort(new Error('the receiver of the body failed'));
  }

  #settle(error: MirrorError | undefined): void {
    this.#isDone = true;
    for (const { lease } of this.#early) lease?.release();
    this.#early = [];
    this.#options.onSettled(error);
  }

  #lengthError(): MirrorError | undefined {
    const { expectedBytes, host } = this.#options;
    if (expectedBytes === undefined || expectedBytes === this.#receivedBytes) return undefined;
    const counts = `${String(this.#receivedBytes)} of ${String(expectedBytes)} bytes`;
    if (this.#receivedBytes < expectedBytes) {
      return new UpstreamError('UPSTREAM_UNREACHABLE', `${host} cut the connection after ${counts}`, { value: host });
    }
    return new UpstreamError('UPSTREAM_INVALID', `${host} sent ${counts}`, { value: host });
  }

  #tooLarge(limitBytes: number): UpstreamError {
    const { host } = this.#options;
    return new UpstreamError(
      'UPSTREAM_INVALID',
      `${host} sent more than the ${String(limitBytes)} bytes allowed here`,
      { value: host },
    );
  }
}
