import { dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { openDatabase, storageError } from '../db/database.ts';
import type { Database } from '../db/database.ts';
import { ConfigError, MirrorError, StorageError } from '../errors.ts';
import { systemClock } from '../lib/clock.ts';
import type { Clock } from '../lib/clock.ts';
import { Progress } from './audit-channel.ts';
import type { WriterAnswer, WriterDuty, WriterProblem, WriterRequest, WriterStart } from './audit-channel.ts';
import { AuditIndex } from './audit-index.ts';
import { AuditSearch } from './audit-search.ts';
import { AuditStream, isReaderGone, isStream } from './audit-stream.ts';
import { AuditTrail } from './audit-trail.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import { IndexFollower } from './index-follower.ts';
import type { LogSource } from './log-source.ts';
import { signerOf } from './signing.ts';

/** Writes the audit log and its index, so that a slow disk slows nobody who pulls. */
const syncEveryMs = 1000;
const retryMs = 1000;
const indexEveryMs = 50;
/** Slices indexed before closing: what is left is found again at the next opening. */
const slicesAtClose = 20;
const recentEvents = 1000;

type Sink =
  { readonly kind: 'file'; readonly trail: AuditTrail } | { readonly kind: 'stream'; readonly file: AuditStream };

class Writer {
  readonly #path: string;
  readonly #progress: Progress;
  readonly #send: (answer: WriterAnswer) => void;
  readonly #db: Database;
  readonly #keepForMs: number;
  readonly #index: AuditIndex;
  readonly #follower: IndexFollower | undefined;
  readonly #search: AuditSearch;
  readonly #queue: { readonly bytes: Uint8Array; readonly start: number }[] = [];
  readonly #problems = new Map<WriterDuty, WriterProblem>();
  readonly #closing = new AbortController();
  readonly #sink: Sink;
  #isIndexing = false;
  #isCaughtUp = false;
  #isWaiting = false;
  #isTidied = false;
  #isClosed = false;
  /** True while a stream has no reader. */
  #isUnread = false;
  #unsynced = false;
  #isSyncing = false;
  #syncedAt = 0;

  constructor(start: WriterStart, send: (answer: WriterAnswer) => void) {
    this.#path = start.file;
    this.#progress = new Progress(start.shared);
    this.#send = send;
    this.#keepForMs = start.rules.keepForMs;
    this.#db = openDatabase(start.databasePath, { migrate: false });
    try {
      // whoever fills the write-ahead log pays for emptying it: sooner here than on the thread that answers
      this.#db.pragma('wal_autocheckpoint = 1000');
      this.#sink = openSink(start, { db: this.#db, progress: this.#progress });
      this.#noticeTorn();
      this.#index = new AuditIndex(this.#db, dirname(start.databasePath));
      this.#follower = this.#sink.kind === 'file' ? new IndexFollower(this.#index, this.#sink.trail.file) : undefined;
      this.#search = new AuditSearch(this.#db, systemClock);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** Adds to the index what a crash left out of it, at most one slice now, and says that events may come. */
  begin(): void {
    // what a crash left unsigned
    this.#sign('start');
    this.#pump();
    if (!this.#indexStep()) this.#indexSoon();
    this.#send({ op: 'ready', recent: this.#search.recent(recentEvents) });
    const missing = this.#sink.kind === 'file' ? this.#sink.trail.missing : undefined;
    if (missing !== undefined) this.#send({ op: 'missing', ...missing });
  }

  handle(request: WriterRequest): void {
    if (request.op === 'lines') {
      this.#queue.push(request);
      this.#pump();
      return;
    }
    try {
      this.#send({ op: 'answer', id: request.id, value: this.#answer(request) });
    } catch (error) {
      this.#send({ op: 'failed', id: request.id, problem: toProblem(error, 'the audit log') });
    }
  }

  #answer(request: Exclude<WriterRequest, { op: 'lines' }>): Extract<WriterAnswer, { op: 'answer' }>['value'] {
    if (request.op === 'search') return this.#search.search(request.query);
    if (request.op === 'clients') return this.#search.clients(request.since);
    if (request.op === 'flush') this.#flush();
    else this.#close();
    return undefined;
  }

  /** Writes what is queued, in order, until the disk refuses. */
  #pump(): void {
    this.#progress.acquire('writer');
    try {
      this.#followRotation();
      while (this.#queue[0] !== undefined && this.#writeFirst(this.#queue[0])) this.#tendTrail();
      this.#tendTrail();
    } finally {
      this.#progress.release('writer');
    }
    if (this.#queue.length > 0) this.#retryLater();
    else if (!this.#isUnread) this.#report('append', undefined);
    this.#syncWhenDue();
    this.#indexSoon();
  }

  #writeFirst(chunk: { readonly bytes: Uint8Array; readonly start: number }): boolean {
    const begun = this.#progress.written - chunk.start;
    const rest = chunk.bytes.subarray(begun);
    const appended = this.#sink.kind === 'file' ? this.#sink.trail.append(rest) : this.#sink.file.append(rest);
    this.#isUnread = this.#sink.kind === 'stream' && isReaderGone(appended.error);
    // nobody will ever read the rest; the index still gets it
    const taken = this.#isUnread ? rest.length : appended.taken;
    this.#progress.written += taken;
    if (appended.taken > 0) this.#unsynced = true;
    if (this.#sink.kind === 'stream') this.#noteStream(chunk.bytes, begun + taken);
    if (appended.error !== undefined) this.#report('append', toProblem(appended.error, `the audit log ${this.#path}`));
    if (begun + taken < chunk.bytes.length) return false;
    this.#queue.shift();
    return true;
  }

  /** What is due between two batches: a signature, a new file, the end of old ones. A failure delays it. */
  #tendTrail(): void {
    if (this.#sink.kind === 'stream') return;
    const { trail } = this.#sink;
    try {
      if (trail.isFull) {
        this.#follower?.rotated(this.#rotated(trail));
        this.#isTidied = false;
      }
      this.#deleteOld(trail);
      if ((trail.checkpointIn ?? 1) <= 0) trail.checkpoint('lines');
      this.#report('checkpoint', undefined);
    } catch (error) {
      this.#report('checkpoint', toProblem(error, `signing or rotating the audit log ${this.#path}`));
      this.#retryLater();
    }
  }

  #rotated(trail: AuditTrail): LogSource {
    trail.rotate();
    return trail.file;
  }

  #deleteOld(trail: AuditTrail): void {
    if (this.#isTidied) return;
    if (trail.deleteOld().length > 0) this.#follower?.prune(systemClock.now() - this.#keepForMs);
    this.#isTidied = true;
  }

  #noteStream(bytes: Uint8Array, end: number): void {
    this.#progress.isMidLine = end > 0 && bytes[end - 1] !== 0x0a;
    if (end < bytes.length) return;
    try {
      this.#index.addLines(bytes);
      this.#report('index', undefined);
    } catch (error) {
      this.#report('index', toProblem(error, 'the index of the audit log'));
    }
  }

  /** Log rotation renames the file or empties it in place; either way the old lines are indexed before new ones. */
  #followRotation(): void {
    if (this.#sink.kind === 'stream') return;
    const { trail } = this.#sink;
    try {
      this.#follower?.heedEmptied();
      if (trail.isRenamed) {
        trail.reopen();
        this.#follower?.rotated(trail.file);
        this.#noticeTorn();
      }
      this.#report('rotation', undefined);
    } catch (error) {
      // the open file still takes lines
      this.#report('rotation', toProblem(error, `following the rotated audit log ${this.#path}`));
    }
  }

  #syncWhenDue(): void {
    if (this.#sink.kind === 'file' && this.#sink.trail.checkpointIn !== undefined) this.#retryLater();
    if (!this.#unsynced) return;
    if (systemClock.monotonic() - this.#syncedAt >= syncEveryMs) this.#syncBeside();
    else this.#retryLater();
  }

  /** A slow disk must not keep lines from the file: what is in it survives the process. */
  #syncBeside(): void {
    if (this.#isSyncing || this.#sink.kind === 'stream') return;
    const { file } = this.#sink.trail;
    this.#isSyncing = true;
    this.#unsynced = false;
    this.#syncedAt = systemClock.monotonic();
    file.syncBeside((error) => {
      this.#isSyncing = false;
      // one that was rotated meanwhile was synced then
      if (this.#isClosed || this.#sink.kind === 'stream' || this.#sink.trail.file !== file) return;
      this.#unsynced ||= error !== null;
      this.#report('sync', error === null ? undefined : toProblem(error, `the audit log ${this.#path}`));
      if (this.#unsynced) this.#retryLater();
    });
  }

  #sync(): void {
    if (!this.#unsynced && !this.#isSyncing) return;
    this.#syncedAt = systemClock.monotonic();
    try {
      if (this.#sink.kind === 'file') this.#sink.trail.file.sync();
      this.#unsynced = false;
      this.#report('sync', undefined);
    } catch (error) {
      this.#report('sync', toProblem(error, `the audit log ${this.#path}`));
      this.#retryLater();
    }
  }

  #retryLater(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    systemClock.sleep(retryMs, this.#closing.signal).then(
      () => {
        this.#isWaiting = false;
        this.#pump();
      },
      () => undefined,
    );
  }

  /** Between two slices the thread takes new lines first: the file is the record, the index follows. */
  #indexSoon(): void {
    if (this.#isIndexing || this.#sink.kind === 'stream') return;
    this.#isIndexing = true;
    const step = (): void => {
      this.#isIndexing = false;
      if (this.#isClosed) return;
      this.#isCaughtUp = this.#indexStep();
      if (!this.#isCaughtUp) this.#indexSoon();
    };
    // a transaction for each batch would cost more than writing it
    if (this.#isCaughtUp) systemClock.sleep(indexEveryMs, this.#closing.signal).then(step, () => undefined);
    else setImmediate(step);
  }

  /** True when there is nothing to go on with now. */
  #indexStep(): boolean {
    if (this.#follower === undefined) return true;
    try {
      const isDone = this.#follower.step();
      this.#report('index', undefined);
      return isDone;
    } catch (error) {
      this.#report('index', toProblem(error, 'the index of the audit log'));
      this.#retryLater();
      return true;
    }
  }

  #flush(): void {
    this.#pump();
    this.#sync();
    this.#throwUnlessWritten();
    while (!this.#indexStep());
    throwProblem(this.#problems.get('index'));
  }

  #close(): void {
    this.#pump();
    this.#closing.abort();
    this.#isClosed = true;
    try {
      this.#sign('stop');
      this.#sync();
      for (let slice = 0; slice < slicesAtClose; slice += 1) if (this.#indexStep()) break;
    } finally {
      this.#follower?.close();
      if (this.#sink.kind === 'file') this.#sink.trail.close();
      else this.#sink.file.close();
      this.#db.close();
    }
    this.#throwUnlessWritten();
  }

  #sign(occasion: 'start' | 'stop'): void {
    if (this.#sink.kind === 'stream') return;
    this.#progress.acquire('writer');
    try {
      this.#sink.trail.checkpoint(occasion);
    } catch (error) {
      this.#report('checkpoint', toProblem(error, `signing the audit log ${this.#path}`));
    } finally {
      this.#progress.release('writer');
    }
  }

  #throwUnlessWritten(): void {
    throwProblem(this.#problems.get('append') ?? this.#problems.get('sync'));
    if (this.#queue.length > 0)
      throw new StorageError('STORAGE_FAILED', `the audit log ${this.#path} could not be written`);
  }

  #report(of: WriterDuty, problem: WriterProblem | undefined): void {
    if (this.#problems.get(of)?.message === problem?.message) return;
    if (problem === undefined) this.#problems.delete(of);
    else this.#problems.set(of, problem);
    this.#send({ op: 'state', of, problem });
  }

  #noticeTorn(): void {
    if (this.#sink.kind === 'stream' || this.#sink.trail.file.tornPath === undefined) return;
    this.#send({
      op: 'notice',
      message: `the last line of the audit log ${this.#path} was cut by a crash; it was moved to ${this.#sink.trail.file.tornPath}`,
    });
  }
}

/** The mirror's own clock as it is on this thread: the machine's, as far ahead as it was at the start. */
function mirrorClock(startedAt: number): Clock {
  const aheadMs = startedAt - systemClock.now();
  return { ...systemClock, now: () => systemClock.now() + aheadMs };
}

function openSink(start: WriterStart, { db, progress }: { readonly db: Database; readonly progress: Progress }): Sink {
  const { file, databasePath, rules, signingKey } = start;
  try {
    if (isStream(file)) return { kind: 'stream', file: new AuditStream(file) };
    const signer = signingKey === undefined ? undefined : signerOf(signingKey);
    const store = new CheckpointStore(db, dirname(databasePath), file);
    progress.acquire('writer');
    try {
      return {
        kind: 'file',
        trail: new AuditTrail({ path: file, clock: mirrorClock(start.startedAt), progress, rules, signer, store }),
      };
    } finally {
      progress.release('writer');
    }
  } catch (error) {
    const { code } = storageError(error, 'audit');
    if (code === 'STORAGE_FULL') throw error;
    throw new ConfigError([`the audit log ${file} can't be written: ${reason(error)}`], { value: file, cause: error });
  }
}

function toProblem(error: unknown, what: string): WriterProblem {
  if (error instanceof MirrorError) return { code: error.code, message: error.message };
  const { code, message } = storageError(error, what);
  return { code, message: code === 'STORAGE_FULL' ? message : `${message} (${reason(error)})` };
}

function throwProblem(problem: WriterProblem | undefined): void {
  if (problem !== undefined) throw new StorageError(problem.code, problem.message);
}

function reason(error: unknown): string {
  return (error as NodeJS.ErrnoException | null)?.code ?? String(error);
}

function main(start: WriterStart, port: MessagePort): void {
  const send = (answer: WriterAnswer): void => port.postMessage(answer);
  try {
    const writer = new Writer(start, send);
    writer.begin();
    port.on('message', (request: WriterRequest) => {
      writer.handle(request);
      if (request.op === 'close') port.close();
    });
  } catch (error) {
    send({ op: 'refused', problem: toProblem(error, `the audit log ${start.file}`) });
    port.close();
  }
}

if (parentPort === null) throw new Error('audit-writer-worker runs only as a worker thread');
main(workerData as WriterStart, parentPort);
