import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { inTransaction } from '../db/database.ts';
import type { Database, Statement } from '../db/database.ts';
import { parseLine } from './audit-line.ts';
import { logKey } from './checkpoint-store.ts';
import type { AuditEvent } from './events.ts';
import { openSource } from './log-source.ts';
import type { LogSource } from './log-source.ts';

/** Bytes of lines in one transaction: about 700 rows, so other writers of the database wait some milliseconds at most. */
const sliceBytes = 256 * 1024;
/** More than a first line of usual length: its time and request id tell files apart. */
const headBytes = 1024;
const maxTexts = 10_000;
/** Rows deleted in one transaction. */
const prunedRows = 5000;
const lineEnd = 0x0a;

interface FileRow {
  readonly path: string;
  readonly head: Buffer;
  readonly indexed_bytes: number;
}

type Read = (buffer: Uint8Array, position: number) => number;

/**
 * The searchable copy of the log. It is made from the file alone, and how far is stored with the rows in one
 * transaction: after any crash each line of the file is in it once.
 */
export class AuditIndex {
  readonly #db: Database;
  readonly #directory: string;
  readonly #insert: Statement<[Readonly<Record<string, unknown>>]>;
  readonly #findText: Statement<[string], number>;
  readonly #insertText: Statement<[string]>;
  readonly #findFile: Statement<[string], FileRow>;
  readonly #allFiles: Statement<[], FileRow>;
  readonly #saveFile: Statement<[string, Buffer, number]>;
  readonly #forgetFile: Statement<[string]>;
  readonly #prune: Statement<[number, number]>;
  readonly #texts = new Map<string, number>();
  readonly #buffer = Buffer.allocUnsafe(sliceBytes);
  #file: LogSource | undefined;
  #key = '';
  #head: Buffer = Buffer.alloc(0);
  #offset = 0;

  /** @param directory the data directory: a file inside it is known by its place there, so that the directory can be moved */
  constructor(db: Database, directory: string) {
    this.#db = db;
    this.#directory = resolve(directory);
    this.#insert = db.prepare(insertSql);
    this.#findText = db.prepare<[string], number>('SELECT id FROM audit_texts WHERE text = ?').pluck();
    this.#insertText = db.prepare('INSERT INTO audit_texts (text) VALUES (?)');
    this.#findFile = db.prepare('SELECT path, head, indexed_bytes FROM audit_files WHERE path = ?');
    this.#allFiles = db.prepare('SELECT path, head, indexed_bytes FROM audit_files ORDER BY indexed_bytes DESC');
    this.#forgetFile = db.prepare('DELETE FROM audit_files WHERE path = ?');
    this.#prune = db.prepare(pruneSql);
    this.#saveFile = db.prepare('INSERT OR REPLACE INTO audit_files (path, head, indexed_bytes) VALUES (?, ?, ?)');
  }

  /** True when the file is shorter than what is indexed of it: somebody emptied it in place. */
  get isAhead(): boolean {
    return this.#file !== undefined && this.#file.size < this.#offset;
  }

  /**
   * Goes on with `file` where it was left. When another file has its name by now, the rest of the old one is looked for
   * beside it (log rotation keeps it there) and indexed first.
   */
  attach(file: LogSource): void {
    const head = readHead((buffer, position) => file.read(buffer, position));
    this.#key = logKey(file.path, this.#directory);
    const known = this.#findFile.get(this.#key) ?? this.#adopt(file.path, head);
    this.#file = file;
    this.#head = known?.head ?? Buffer.alloc(0);
    this.#offset = known?.indexed_bytes ?? 0;
    if (isSameFile(this.#head, head)) {
      this.#heedLostEnd(file);
      return;
    }
    if (this.#head.length > 0) this.#finishRotated(file.path);
    this.#head = Buffer.alloc(0);
    this.#offset = 0;
  }

  /**
   * Which of the files rotated before (oldest first) are not wholly in the index: the one that was being indexed and those
   * after it; all of them for an index that knows nothing yet.
   */
  behind(path: string, rotated: readonly string[]): readonly string[] {
    const known = this.#findFile.get(logKey(path, this.#directory));
    if (known === undefined) return this.#allFiles.get() === undefined ? rotated : [];
    if (known.head.length === 0) return [];
    const at = rotated.findIndex((file) => beginsWith(file, known.head));
    return at < 0 ? [] : rotated.slice(at);
  }

  /** Goes on with a file rotated before, under the name of the log. */
  attachRotated(file: LogSource, path: string): void {
    const known = this.#findFile.get(logKey(path, this.#directory));
    const head = readHead((buffer, position) => file.read(buffer, position));
    const isSame = known !== undefined && isSameFile(known.head, head);
    this.#key = logKey(path, this.#directory);
    this.#file = file;
    this.#head = isSame ? known.head : Buffer.alloc(0);
    this.#offset = isSame ? known.indexed_bytes : 0;
  }

  /** Goes on with the next file of the same log, from its beginning. */
  advance(file: LogSource): void {
    this.#file = file;
    this.#head = Buffer.alloc(0);
    this.#offset = 0;
  }

  /** Forgets rows older than `before` (milliseconds since the epoch), some at a time; true when none is left. */
  prune(before: number): boolean {
    return this.#prune.run(before, prunedRows).changes === 0;
  }

  /** A file indexed under another path: of a moved directory, or of a version that knew each by its absolute path. */
  #adopt(path: string, head: Buffer): FileRow | undefined {
    const all = this.#allFiles.all();
    const same = all.filter((row) => isSameFile(row.head, head));
    const before = same[0] ?? all.find((row) => row.path === path);
    if (before === undefined) return undefined;
    this.#write(() => {
      for (const row of [...same, before]) this.#forgetFile.run(row.path);
      this.#saveFile.run(this.#key, before.head, before.indexed_bytes);
    });
    return before;
  }

  /** A file shorter than what is indexed: a power cut took its end, and the rows are all that is left of it. */
  #heedLostEnd(file: LogSource): void {
    if (file.size >= this.#offset) return;
    this.#offset = file.size;
    this.#head = this.#head.subarray(0, this.#offset);
    this.#saveFile.run(this.#key, this.#head, this.#offset);
  }

  /** Indexes the next part of the file; true when nothing is left. */
  catchUp(): boolean {
    const file = this.#file;
    if (file === undefined) return true;
    return this.#indexSlice((buffer, position) => file.read(buffer, position)) < sliceBytes;
  }

  /** Indexes lines that can't be read back from where they went. */
  addLines(bytes: Uint8Array): void {
    const events = parseLines(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
    this.#write(() => {
      for (const event of events) this.#add(event);
    });
  }

  /** Reads and indexes one slice; returns the bytes that could be read. */
  #indexSlice(read: Read): number {
    const length = read(this.#buffer, this.#offset);
    const lines = this.#buffer.subarray(0, length);
    let whole = lines.lastIndexOf(lineEnd) + 1;
    // not a line of ours: too long for one
    if (whole === 0 && length === sliceBytes) whole = length;
    if (whole === 0) return length;
    const events = parseLines(lines.toString('utf8', 0, whole));
    const offset = this.#offset + whole;
    const head = this.#head.length < headBytes ? readHead(read).subarray(0, offset) : this.#head;
    this.#write(() => {
      for (const event of events) this.#add(event);
      this.#saveFile.run(this.#key, head, offset);
    });
    this.#head = head;
    this.#offset = offset;
    return length;
  }

  #finishRotated(path: string): void {
    const fd = openRotated(path, this.#head);
    if (fd === undefined) return;
    try {
      const read: Read = (buffer, position) => readSync(fd, buffer, 0, buffer.length, position);
      while (this.#indexSlice(read) === sliceBytes);
    } finally {
      closeSync(fd);
    }
  }

  #write(work: () => void): void {
    try {
      inTransaction(this.#db, work);
    } catch (error) {
      // ids given out in a transaction that did not happen
      this.#texts.clear();
      throw error;
    }
  }

  #add(event: AuditEvent): void {
    this.#insert.run({
      at: event.at,
      event: event.event,
      artifact: this.#textId(event.artifact),
      client: this.#textId(event.clientIp),
      user: this.#textId(event.user),
      digest: this.#textId(event.digest),
      cached: event.cached ? 1 : 0,
      outcome: event.outcome,
      method: event.method ?? null,
      status: integer(event.status),
      code: event.code ?? null,
      bytes: integer(event.bytes),
      durationMs: event.durationMs ?? null,
      userAgent: this.#textId(event.userAgent),
      requestId: event.requestId,
      upstream: this.#textId(event.upstream),
      detail: event.detail ?? null,
    });
  }

  #textId(text: string | undefined): number | null {
    if (text === undefined) return null;
    const held = this.#texts.get(text);
    if (held !== undefined) return held;
    const id = this.#findText.get(text) ?? Number(this.#insertText.run(text).lastInsertRowid);
    if (this.#texts.size >= maxTexts) this.#texts.clear();
    this.#texts.set(text, id);
    return id;
  }
}

const insertSql = `INSERT INTO audit
  (at, event, artifact, client, user, digest, cached, outcome, method, status, code, bytes, duration_ms, user_agent, request_id, upstream, detail)
  VALUES (@at, @event, @artifact, @client, @user, @digest, @cached, @outcome, @method, @status, @code, @bytes, @durationMs, @userAgent, @requestId, @upstream, @detail)`;

/** From the oldest row up to the first that is young enough: rows are in the order of time, but for a few. */
const pruneSql = `DELETE FROM audit WHERE at < ?1
  AND row < coalesce((SELECT row FROM audit WHERE at >= ?1 ORDER BY row LIMIT 1), 9e18)
  AND row < (SELECT min(row) FROM audit) + ?2`;

function beginsWith(path: string, head: Buffer): boolean {
  try {
    const source = openSource(path);
    try {
      const found = Buffer.alloc(head.length);
      return source.read(found, 0) === head.length && found.equals(head);
    } finally {
      source.close();
    }
  } catch {
    return false;
  }
}

/** Columns are strict, the file may have been edited. */
function integer(value: number | undefined): number | null {
  return value === undefined || !Number.isSafeInteger(value) ? null : value;
}

function parseLines(text: string): AuditEvent[] {
  const events: AuditEvent[] = [];
  for (const line of text.split('\n')) {
    const event = line === '' ? undefined : parseLine(line);
    // a checkpoint proves the lines and says nothing to search for
    if (event !== undefined && event.event !== 'audit_checkpoint') events.push(event);
  }
  return events;
}

function readHead(read: Read): Buffer {
  const head = Buffer.alloc(headBytes);
  return head.subarray(0, read(head, 0));
}

/** The first line holds a time and a request id, so no two files begin alike. */
function isSameFile(known: Buffer, head: Buffer): boolean {
  const length = Math.min(known.length, head.length);
  return length > 0 && known.subarray(0, length).equals(head.subarray(0, length));
}

function openRotated(path: string, head: Buffer): number | undefined {
  const name = basename(path);
  for (const entry of readdirSync(dirname(path), { withFileTypes: true })) {
    if (!entry.isFile() || entry.name === name || !entry.name.startsWith(name)) continue;
    const fd = openIfBegins(join(dirname(path), entry.name), head);
    if (fd !== undefined) return fd;
  }
  return undefined;
}

function openIfBegins(path: string, head: Buffer): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    // compressed, removed or closed to us since: its rest can't be had
    return undefined;
  }
  const found = Buffer.alloc(head.length);
  if (readSync(fd, found, 0, found.length, 0) === head.length && found.equals(head)) return fd;
  closeSync(fd);
  return undefined;
}
