import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { chainStart, lineHash, readSeal } from './chain.ts';
import type { ChainHead, Seal } from './chain.ts';
import type { Checkpoint } from './checkpoint-store.ts';
import { checkpointLines } from './audit-trail.ts';
import { fingerprintOf, isSignatureGood } from './signing.ts';
import type { VerifiedFile, VerifyProblem, VerifyProblemKind, VerifyReport } from './verify.types.ts';

const lineEnd = 0x0a;
const readBytes = 1024 * 1024;
/** Longer than any line of ours; what is longer is told by its hash alone. */
const maxLineBytes = 64 * 1024 * 1024;
const maxProblems = 1000;
/** More lines without a checkpoint than a crash or a full disk leaves. */
const maxUnsigned = 4 * checkpointLines;

export interface VerifyOptions {
  /** In the order of the chain; one that ends with `.gz` is unpacked. */
  readonly files: readonly string[];
  /** Fingerprints of the keys that may sign; undefined: whoever signed is only named. */
  readonly keys?: readonly string[] | undefined;
  /** Whether these are all files of the log: then it must begin with line 1, or say, signed, why it does not. */
  readonly isWhole: boolean;
  /** The last checkpoint as the database knows it: the log must hold it. */
  readonly last?: Checkpoint | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads a log from its first line to its last and says everything that is wrong with its chain. Holds one line in memory. */
export async function verifyLog(options: VerifyOptions): Promise<VerifyReport> {
  const check = new ChainCheck(options);
  for (const file of options.files) {
    check.beginFile(file);
    try {
      await readFileLines(file, check, options.signal);
    } catch (error) {
      check.unreadable(error);
    }
  }
  return check.report();
}

async function readFileLines(file: string, check: ChainCheck, signal: AbortSignal | undefined): Promise<void> {
  const bytes = createReadStream(file, { highWaterMark: readBytes, ...(signal === undefined ? {} : { signal }) });
  const stream: Readable = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  bytes.once('error', (error) => stream.destroy(error));
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const block = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = block.indexOf(lineEnd); end >= 0; end = block.indexOf(lineEnd, start)) {
      check.line(block.subarray(start, end));
      start = end + 1;
    }
    rest = block.subarray(start);
    if (rest.length > maxLineBytes) throw new Error('a line is longer than 64 MiB');
  }
  if (rest.length > 0) check.tornLine();
}

interface Place extends ChainHead {
  readonly file: string;
  readonly line: number;
}

interface Range {
  readonly from: number;
  to: number;
  readonly problem: number;
}

type Counts = { -readonly [K in keyof VerifiedFile]: VerifiedFile[K] };

/** Follows the chain line by line. */
class ChainCheck {
  readonly #options: VerifyOptions;
  readonly #keys: ReadonlySet<string> | undefined;
  readonly #signers = new Map<string, number>();
  readonly #files: Counts[] = [];
  readonly #problems: (VerifyProblem | undefined)[] = [];
  /** Numbers that were left out and may still come, out of their order. */
  #missing: Range[] = [];
  readonly #deleted = new Map<number, string>();
  #first: { readonly seal: Seal; readonly file: string; readonly line: number } | undefined;
  #head: Place | undefined;
  #checkpoint: Place | undefined;
  #checkpoints = 0;
  #toldUnsigned = false;
  #firstAt: string | undefined;
  #lastAt: string | undefined;
  #lastFound: string | undefined;
  #ofFile: Counts = { path: '', lines: 0, notChained: 0 };

  constructor(options: VerifyOptions) {
    this.#options = options;
    this.#keys = options.keys === undefined ? undefined : new Set(options.keys);
  }

  beginFile(path: string): void {
    this.#ofFile = { path, lines: 0, notChained: 0 };
    this.#files.push(this.#ofFile);
  }

  line(line: Buffer): void {
    this.#ofFile.lines += 1;
    const seal = readSeal(line);
    this.#noteTime(line);
    if (seal === undefined) this.#notChained();
    else this.#chained(line, seal);
  }

  /** The last line lacks its end: it is being written, or was cut. */
  tornLine(): void {
    if (this.#files.length < this.#options.files.length) {
      this.#ofFile.lines += 1;
      this.#tell('edited', 'the last line of the file was cut');
    }
  }

  unreadable(error: unknown): void {
    this.#tell('unreadable', `the file can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }

  report(): VerifyReport {
    this.#checkBeginning();
    this.#checkEnd();
    const problems = this.#problems.filter((problem) => problem !== undefined);
    const sum = (name: 'lines' | 'notChained'): number => this.#files.reduce((total, file) => total + file[name], 0);
    return {
      files: this.#files,
      lines: sum('lines'),
      notChained: sum('notChained'),
      checkpoints: this.#checkpoints,
      unsigned: (this.#head?.seq ?? 0) - (this.#checkpoint?.seq ?? (this.#first?.seal.seq ?? 1) - 1),
      firstAt: timeOf(this.#firstAt),
      lastAt: timeOf(this.#lastAt),
      firstSeq: this.#first?.seal.seq,
      lastSeq: this.#head?.seq,
      deletedThrough: this.#isBeginningSigned() ? (this.#first?.seal.seq ?? 0) - 1 : undefined,
      keys: [...this.#signers].map(([key, checkpoints]) => ({
        fingerprint: fingerprintOf(key),
        checkpoints,
        ...(this.#keys === undefined ? {} : { isKnown: this.#keys.has(fingerprintOf(key)) }),
      })),
      problems: problems.slice(0, maxProblems),
      problemsTotal: problems.length,
    };
  }

  #notChained(): void {
    this.#ofFile.notChained += 1;
    if (this.#first !== undefined) this.#tell('inserted', 'this line has no place in the chain');
  }

  #chained(line: Buffer, seal: Seal): void {
    const { path } = this.#ofFile;
    const here: Place = { seq: seal.seq, hash: lineHash(line), file: path, line: this.#ofFile.lines };
    this.#ofFile.firstSeq ??= seal.seq;
    this.#ofFile.lastSeq = seal.seq;
    if (seal.seq === this.#options.last?.seq) this.#lastFound ??= here.hash;
    if (this.#head === undefined) {
      this.#first = { seal, file: path, line: this.#ofFile.lines };
      if (seal.seq === 1 && seal.prev !== chainStart.hash)
        this.#tell('edited', 'line 1 of the chain does not begin it');
    } else if (!this.#follows(this.#head, seal)) return;
    this.#head = here;
    if (seal.signature !== undefined) this.#signed(line, seal, here);
    else this.#heedUnsigned(here);
  }

  /** Whether the line goes on with the chain; a hole before it is told. */
  #follows(head: Place, { seq, prev }: Seal): boolean {
    if (seq <= head.seq) {
      this.#outOfOrder(seq);
      return false;
    }
    if (seq > head.seq + 1) {
      this.#missing.push({ from: head.seq + 1, to: seq - 1, problem: this.#problems.length });
      this.#tell('removed', `${linesText(head.seq + 1, seq - 1)} missing before this one`);
    } else if (prev !== head.hash) {
      this.#tell('edited', `line ${String(head.seq)} of the chain was changed after it was written`, head);
    }
    return true;
  }

  #outOfOrder(seq: number): void {
    const hole = this.#missing.find(({ from, to }) => from <= seq && seq <= to);
    if (hole === undefined) {
      this.#tell('inserted', `line ${String(seq)} of the chain stands here a second time, or was put here`);
      return;
    }
    this.#tell('reordered', `line ${String(seq)} of the chain stands here, after line ${String(this.#head?.seq)}`);
    this.#missing = this.#missing.filter((range) => range !== hole);
    const told = this.#problems[hole.problem];
    this.#problems[hole.problem] = undefined;
    for (const [from, to] of [
      [hole.from, seq - 1],
      [seq + 1, hole.to],
    ] as const) {
      if (from > to || told === undefined) continue;
      this.#missing.push({ from, to, problem: this.#problems.length });
      this.#problems.push({ ...told, message: `${linesText(from, to)} missing before this one` });
    }
  }

  #signed(line: Buffer, seal: Seal, here: Place): void {
    const { key = '' } = seal;
    if (!isSignatureGood(line, seal)) {
      this.#tell('bad-signature', `the signature of line ${String(seal.seq)} of the chain is not that of its key`);
      return;
    }
    this.#signers.set(key, (this.#signers.get(key) ?? 0) + 1);
    if (this.#keys?.has(fingerprintOf(key)) === false) {
      this.#tell('unknown-key', `signed with the key ${fingerprintOf(key)}, which is not this mirror's`);
      return;
    }
    this.#checkpoints += 1;
    this.#checkpoint = here;
    this.#toldUnsigned = false;
    const gone = deletionPattern.exec(line.toString('latin1'));
    if (gone?.[1] !== undefined && gone[2] !== undefined) this.#deleted.set(Number(gone[1]), gone[2]);
  }

  /** Who rewrites the chain can't sign it. */
  #heedUnsigned(here: Place): void {
    const since = this.#checkpoint?.seq ?? (this.#first?.seal.seq ?? 1) - 1;
    if (this.#toldUnsigned || here.seq - since <= maxUnsigned) return;
    // a log that was never signed, seen by somebody who does not know that it should be
    if (this.#checkpoints === 0 && this.#keys === undefined) return;
    this.#toldUnsigned = true;
    this.#tell('unsigned', `${String(maxUnsigned)} lines without a signed checkpoint before this one`);
  }

  #isBeginningSigned(): boolean {
    if (this.#first === undefined || this.#first.seal.seq === 1) return false;
    const { seq, prev } = this.#first.seal;
    return this.#deleted.get(seq - 1) === prev;
  }

  #checkBeginning(): void {
    if (!this.#options.isWhole || this.#first === undefined || this.#first.seal.seq === 1) return;
    if (this.#isBeginningSigned()) return;
    const { file, line, seal } = this.#first;
    const message = `${linesText(1, seal.seq - 1)} missing at the beginning, and no signed line says that they were deleted after their time`;
    this.#problems.unshift({ kind: 'truncated', file, line, message });
  }

  #checkEnd(): void {
    const { last, isWhole, files } = this.#options;
    const head = this.#head ?? { seq: 0, file: files.at(-1) ?? '', line: 0 };
    if (last === undefined) return;
    const signed = `was signed at ${new Date(last.at).toISOString()}`;
    if (isWhole && head.seq < last.seq) {
      const message = `the log ends with line ${String(head.seq)} of the chain; line ${String(last.seq)} ${signed}`;
      this.#tell('truncated', message, head);
    }
    if (this.#lastFound !== undefined && this.#lastFound !== last.hash)
      this.#tell('edited', `line ${String(last.seq)} of the chain is not the one that ${signed}`, head);
  }

  #noteTime(line: Buffer): void {
    const at = timestampOf(line);
    this.#firstAt ??= at;
    this.#lastAt = at ?? this.#lastAt;
  }

  #tell(kind: VerifyProblemKind, message: string, place?: { readonly file: string; readonly line: number }): void {
    const { file, line } = place ?? { file: this.#ofFile.path, line: this.#ofFile.lines };
    this.#problems.push({ kind, file, line, message });
  }
}

const deletionPattern = /,"through":(\d{1,16}),"through_hash":"([0-9a-f]{64})","seq":/;
const headBytes = 96;

/** The time is the second field, after one of ours. */
function timestampOf(line: Buffer): string | undefined {
  const head = line.toString('latin1', 0, headBytes);
  const start = head.indexOf('"timestamp":"');
  return start < 0 ? undefined : head.slice(start + 13, start + 37);
}

function timeOf(timestamp: string | undefined): number | undefined {
  const at = timestamp === undefined ? Number.NaN : Date.parse(timestamp);
  return Number.isNaN(at) ? undefined : at;
}

function linesText(from: number, to: number): string {
  return from === to
    ? `line ${String(from)} of the chain is`
    : `lines ${String(from)} to ${String(to)} of the chain are`;
}
