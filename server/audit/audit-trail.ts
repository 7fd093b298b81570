import { renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { syncDirectoryNow } from '../lib/files.ts';
import type { Progress, TrailRules } from './audit-channel.ts';
import { AuditFile } from './audit-file.ts';
import type { Appended } from './audit-file.ts';
import { LineEncoder, parseLine } from './audit-line.ts';
import { bytesOfLines, chainLines, chainStart, countLines, lineHash, readSeal } from './chain.ts';
import type { ChainHead } from './chain.ts';
import type { Checkpoint, CheckpointStore } from './checkpoint-store.ts';
import type { AuditEventName } from './events.ts';
import { logFiles, rotatedFiles, rotatedPath } from './log-files.ts';
import { firstLine, lastLine, lastSealedLine, openSource } from './log-source.ts';
import { signedLine } from './signing.ts';
import type { Signer } from './signing.ts';

/** A checkpoint is signed after this many lines, or this long after the first unsigned one. */
export const checkpointLines = 5000;
export const checkpointMs = 30_000;
const dayMs = 86_400_000;

export interface TrailOptions {
  readonly path: string;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly progress: Progress;
  readonly rules: TrailRules;
  /** Absent: nothing is signed and nothing deleted. */
  readonly signer: Signer | undefined;
  readonly store: CheckpointStore;
}

/** Why a checkpoint is there. */
type Occasion = 'start' | 'lines' | 'rotation' | 'stop' | 'retention';

/**
 * The log on disk as a chain of lines over one file or many: numbers each line, signs checkpoints, begins a new file when
 * one is full and deletes old ones. The caller holds the right to append in every call.
 */
export class AuditTrail {
  readonly #options: TrailOptions;
  readonly #encoder = new LineEncoder();
  #file: AuditFile;
  #first: { readonly seq: number; readonly at: number } | undefined;
  #signedSeq = 0;
  /** Monotonic time since when there are unsigned lines. */
  #unsignedSince: number | undefined;
  /** What is missing at the end of the log, by the database's account; told once, at opening. */
  readonly missing: { readonly from: number; readonly to: number } | undefined;

  /** Opens the file and finds the end of the chain; a torn last line is moved aside. @throws what the disk refuses */
  constructor(options: TrailOptions) {
    const { path, clock, progress, store } = options;
    this.#options = options;
    this.#file = new AuditFile(path, clock.now());
    const found = findHead(this.#file, path);
    const stored = store.load();
    const isShort = stored !== undefined && stored.seq > found.seq;
    // going on from what was signed leaves the hole to be seen for ever; going on from what is left would heal it
    progress.head = isShort ? stored : found;
    this.missing = isShort ? { from: found.seq + 1, to: stored.seq } : undefined;
    this.#signedSeq = stored?.seq ?? 0;
  }

  get file(): AuditFile {
    return this.#file;
  }

  /** Appends whole lines; `taken` counts bytes of what was given, whole lines only. */
  append(bytes: Uint8Array): Appended {
    const { progress } = this.#options;
    const { head } = progress;
    const chained = chainLines(bytes, head);
    const { taken, error } = this.#file.append(chained.bytes);
    if (taken === chained.bytes.length) {
      progress.head = chained.head;
      return { taken: bytes.length };
    }
    const written = chained.bytes.subarray(0, taken);
    const lines = countLines(written);
    if (lines > 0) progress.head = { seq: head.seq + lines, hash: lastHash(written) };
    return { taken: bytesOfLines(bytes, lines), error };
  }

  /** After how many milliseconds a checkpoint is due, 0 or less: now; undefined: everything is signed. */
  get checkpointIn(): number | undefined {
    const { progress, clock, signer } = this.#options;
    const unsigned = progress.seq - this.#signedSeq;
    if (signer === undefined || unsigned <= 0) return undefined;
    this.#unsignedSince ??= clock.monotonic();
    return unsigned >= checkpointLines ? 0 : this.#unsignedSince + checkpointMs - clock.monotonic();
  }

  /** Signs all lines so far, makes them durable and remembers it in the database. @throws what the disk refuses */
  checkpoint(occasion: Occasion): void {
    const { progress, clock, signer, store } = this.#options;
    if (signer === undefined || progress.seq <= this.#signedSeq) return;
    const at = clock.now();
    this.#appendSigned('audit_checkpoint', at, `lines up to ${String(progress.seq)} (${occasion})`, signer);
    this.#file.sync();
    const checkpoint: Checkpoint = { ...progress.head, at, publicKey: signer.publicKey };
    this.#signedSeq = checkpoint.seq;
    this.#unsignedSince = undefined;
    store.save(checkpoint);
  }

  /** True when the file is full or its day is over. */
  get isFull(): boolean {
    const { rules, clock } = this.#options;
    const { size } = this.#file;
    if (size === 0) return false;
    if (rules.rotateBytes > 0 && size >= rules.rotateBytes) return true;
    return rules.rotateDaily && dayOf(clock.now()) > dayOf(this.#firstOfFile().at);
  }

  /** Begins a new file; returns the full one, which the caller closes. @throws what the disk refuses; the open file still takes lines */
  rotate(): AuditFile {
    const { path } = this.#options;
    const { seq, at } = this.#firstOfFile();
    this.checkpoint('rotation');
    renameSync(path, rotatedPath(path, seq, at));
    return this.reopen();
  }

  /** True when the path names another file by now: somebody else rotated it. */
  get isRenamed(): boolean {
    return this.#file.isRotated();
  }

  /** Opens what the path names now; returns the file that had it before, which the caller closes. @throws what the disk refuses */
  reopen(): AuditFile {
    const { path, clock } = this.#options;
    const before = this.#file;
    const file = new AuditFile(path, clock.now());
    before.sync();
    this.#file = file;
    this.#first = undefined;
    syncDirectoryNow(dirname(path));
    return before;
  }

  /**
   * Deletes files all of whose lines are older than the rules keep them. What is left still verifies: a signed line says
   * up to where lines are gone and what the last one's hash was. Returns the paths. @throws what the disk refuses
   */
  deleteOld(): readonly string[] {
    const { path, rules, clock, signer } = this.#options;
    if (rules.keepForMs === 0 || signer === undefined) return [];
    const cutoff = clock.now() - rules.keepForMs;
    const old: OldFile[] = [];
    for (const file of rotatedFiles(path)) {
      const found = readOld(file.path);
      if (found.at === undefined || found.at >= cutoff) break;
      old.push(found);
    }
    const last = old.findLast(({ head }) => head !== undefined)?.head ?? chainStart;
    if (old.length === 0) return [];
    const detail = `deleted after their time: ${old.map(({ name }) => name).join(', ')}`;
    this.#appendSigned('audit_retention', clock.now(), detail, signer, last);
    this.checkpoint('retention');
    for (const { path: gone } of old) rmSync(gone, { force: true });
    syncDirectoryNow(dirname(path));
    return old.map(({ path: gone }) => gone);
  }

  close(): void {
    this.#file.close();
  }

  #appendSigned(event: AuditEventName, at: number, detail: string, signer: Signer, through?: ChainHead): void {
    const { progress } = this.#options;
    const about = { artifact: 'audit', clientIp: '', cached: false, outcome: 'ok', requestId: '' } as const;
    const line = this.#encoder.encode({ event, at, ...about, detail });
    const extended =
      through === undefined
        ? line
        : `${line.slice(0, -2)},"through":${String(through.seq)},"through_hash":"${through.hash}"}\n`;
    const { bytes, head } = signedLine(extended, progress.head, signer);
    const { taken, error } = this.#file.append(bytes);
    if (taken < bytes.length) throw error;
    progress.head = head;
  }

  #firstOfFile(): { readonly seq: number; readonly at: number } {
    if (this.#first !== undefined) return this.#first;
    const line = firstLine(this.#file);
    const at = line === undefined ? undefined : parseLine(line.toString('utf8'))?.at;
    const first = {
      seq: (line === undefined ? undefined : readSeal(line)?.seq) ?? 0,
      at: at ?? this.#options.clock.now(),
    };
    if (line !== undefined) this.#first = first;
    return first;
  }
}

interface OldFile {
  readonly path: string;
  readonly name: string;
  /** Time of its last line; undefined: nothing says how old it is, so it stays. */
  readonly at: number | undefined;
  readonly head: ChainHead | undefined;
}

function readOld(path: string): OldFile {
  const source = openSource(path);
  try {
    const last = lastLine(source);
    const at = last === undefined ? undefined : parseLine(last.toString('utf8'))?.at;
    return { path, name: path.slice(dirname(path).length + 1), at, head: headOf(lastSealedLine(source)) };
  } finally {
    source.close();
  }
}

/** The end of the chain: in the file, or, when that is new, in the one before it. */
function findHead(file: AuditFile, path: string): ChainHead {
  const own = headOf(lastSealedLine(file));
  if (own !== undefined) return own;
  for (const before of logFiles(path).toReversed()) {
    if (before.path === path) continue;
    const source = openSource(before.path);
    try {
      const head = headOf(lastSealedLine(source));
      if (head !== undefined) return head;
    } finally {
      source.close();
    }
  }
  return chainStart;
}

function headOf(line: Buffer | undefined): ChainHead | undefined {
  const seq = line === undefined ? undefined : readSeal(line)?.seq;
  return line === undefined || seq === undefined ? undefined : { seq, hash: lineHash(line) };
}

function lastHash(lines: Buffer): string {
  const end = lines.length - 1;
  return lineHash(lines.subarray(end === 0 ? 0 : lines.lastIndexOf(0x0a, end - 1) + 1, end));
}

function dayOf(at: number): number {
  return Math.floor(at / dayMs);
}
