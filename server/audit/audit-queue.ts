import type { Worker } from 'node:worker_threads';
import { storageError } from '../db/database.ts';
import { ConfigError, StorageError } from '../errors.ts';
import type { MirrorError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import { within } from '../lib/concurrency.ts';
import { startWorker } from '../lib/worker.ts';
import { Progress } from './audit-channel.ts';
import type {
  TrailRules,
  WriterAnswer,
  WriterDuty,
  WriterProblem,
  WriterRequest,
  WriterStart,
} from './audit-channel.ts';
import { appendBeside, passOn } from './append-beside.ts';
import { LineEncoder } from './audit-line.ts';
import { isStream } from './audit-stream.ts';
import type { AuditEvent } from './events.ts';
import { LineMemory } from './line-memory.ts';

/**
 * Lines are handed over when the turn of the event loop ends, so that a crash of the process costs no answer before; but not
 * more often than this, which keeps it below a hundredth of a busy thread.
 */
const gatherMs = 10;
/** A batch this large goes at once, in characters. */
const batchLength = 256 * 1024;
const appendTimeoutMs = 1000;
const restartMs = 1000;
const closeTimeoutMs = 10_000;
export interface AuditQueueOptions {
  readonly file: string;
  readonly databasePath: string;
  readonly clock: Clock;
  /** Bound of lines not yet written, in bytes. */
  readonly queueBytes: number;
  readonly rules: TrailRules;
  /** PEM of the key that signs checkpoints. */
  readonly signingKey: string | undefined;
  /** Told once when the log ends before a line that was signed. */
  readonly onMissing: (from: number, to: number) => void;
  /** Told once per trouble, not once per event. */
  readonly onError: (error: MirrorError) => void;
}

/** How the writing goes. */
export interface AuditHealth {
  /** `failing`: lines wait in memory because the disk refuses. `behind`: all is recorded, but the search lags. */
  readonly state: 'ok' | 'behind' | 'failing';
  readonly problem?: WriterProblem | undefined;
  readonly queuedBytes: number;
  /** Events that found neither room in the queue nor on the disk since opening. */
  readonly lostEvents: number;
}

interface Asked {
  readonly resolve: (value: Extract<WriterAnswer, { op: 'answer' }>['value']) => void;
  readonly reject: (error: MirrorError) => void;
}

type Asking = WriterRequest extends infer R ? (R extends { readonly id: number } ? Omit<R, 'id'> : never) : never;

/**
 * The calling thread's half of the log: gathers lines, hands them to the writer thread, keeps each until it is written.
 * Bounded in bytes; beyond the bound a line is appended at once, which slows the caller instead of forgetting the event.
 */
export class AuditQueue {
  readonly #options: AuditQueueOptions;
  readonly #progress = new Progress();
  readonly #memory = new LineMemory();
  readonly #closing = new AbortController();
  readonly #asked = new Map<number, Asked>();
  readonly #problems = new Map<WriterDuty, WriterProblem>();
  #worker: Worker | undefined;
  #pending: string[] = [];
  #pendingLength = 0;
  #posted = 0;
  #kept: { readonly bytes: Uint8Array; readonly start: number }[] = [];
  #nextId = 1;
  #lost = 0;
  /** Lost events that no line tells of yet. */
  #gap: { count: number; readonly since: number } | undefined;
  #refusedUntil = Number.NEGATIVE_INFINITY;
  #postedAt = Number.NEGATIVE_INFINITY;
  #isTurnEnding = false;
  #isPosting = false;
  #isStarted = false;
  #isStream = false;
  #closed = false;

  constructor(options: AuditQueueOptions) {
    this.#options = options;
  }

  /**
   * Starts the writer; resolves to the newest events of the index, oldest first.
   * @throws ConfigError (CONFIG_INVALID) when the file can't be written, StorageError (STORAGE_FULL, STORAGE_FAILED)
   */
  start(): Promise<readonly AuditEvent[]> {
    const { file, databasePath, rules, signingKey } = this.#options;
    const startedAt = this.#options.clock.now();
    const data: WriterStart = { file, databasePath, shared: this.#progress.shared, rules, signingKey, startedAt };
    const worker = startWorker('audit/audit-writer-worker', data);
    this.#worker = worker;
    // the process lives by its listeners, not by its log; whoever flushes or closes waits
    worker.unref();
    return new Promise((resolve, reject) => {
      worker.on('message', (answer: WriterAnswer) => {
        if (answer.op === 'ready') this.#begin(() => resolve(answer.recent));
        else if (answer.op === 'refused') reject(toError(answer.problem, file));
        else this.#hear(answer);
      });
      let cause: unknown;
      worker.once('error', (error) => {
        cause = error;
      });
      worker.once('exit', () => {
        const error = new StorageError('STORAGE_FAILED', "the audit log's writer failed", { cause });
        reject(error);
        this.#writerFailed(worker, error);
      });
    });
  }

  #begin(done: () => void): void {
    this.#isStarted = true;
    this.#isStream = isStream(this.#options.file);
    done();
  }

  /** Number of the last line written; 0 before the first, and on a stream. */
  get lastSeq(): number {
    return this.#progress.seq;
  }

  get queuedBytes(): number {
    return this.#posted - this.#progress.written + this.#pendingLength;
  }

  health(): AuditHealth {
    const problem = this.#problems.get('append') ?? this.#problems.get('sync');
    const delay = this.#problems.get('rotation') ?? this.#problems.get('checkpoint') ?? this.#problems.get('index');
    const state = problem !== undefined ? 'failing' : delay !== undefined ? 'behind' : 'ok';
    return { state, problem: problem ?? delay, queuedBytes: this.queuedBytes, lostEvents: this.#lost };
  }

  /** Queues a line with its end. Waits for the disk only beyond the bound. */
  append(line: string): void {
    if (this.#gap !== undefined) this.#tellGap(this.#options.queueBytes - line.length);
    if (this.queuedBytes + line.length > this.#options.queueBytes || this.#closed) {
      this.#appendNow(line);
      return;
    }
    this.#enqueue(line);
  }

  #enqueue(line: string): void {
    this.#pending.push(line);
    this.#pendingLength += line.length;
    if (this.#pendingLength >= batchLength) this.#post();
    else if (!this.#isTurnEnding && !this.#isPosting) this.#postAtEndOfTurn();
  }

  #postAtEndOfTurn(): void {
    if (this.#options.clock.monotonic() - this.#postedAt < gatherMs) {
      this.#postSoon();
      return;
    }
    this.#isTurnEnding = true;
    setImmediate(this.#endTurn);
  }

  /** Everything that was recorded since the event loop last took up work is handed over together. */
  readonly #endTurn = (): void => {
    this.#isTurnEnding = false;
    this.#post();
  };

  /** Asks the writer; what was queued before is handed over first. @throws StorageError */
  async ask(request: Asking): Promise<Extract<WriterAnswer, { op: 'answer' }>['value']> {
    const worker = this.#worker;
    if (worker === undefined) throw new StorageError('STORAGE_FAILED', "the audit log's writer is not running");
    this.#post();
    const id = this.#nextId++;
    worker.ref();
    try {
      return await new Promise((resolve, reject) => {
        this.#asked.set(id, { resolve, reject });
        worker.postMessage({ ...request, id } satisfies WriterRequest);
      });
    } finally {
      if (this.#asked.size === 0) worker.unref();
    }
  }

  /** Writes what is queued and ends the writer; waits for a stuck disk at most 10 s and says what was not written. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#tellGap(Number.POSITIVE_INFINITY);
    const closing = this.ask({ op: 'close' }).catch((error: unknown) => this.#options.onError(error as MirrorError));
    this.#closed = true;
    await within(closing, closeTimeoutMs);
    this.#closing.abort();
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
    this.#progress.release('writer');
    this.#rejectAsked(new StorageError('STORAGE_FAILED', 'the audit log was closed'));
    const unwritten = this.queuedBytes;
    if (unwritten > 0)
      this.#options.onError(
        new StorageError(
          'STORAGE_FAILED',
          `${String(unwritten)} bytes of the audit log could not be written before the end`,
        ),
      );
  }

  #postSoon(): void {
    this.#isPosting = true;
    this.#options.clock.sleep(gatherMs, this.#closing.signal).then(
      () => {
        this.#isPosting = false;
        this.#post();
      },
      () => undefined,
    );
  }

  #post(): void {
    this.#forgetWritten();
    if (this.#pending.length === 0) return;
    const text = this.#pending.join('');
    this.#pending = [];
    this.#pendingLength = 0;
    this.#postedAt = this.#options.clock.monotonic();
    // a stream's lines are read once more after they count as written
    const isFree = !this.#isStream && this.#posted === this.#progress.written;
    const bytes = this.#memory.take(Buffer.byteLength(text), isFree);
    bytes.write(text);
    const chunk = { bytes, start: this.#posted };
    this.#posted += bytes.length;
    this.#kept.push(chunk);
    this.#worker?.postMessage({ op: 'lines', ...chunk } satisfies WriterRequest);
  }

  #forgetWritten(): void {
    const { written } = this.#progress;
    if ((this.#kept[0]?.start ?? written) >= written) return;
    this.#kept = this.#kept.filter(({ bytes, start }) => start + bytes.length > written);
  }

  #appendNow(line: string): void {
    const { clock } = this.#options;
    // the disk said no a moment ago: asking for each event would only stop the mirror as well
    if (clock.monotonic() < this.#refusedUntil) {
      this.#lose(undefined);
      return;
    }
    const error = this.#tryAppend(line);
    if (error === undefined) return;
    this.#refusedUntil = clock.monotonic() + appendTimeoutMs;
    this.#lose(error);
  }

  /** Appends beside the writer, out of the order of time; returns why it could not. */
  #tryAppend(line: string): unknown {
    try {
      if (!this.#progress.acquire('caller', appendTimeoutMs)) return failure('ETIMEDOUT', 'the disk does not answer');
      if (this.#progress.isMidLine) return failure('EAGAIN', 'the reader does not read');
      const { file } = this.#options;
      return this.#isStream ? passOn(file, line) : appendBeside(file, this.#progress, line);
    } catch (error) {
      return error;
    } finally {
      this.#progress.release('caller');
    }
  }

  #lose(cause: unknown): void {
    this.#lost += 1;
    if (this.#gap === undefined) this.#tellGapSoon();
    this.#gap ??= { count: 0, since: this.#options.clock.now() };
    this.#gap.count += 1;
    if (cause === undefined) return;
    const error = storageError(cause, `the audit log ${this.#options.file}`);
    this.#options.onError(
      new StorageError(
        error.code,
        `${error.message}; the queue is full, so audit events are being lost (${String(this.#lost)} so far)`,
        { cause },
      ),
    );
  }

  /** Says in the log itself how many events it misses, where `boundBytes` leave room for that. */
  #tellGap(boundBytes: number): void {
    if (this.#gap === undefined) return;
    const line = gapLine(this.#gap, this.#options.clock.now());
    if (this.queuedBytes + line.length > boundBytes) return;
    this.#gap = undefined;
    this.#enqueue(line);
  }

  /** Also when nothing more is recorded. */
  #tellGapSoon(): void {
    const { clock, queueBytes } = this.#options;
    clock.sleep(appendTimeoutMs, this.#closing.signal).then(
      () => {
        this.#tellGap(queueBytes);
        if (this.#gap !== undefined) this.#tellGapSoon();
      },
      () => undefined,
    );
  }

  #hear(answer: WriterAnswer): void {
    if (answer.op === 'state') this.#heed(answer.of, answer.problem);
    if (answer.op === 'notice') this.#options.onError(new StorageError('STORAGE_FAILED', answer.message));
    if (answer.op === 'missing') this.#options.onMissing(answer.from, answer.to);
    if (answer.op !== 'answer' && answer.op !== 'failed') return;
    const asked = this.#asked.get(answer.id);
    this.#asked.delete(answer.id);
    if (answer.op === 'answer') asked?.resolve(answer.value);
    else asked?.reject(toError(answer.problem, this.#options.file));
  }

  #heed(duty: WriterDuty, problem: WriterProblem | undefined): void {
    if (problem === undefined) this.#problems.delete(duty);
    else {
      this.#problems.set(duty, problem);
      this.#options.onError(toError(problem, this.#options.file));
    }
  }

  /** A writer that ended by a bug: its lines are still here, so a new one goes on where it stopped. */
  #writerFailed(worker: Worker, error: StorageError): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#progress.release('writer');
    this.#rejectAsked(error);
    if (this.#closed || !this.#isStarted) return;
    this.#heed('append', { code: error.code, message: error.message });
    this.#options.clock.sleep(restartMs, this.#closing.signal).then(
      () => this.#restart(),
      () => undefined,
    );
  }

  #rejectAsked(error: MirrorError): void {
    for (const asked of this.#asked.values()) asked.reject(error);
    this.#asked.clear();
  }

  #restart(): void {
    const started = this.start();
    this.#forgetWritten();
    for (const chunk of this.#kept) this.#worker?.postMessage({ op: 'lines', ...chunk } satisfies WriterRequest);
    // a writer that can't start ends, and its end is heard
    started.then(
      () => this.#problems.clear(),
      () => undefined,
    );
  }
}

function gapLine({ count, since }: { readonly count: number; readonly since: number }, now: number): string {
  const [from, to] = [since, now].map((at) => new Date(at).toISOString());
  return new LineEncoder().encode({
    event: 'audit_gap',
    at: now,
    artifact: 'audit',
    clientIp: '',
    cached: false,
    outcome: 'failed',
    requestId: '',
    detail: `${String(count)} events between ${String(from)} and ${String(to)} could not be recorded`,
  });
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function toError(problem: WriterProblem, file: string): MirrorError {
  if (problem.code === 'CONFIG_INVALID') return new ConfigError([problem.message], { value: file });
  return new StorageError(problem.code, problem.message);
}
