import type { FileHandle } from 'node:fs/promises';
import { ContentError, MirrorError, StorageError } from '../errors.ts';
import { storageError } from '../db/database.ts';
import type { Lease } from '../lib/blocks.ts';
import { Signal } from '../lib/concurrency.ts';
import { algorithmOf, hexOf } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { inlineHash } from '../storage/hash-pool.ts';
import type { GrowingHash, Stored } from '../storage/hash-pool.ts';
import type { BlobAnswer, OnChunk } from '../upstream/client.types.ts';
import type { FlightParts } from './flight-parts.ts';
import { feed, withheldBytes } from './blob-follower.ts';
import type { FollowedBlob } from './blob-follower.ts';
import { ChunkWindow } from './chunk-window.ts';
import { ReadBack, writePieces } from './partial-file.ts';
import type { BytesBehind } from './partial-file.ts';

/** Bytes received but not yet on disk before the upstream is paused. */
const unwrittenLimit = 3 * 1024 * 1024;
/** Written and hashed in pieces of at least this: each write and each message to the hash costs some 30 µs. */
const writeBytes = 1024 * 1024;
/** A slow upstream's bytes are written after this all the same, so that a crash loses little. */
const writeEveryMs = 250;
/** Recent bytes kept in memory for followers that keep up. */
const windowLimit = 1024 * 1024;
/** Hashed on the main thread: a worker's round trip costs more. */
const inlineLimit = 256 * 1024;

/**
 * One download of one blob: one writer, any number of followers.
 *
 *   upstream ─► window (shared memory) ─► worker: partial file and hash
 *                  │                   │
 *                  └── followers ◄─────┘   at their own pace; the last 16 KiB (of a range: its last) only when the digest is proved
 *
 * The upstream chooses the bytes and their number: nothing is kept, and no follower completes, unless size and digest are right.
 */
export class BlobFlight {
  readonly digest: Digest;
  readonly #parts: FlightParts;
  readonly #abort: AbortController;
  readonly #progress = new Signal();
  readonly #followers = new Set<{ position: number }>();
  readonly #readBack: ReadBack | undefined;
  #window: ChunkWindow;
  #hash: GrowingHash | undefined;
  #size: number | undefined;
  #written: number;
  #isStored: boolean;
  #writing: Promise<void> | undefined;
  #lastWriteAt: number;
  #proved = false;
  #error: Error | undefined;
  #opened: (() => void) | undefined;
  #isInline: boolean | undefined;
  /** Bytes an earlier attempt left in the partial file. */
  #resumedAt: number;

  constructor(parts: FlightParts) {
    this.digest = parts.digest;
    this.#parts = parts;
    this.#abort = parts.abort;
    this.#size = parts.expectedBytes;
    this.#isStored = parts.partial !== undefined;
    this.#readBack = parts.partial === undefined ? undefined : new ReadBack(parts.partial.handle, parts.digest);
    this.#resumedAt = parts.partial?.offset ?? 0;
    this.#written = this.#resumedAt;
    this.#window = new ChunkWindow(this.#written);
    this.#lastWriteAt = parts.clock.monotonic();
  }

  /** Whether the finished download is in the partial file. */
  get isStored(): boolean {
    return this.#isStored;
  }

  /** Whether somebody new can still read it from byte 0. */
  get isJoinable(): boolean {
    return this.#error === undefined && (this.#isStored || this.#window.start <= this.#written);
  }

  /** Whether every byte is here and right. */
  get isProved(): boolean {
    return this.#proved;
  }

  get hasFailed(): boolean {
    return this.#error !== undefined;
  }

  get receivedBytes(): number {
    return this.#window.end;
  }

  /** Size of the blob, known at the latest when the flight has ended. */
  get sizeBytes(): number | undefined {
    return this.#size;
  }

  /**
   * Runs the download to its end; `opened` is called when the first bytes may go out: a failure before that can still be
   * told to clients in words.
   * @throws UpstreamError, RequestError (BLOB_UNKNOWN), ContentError, StorageError
   */
  async run(opened: () => void): Promise<void> {
    this.#opened = opened;
    try {
      await this.#download();
      await this.#prove();
      this.#open();
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
      // what came before a break is not asked for again
      if (!(error instanceof ContentError)) await this.#settle();
      this.#hash?.abort();
      throw error;
    } finally {
      this.#progress.notify();
    }
  }

  /** Stops the download; followers fail with `reason`. */
  abort(reason: MirrorError): void {
    this.#abort.abort(reason);
  }

  /**
   * Reads from `start` to `end` (exclusive; undefined: to the end), as fast as `onChunk` takes it and the upstream sends.
   * @throws whatever made the flight fail; then the follower's own transfer must be broken, not completed
   */
  async follow(start: number, end: number | undefined, onChunk: OnChunk, signal: AbortSignal): Promise<void> {
    const follower = { position: start };
    const last = end ?? Number.MAX_SAFE_INTEGER;
    const wake = (): void => {
      this.#progress.notify();
    };
    signal.addEventListener('abort', wake, { once: true });
    this.#followers.add(follower);
    try {
      await feed(this.#seenBy(follower), { start, last }, onChunk, signal);
    } finally {
      signal.removeEventListener('abort', wake);
      this.#followers.delete(follower);
      this.#trimWindow();
    }
  }

  #seenBy(follower: { position: number }): FollowedBlob {
    return {
      isProved: () => this.#proved,
      releasableBytes: () => this.#releasable(),
      inMemory: (position) => this.#window.at(position),
      behind: (position) => this.#bytesBehind(position),
      moved: (position) => {
        follower.position = position;
        if (!this.#isStored) this.#trimWindow();
      },
      hasMore: () => this.#hasMore(),
    };
  }

  /** Waits for news; false when the blob is proved and there is nothing more. @throws what made the flight fail */
  async #hasMore(): Promise<boolean> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#proved) return false;
    await this.#progress.next();
    return true;
  }

  /**
   * Made when the first bytes are hashed, not before: starting a worker takes 20 ms of this thread, and the first byte must
   * not wait for it.
   */
  #theHash(): GrowingHash {
    if (this.#hash !== undefined) return this.#hash;
    const partial = this.#parts.partial;
    const algorithm = algorithmOf(this.digest);
    this.#hash =
      partial === undefined || this.#hashesInline()
        ? inlineHash(algorithm)
        : this.#parts.hashes.start(partial.path, algorithm);
    if (this.#resumedAt > 0) this.#hash.advance(this.#resumedAt);
    return this.#hash;
  }

  /** Hashed here, from memory: nothing is stored, or it is small. Decided once: a later answer may tell a size the first did not. */
  #hashesInline(): boolean {
    const { partial } = this.#parts;
    return (this.#isInline ??=
      partial === undefined || (this.#size !== undefined && this.#size <= inlineLimit && this.#resumedAt === 0));
  }

  async #download(): Promise<void> {
    if (this.#size !== undefined && this.#window.end === this.#size) {
      // an earlier process stored it all and ended before it was proved
      return;
    }
    let answer = await this.#firstAnswer();
    this.#checkSize(answer);
    if (this.#size !== undefined && this.#window.end > this.#size) await this.#startOver();
    for (let resumes = 0; ; resumes += 1) {
      const before = this.#window.end;
      try {
        await this.#receive(answer);
        await this.#settle();
        return;
      } catch (error) {
        if (!this.#mayResume(error, resumes, before)) throw error;
        answer = await this.#parts.fetch(this.#window.end, this.#abort.signal);
        this.#checkSize(answer);
      }
    }
  }

  /** A break after progress is worth another request; wrong content and our own decisions are not. */
  #mayResume(error: unknown, resumes: number, before: number): boolean {
    if (!(error instanceof MirrorError) || this.#abort.signal.aborted) return false;
    if (error.code !== 'UPSTREAM_UNREACHABLE' && error.code !== 'UPSTREAM_TIMEOUT') return false;
    const { maxResumes } = this.#parts;
    return resumes < maxResumes || (this.#window.end > before && resumes < maxResumes * 4);
  }

  async #firstAnswer(): Promise<BlobAnswer> {
    const { first } = this.#parts;
    if (first === undefined) return this.#parts.fetch(this.#window.end, this.#abort.signal);
    const answer = await first.answer;
    if (first.offset === this.#window.end) return answer;
    // the partial file was not what it seemed
    answer.body.cancel();
    return this.#parts.fetch(this.#window.end, this.#abort.signal);
  }

  /** What an earlier attempt left is more than the blob has: it was wrong, and nobody has read it yet. */
  async #startOver(): Promise<void> {
    try {
      await this.#parts.partial?.handle.truncate(0);
    } catch (error) {
      throw storageError(error, `writing blob ${this.digest}`);
    }
    this.#resumedAt = 0;
    this.#written = 0;
    this.#window = new ChunkWindow(0);
  }

  #checkSize(answer: BlobAnswer): void {
    if (answer.sizeBytes === undefined) return;
    if (this.#size !== undefined && this.#size !== answer.sizeBytes) {
      answer.body.cancel();
      throw new ContentError(
        `upstream says blob ${this.digest} has ${String(answer.sizeBytes)} bytes, ${String(this.#size)} were promised`,
      );
    }
    this.#size = answer.sizeBytes;
  }

  async #receive(answer: BlobAnswer): Promise<void> {
    // an upstream that ignores Range sends what we already have: drop it
    let skip = this.#window.end - answer.offset;
    if (skip < 0) {
      answer.body.cancel();
      throw new ContentError(
        `upstream sent blob ${this.digest} from byte ${String(answer.offset)}, ${String(this.#window.end)} was asked`,
      );
    }
    await answer.body.pump((chunk, lease) => {
      this.#parts.onFetched(chunk.length);
      const useful = skip === 0 ? chunk : chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - useful.length;
      return useful.length === 0 ? undefined : this.#accept(useful, lease);
    });
  }

  #accept(chunk: Buffer, lease: Lease | undefined): Promise<void> | undefined {
    if (this.#size !== undefined && this.#window.end + chunk.length > this.#size) {
      throw new ContentError(`upstream sent more than the ${String(this.#size)} bytes of blob ${this.digest}`);
    }
    this.#window.push(chunk, lease);
    if (this.#hashesInline() || !this.#isStored) this.#theHash().append(chunk);
    if (this.#isStored && this.#isWorthWriting()) this.#startWriting();
    if (this.#releasable() > 0) this.#open();
    this.#progress.notify();
    return this.#isAhead() ? this.#catchUp() : undefined;
  }

  #open(): void {
    this.#opened?.();
    this.#opened = undefined;
  }

  #isWorthWriting(): boolean {
    if (this.#window.end - this.#written >= writeBytes) return true;
    return this.#parts.clock.monotonic() - this.#lastWriteAt >= writeEveryMs;
  }

  /** Whether the upstream must wait: for the disk, or, when nothing is stored, for the slowest follower. */
  #isAhead(): boolean {
    if (this.#isStored) return this.#window.end - this.#written > unwrittenLimit;
    return this.#window.sizeBytes > unwrittenLimit;
  }

  async #catchUp(): Promise<void> {
    while (this.#isAhead() && !this.#abort.signal.aborted) {
      // followers may all be waiting for what comes later: nobody else would make room
      if (!this.#isStored) this.#trimWindow();
      if (!this.#isAhead()) return;
      if (!this.#isStored && this.#followers.size === 0) {
        throw new MirrorError('CANCELLED', `nobody waits for blob ${this.digest} any more and the disk can't keep it`);
      }
      await (this.#isStored && this.#writing !== undefined ? this.#writing : this.#progress.next());
    }
  }

  /** One write at a time, in order: parallel writes to one file complete out of order and the watermark would lie. */
  #startWriting(): void {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      this.#lastWriteAt = this.#parts.clock.monotonic();
      if (this.#isStored && this.#isWorthWriting()) this.#startWriting();
      this.#progress.notify();
    });
  }

  async #write(): Promise<void> {
    const handle = this.#parts.partial?.handle;
    if (handle === undefined) return;
    const pieces = this.#window.from(this.#written);
    const stored = await this.#store(handle, pieces);
    this.#written += stored.bytes;
    if (stored.error === undefined) this.#trimWindow();
    else this.#stopStoring(storageError(stored.error, `writing blob ${this.digest}`));
  }

  async #store(handle: FileHandle, pieces: readonly Buffer[]): Promise<Stored> {
    try {
      if (!this.#hashesInline()) return await this.#theHash().store(handle.fd, pieces, this.#written);
      await writePieces(handle, pieces, this.#written);
      return { bytes: pieces.reduce((sum, piece) => sum + piece.length, 0) };
    } catch (error) {
      return { bytes: 0, error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  #stopStoring(error: StorageError): void {
    this.#isStored = false;
    // what is in memory but not in the file is hashed from memory from now on
    if (!this.#hashesInline()) for (const piece of this.#window.after(this.#written)) this.#theHash().append(piece);
    this.#parts.onNotStored(error);
  }

  #trimWindow(): void {
    if (this.#isStored) {
      this.#window.drop(this.#written, windowLimit);
      return;
    }
    let slowest = this.#window.end;
    for (const follower of this.#followers) slowest = Math.min(slowest, follower.position);
    const before = this.#window.sizeBytes;
    // until somebody follows, everything is kept: the first follower is on its way
    if (this.#followers.size > 0) this.#window.drop(slowest, 0);
    if (this.#window.sizeBytes < before || this.#followers.size === 0) this.#progress.notify();
  }

  async #settle(): Promise<void> {
    while (this.#isStored && this.#written < this.#window.end) {
      this.#startWriting();
      await this.#writing;
    }
  }

  async #prove(): Promise<void> {
    const received = this.#window.end;
    if (this.#size !== undefined && received !== this.#size) {
      throw new ContentError(`blob ${this.digest} has ${String(this.#size)} bytes, upstream sent ${String(received)}`);
    }
    this.#size = received;
    const hex = await this.#theHash().finish();
    if (hex !== hexOf(this.digest)) throw new ContentError(`upstream sent bytes that do not hash to ${this.digest}`);
    this.#proved = true;
  }

  /** Offset up to which followers may read. */
  #releasable(): number {
    if (this.#proved) return this.#window.end;
    const unknownEnd = this.#size ?? this.#window.end;
    return Math.max(0, Math.min(this.#window.end, unknownEnd - withheldBytes));
  }

  /** What is no longer in memory, from the file. */
  async #bytesBehind(position: number): Promise<BytesBehind> {
    if (this.#readBack !== undefined && position < this.#written) {
      return this.#readBack.at(position, this.#written);
    }
    throw new StorageError('STORAGE_FULL', `blob ${this.digest} could not be kept for a slow client`);
  }
}
