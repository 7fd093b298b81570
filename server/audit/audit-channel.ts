import type { ErrorCode } from '../errors.ts';
import type { AuditPage, AuditQuery, ClientRecord } from './audit-rows.ts';
import type { ChainHead } from './chain.ts';
import type { AuditEvent } from './events.ts';

/**
 * What the calling thread and the writer thread say to each other. The lines themselves travel in shared memory, so both
 * hold them without a copy until they are written:
 *
 *   calling thread                          writer thread
 *   pending lines ── lines (≤ 100 ms) ────► queue ── append ──► file ── read back ──► index
 *   kept until written ◄── Progress.written (shared) ──┘
 */
export interface WriterStart {
  /** `-` is standard output. */
  readonly file: string;
  readonly databasePath: string;
  readonly shared: SharedArrayBuffer;
  readonly rules: TrailRules;
  /** PEM (PKCS #8) of the key that signs checkpoints; absent: none are made. */
  readonly signingKey: string | undefined;
  /** What the mirror's clock said when the writer was started; lines carry its times, so files begin and end by it. */
  readonly startedAt: number;
}

/** When a file of the log is full, and how long a full one is kept. */
export interface TrailRules {
  /** Bytes; 0: never by size. */
  readonly rotateBytes: number;
  /** Whether each day of UTC has its own file. */
  readonly rotateDaily: boolean;
  /** Milliseconds; 0: for ever. */
  readonly keepForMs: number;
}

/** To the writer, in order. `start` is the position of the chunk's first byte in everything recorded since opening. */
export type WriterRequest =
  | { readonly op: 'lines'; readonly bytes: Uint8Array; readonly start: number }
  | { readonly op: 'flush' | 'close'; readonly id: number }
  | { readonly op: 'search'; readonly id: number; readonly query: AuditQuery }
  | { readonly op: 'clients'; readonly id: number; readonly since: number };

/** What the writer does, each of which can fail alone. The first two are the record; the others only delay. */
export type WriterDuty = 'append' | 'sync' | 'rotation' | 'checkpoint' | 'index';

/** Why the writer can't do its work, for a person. */
export interface WriterProblem {
  readonly code: ErrorCode;
  readonly message: string;
}

export type WriterAnswer =
  | { readonly op: 'ready'; readonly recent: readonly AuditEvent[] }
  | { readonly op: 'refused'; readonly problem: WriterProblem }
  | { readonly op: 'answer'; readonly id: number; readonly value: AuditPage | readonly ClientRecord[] | undefined }
  | { readonly op: 'failed'; readonly id: number; readonly problem: WriterProblem }
  /** `problem` absent: all is well again. */
  | { readonly op: 'state'; readonly of: WriterDuty; readonly problem: WriterProblem | undefined }
  | { readonly op: 'notice'; readonly message: string }
  /** The log ends before a line that was signed; told once, after `ready`. */
  | { readonly op: 'missing'; readonly from: number; readonly to: number };

/** Who may hold the right to append. */
export type Appender = 'caller' | 'writer';

const holders: Readonly<Record<Appender, number>> = { caller: 1, writer: 2 };
const free = 0;

const sharedBytes = 56;

/**
 * Memory both threads see: the right to append, and what its holder has to know. Only its holder writes to the file, so a
 * line cut by a full disk can be taken back without taking another's line with it, and every line finds its place.
 *
 *     0  holder   4  mid-line   8  written (64 bits)   16  seq (64 bits)   24  hash of the last line (32 bytes)
 */
export class Progress {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #written: BigInt64Array;
  readonly #seq: BigInt64Array;
  readonly #hash: Buffer;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(sharedBytes)) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, 2);
    this.#written = new BigInt64Array(shared, 8, 1);
    this.#seq = new BigInt64Array(shared, 16, 1);
    this.#hash = Buffer.from(shared, 24, 32);
  }

  /** The end of the chain; only for the holder. */
  get head(): ChainHead {
    return { seq: this.seq, hash: this.#hash.toString('hex') };
  }

  set head({ seq, hash }: ChainHead) {
    this.#hash.write(hash, 'hex');
    Atomics.store(this.#seq, 0, BigInt(seq));
  }

  /** Number of the last line, for everybody. */
  get seq(): number {
    return Number(Atomics.load(this.#seq, 0));
  }

  /** Bytes the writer has handed to the file since opening. */
  get written(): number {
    return Number(Atomics.load(this.#written, 0));
  }

  set written(bytes: number) {
    Atomics.store(this.#written, 0, BigInt(bytes));
  }

  /** True while a stream holds the beginning of a line only; nobody else may append then. */
  get isMidLine(): boolean {
    return Atomics.load(this.#words, 1) === 1;
  }

  set isMidLine(is: boolean) {
    Atomics.store(this.#words, 1, is ? 1 : 0);
  }

  /** Waits for the right to append, blocking the thread; false when `timeoutMs` pass first. */
  acquire(as: Appender, timeoutMs = Number.POSITIVE_INFINITY): boolean {
    for (;;) {
      const holder = Atomics.compareExchange(this.#words, 0, free, holders[as]);
      if (holder === free) return true;
      if (Atomics.wait(this.#words, 0, holder, timeoutMs) === 'timed-out') return false;
    }
  }

  /** Gives the right back; without effect when somebody else has it. */
  release(as: Appender): void {
    Atomics.compareExchange(this.#words, 0, holders[as], free);
    Atomics.notify(this.#words, 0);
  }
}
