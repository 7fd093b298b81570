import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { RequestError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { FilledBlock } from '../lib/blocks.ts';
import { algorithmOf, hexOf } from '../oci/digest.ts';
import type { Digest, DigestAlgorithm } from '../oci/digest.ts';
import type { HashPool } from '../storage/hash-pool.ts';
import type { UploadStore } from '../storage/upload-store.ts';
import type { Admission } from './admit.ts';
import type { Room } from './room.ts';
import { UploadFile } from './upload-file.ts';
import { UploadRoom } from './upload-room.ts';
import { UploadTurns } from './upload-turns.ts';

/** What a client sends. */
export interface UploadBody {
  /** To be read once; whoever gets a block releases it. */
  readonly blocks: AsyncIterable<FilledBlock>;
  /** What it announced; undefined when it did not. */
  readonly sizeBytes: number | undefined;
  /** Makes the blocks end at once, with an error. */
  interrupt(): void;
}

/** A piece of a blob: offset of its first byte, and the offset after its last. */
export interface ChunkRange {
  readonly start: number;
  readonly end: number;
}

export interface UploadState {
  readonly id: string;
  /** Bytes received so far. */
  readonly bytes: number;
}

/** One step of an upload, as the client asks for it. */
export interface UploadStep {
  readonly repository: string;
  readonly id: string;
  readonly body: UploadBody | undefined;
  readonly range: ChunkRange | undefined;
}

export interface UploadParts {
  readonly store: UploadStore;
  readonly admission: Admission;
  readonly hashes: HashPool;
  readonly clock: Clock;
  readonly room: Room;
  readonly expireAfterMs: number;
}

interface LiveUpload {
  readonly id: string;
  readonly repository: string;
  readonly file: UploadFile;
  readonly turns: UploadTurns;
  usedAt: number;
}

/** An upload nobody is sending to keeps its hash in memory for this long. */
const restAfterMs = 60_000;

/**
 * Blob uploads (distribution-spec "Pushing blobs"). The bytes go into a file and are hashed meanwhile; what is acknowledged is in
 * the database too, so an upload goes on after a restart. A whole and right one is admitted, everything else expires.
 */
export class Uploads {
  readonly #parts: UploadParts;
  readonly #room: UploadRoom;
  readonly #live = new Map<string, LiveUpload>();
  /** Whole blobs on their way in; these have no rows. */
  readonly #whole = new Set<string>();

  constructor(parts: UploadParts) {
    this.#parts = parts;
    this.#room = new UploadRoom(parts.room);
  }

  /** Puts in order what the last stop left; to be called before anything is pushed. */
  async start(): Promise<void> {
    await this.#parts.store.removeOrphans();
    await this.tidy();
  }

  /** Begins an upload to a repository that accepts pushes. @throws StorageError (STORAGE_FAILED) when its directory is not there */
  begin(repository: string, algorithm: DigestAlgorithm): UploadState {
    const id = randomUUID();
    const { store, clock } = this.#parts;
    const upload = { id, repository, bytes: 0, algorithm, path: store.newPath(id, repository) };
    store.create(upload, clock.now());
    this.#keep(upload);
    return { id, bytes: 0 };
  }

  /** How far an upload is. @throws RequestError (BLOB_UPLOAD_UNKNOWN) */
  state(repository: string, id: string): UploadState {
    return { id, bytes: this.#find(repository, id).file.bytes };
  }

  /**
   * Adds a piece. Somebody else who is still sending to the same upload is cut off: most likely it is the same client, on a
   * connection that broke.
   * @throws RequestError (BLOB_UPLOAD_UNKNOWN, RANGE_INVALID, SIZE_INVALID), StorageError, MirrorError (CANCELLED)
   */
  append(step: UploadStep): Promise<UploadState> {
    return this.#turn(step, async (upload) => {
      try {
        await this.#receive(upload, step);
      } finally {
        this.#advance(upload);
      }
      return { id: upload.id, bytes: upload.file.bytes };
    });
  }

  /**
   * Adds the last piece, if there is one, and makes the whole a blob of the repository; resolves when it cannot be lost any more.
   * @throws RequestError (BLOB_UPLOAD_UNKNOWN, RANGE_INVALID, SIZE_INVALID, DIGEST_INVALID), StorageError, MirrorError (CANCELLED)
   */
  finish(step: UploadStep, digest: Digest): Promise<void> {
    return this.#turn(step, async (upload) => {
      if (upload.file.bytes === 0) upload.file.expect(algorithmOf(digest));
      let isReceived = false;
      try {
        await this.#receive(upload, step);
        isReceived = true;
        await this.#admit(upload.repository, upload.file, digest);
      } catch (error) {
        // wrong bytes are of no use to anybody; a full disk may have room later
        if (isReceived && error instanceof RequestError) await this.#forget(upload);
        else this.#advance(upload);
        throw error;
      }
      this.#live.delete(upload.id);
      this.#parts.store.forget(upload.id);
    });
  }

  /**
   * A whole blob in one request: nothing of it stays unless all of it is right.
   * @throws RequestError (DIGEST_INVALID), StorageError, MirrorError (CANCELLED)
   */
  async push(repository: string, digest: Digest, body: UploadBody): Promise<void> {
    const { store, hashes } = this.#parts;
    const id = randomUUID();
    const path = store.newPath(id, repository);
    this.#whole.add(id);
    const file = new UploadFile({ path, bytes: 0, algorithm: algorithmOf(digest), hashes });
    try {
      await this.#room.receive(body, store.volumeOf(path), async (blocks) => {
        await file.append(blocks);
        await this.#admit(repository, file, digest);
      });
    } catch (error) {
      file.rest();
      await rm(path, { force: true });
      throw error;
    } finally {
      this.#whole.delete(id);
    }
  }

  /** Whether somebody is sending to the upload's file. */
  isUploading(id: string): boolean {
    return this.#whole.has(id) || this.#live.has(id);
  }

  /** Ends an upload and removes what it left. @throws RequestError (BLOB_UPLOAD_UNKNOWN) */
  cancel(repository: string, id: string): Promise<void> {
    return this.#turn({ repository, id, body: undefined, range: undefined }, (upload) => this.#forget(upload));
  }

  /** Removes uploads that nobody went on with, and lets idle ones rest. To be called now and then. */
  async tidy(): Promise<void> {
    const { store, clock, expireAfterMs } = this.#parts;
    for (const upload of this.#live.values()) {
      if (upload.turns.isBusy || clock.monotonic() - upload.usedAt < restAfterMs) continue;
      upload.file.rest();
      this.#live.delete(upload.id);
    }
    for (const id of store.untouchedSince(clock.now() - expireAfterMs)) {
      if (this.#live.get(id)?.turns.isBusy === true) continue;
      this.#live.delete(id);
      await store.remove(id);
    }
  }

  /** Breaks off what is being sent and resolves when it is written down how far it came. */
  async stop(): Promise<void> {
    const uploads = [...this.#live.values()];
    await Promise.all(uploads.map((upload) => upload.turns.end()));
    for (const upload of uploads) upload.file.rest();
    this.#live.clear();
  }

  #turn<T>(step: UploadStep, work: (upload: LiveUpload) => Promise<T>): Promise<T> {
    const upload = this.#find(step.repository, step.id);
    const interrupt = (): void => step.body?.interrupt();
    return upload.turns.take(interrupt, async () => {
      // it may have been finished or cancelled while this one waited
      if (this.#live.get(upload.id) !== upload) throw unknownUpload(step.id);
      upload.usedAt = this.#parts.clock.monotonic();
      try {
        return await work(upload);
      } finally {
        upload.usedAt = this.#parts.clock.monotonic();
      }
    });
  }

  #find(repository: string, id: string): LiveUpload {
    const live = this.#live.get(id);
    if (live !== undefined) {
      if (live.repository !== repository) throw unknownUpload(id);
      return live;
    }
    const { store, clock, expireAfterMs } = this.#parts;
    const stored = store.find(id);
    const isKnown = stored?.repository === repository && stored.touchedAt >= clock.now() - expireAfterMs;
    if (stored === undefined || !isKnown) throw unknownUpload(id);
    return this.#keep(stored);
  }

  #keep(from: {
    readonly id: string;
    readonly repository: string;
    readonly bytes: number;
    readonly algorithm: DigestAlgorithm;
    readonly path: string;
  }): LiveUpload {
    const { hashes, clock } = this.#parts;
    const file = new UploadFile({ path: from.path, bytes: from.bytes, algorithm: from.algorithm, hashes });
    const upload = {
      id: from.id,
      repository: from.repository,
      file,
      turns: new UploadTurns(),
      usedAt: clock.monotonic(),
    };
    this.#live.set(from.id, upload);
    return upload;
  }

  async #receive(upload: LiveUpload, { body, range }: UploadStep): Promise<void> {
    const { file } = upload;
    const before = file.bytes;
    if (range !== undefined && range.start !== before) throw outOfOrder(range, before);
    if (body === undefined) return;
    refuseWrongSize(body.sizeBytes, range);
    try {
      const volume = this.#parts.store.volumeOf(file.path);
      await this.#room.receive(body, volume, (blocks) => file.append(blocks));
      refuseWrongSize(file.bytes - before, range);
    } catch (error) {
      if (error instanceof RequestError) file.rollBack(before);
      throw error;
    }
  }

  /** Writes down how far it is. */
  #advance(upload: LiveUpload): void {
    this.#parts.store.advance(upload.id, upload.file.bytes, this.#parts.clock.now());
  }

  async #admit(repository: string, file: UploadFile, digest: Digest): Promise<void> {
    const hex = await file.takeHash(algorithmOf(digest));
    if (hex !== hexOf(digest))
      throw new RequestError('DIGEST_INVALID', `what was sent does not hash to ${digest}`, { value: digest });
    const { admission } = this.#parts;
    if (!admission.holdsBlob(digest, file.bytes)) await file.sync();
    await admission.admitBlob({
      repository,
      digest,
      path: file.path,
      sizeBytes: file.bytes,
      now: this.#parts.clock.now(),
    });
  }

  async #forget(upload: LiveUpload): Promise<void> {
    this.#live.delete(upload.id);
    upload.file.rest();
    await this.#parts.store.remove(upload.id);
  }
}

function refuseWrongSize(sizeBytes: number | undefined, range: ChunkRange | undefined): void {
  if (sizeBytes === undefined || range === undefined || sizeBytes === range.end - range.start) return;
  throw new RequestError(
    'SIZE_INVALID',
    `Content-Range names ${String(range.end - range.start)} bytes, ${String(sizeBytes)} are sent`,
  );
}

function outOfOrder(range: ChunkRange, bytes: number): RequestError {
  return new RequestError(
    'RANGE_INVALID',
    `the piece begins at byte ${String(range.start)}, the upload goes on at byte ${String(bytes)}`,
    { detail: { bytes } },
  );
}

function unknownUpload(id: string): RequestError {
  return new RequestError('BLOB_UPLOAD_UNKNOWN', 'no such upload: it was never begun, has ended, or expired', {
    value: id,
  });
}
