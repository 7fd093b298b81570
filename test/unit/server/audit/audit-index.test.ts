import { appendFileSync, copyFileSync, cpSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AuditFile } from '../../../../server/audit/audit-file.ts';
import { AuditIndex } from '../../../../server/audit/audit-index.ts';
import { LineEncoder } from '../../../../server/audit/audit-line.ts';
import { AuditSearch } from '../../../../server/audit/audit-search.ts';
import type { AuditEvent } from '../../../../server/audit/events.ts';
import { openDatabase } from '../../../../server/db/database.ts';
import type { Database } from '../../../../server/db/database.ts';
import { atTestEnd, tempDirectory } from '../../../support/cleanup.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { pull } from './audit-events.ts';

interface Bench {
  readonly db: Database;
  readonly directory: string;
  readonly path: string;
  /** Appends lines with these request ids. */
  readonly append: (...ids: string[]) => void;
  /** Opens file and index as after a start, and indexes to the end. */
  readonly reopen: () => AuditIndex;
  /** Request ids in the index, oldest first. */
  readonly indexed: () => string[];
}

const encoder = new LineEncoder();
const lineOf = (id: string, changes: Partial<AuditEvent> = {}): string =>
  encoder.encode(pull({ requestId: id, ...changes }));

async function bench(): Promise<Bench> {
  const directory = await tempDirectory();
  const path = join(directory, 'audit.jsonl');
  const db = openDatabase(join(directory, 'state.db'));
  atTestEnd(() => Promise.resolve(void db.close()));
  return {
    db,
    directory,
    path,
    append: (...ids) => appendFileSync(path, ids.map((id) => lineOf(id)).join('')),
    reopen: () => {
      const file = new AuditFile(path, 0);
      atTestEnd(() => Promise.resolve(file.close()));
      const index = new AuditIndex(db, directory);
      index.attach(file);
      while (!index.catchUp());
      return index;
    },
    indexed: () => new AuditSearch(db, new FakeClock()).recent(100_000).map(({ requestId }) => requestId),
  };
}

describe('the index of the audit log', () => {
  it('holds every field of every line', async () => {
    const { path, reopen, db } = await bench();
    const events = [
      pull({ code: 'UPSTREAM_FAILED', detail: 'because', status: 502, outcome: 'failed', cached: false }),
      { event: 'mirror_stop', at: 5, artifact: '', clientIp: '', cached: false, outcome: 'ok', requestId: '' } as const,
    ];
    writeFileSync(path, events.map((event) => encoder.encode(event)).join(''));
    reopen();
    expect(new AuditSearch(db, new FakeClock()).recent(10)).toEqual(events);
  });

  it('adds after a restart what came to the file meanwhile, once', async () => {
    const { append, reopen, indexed } = await bench();
    append('1', '2');
    reopen();
    append('3');
    reopen();
    reopen();
    expect(indexed()).toEqual(['1', '2', '3']);
  });

  it('stores rows and how far it came in one transaction: a failed one is repeated whole', async () => {
    const { append, reopen, indexed, db } = await bench();
    db.exec("CREATE TRIGGER refuse BEFORE INSERT ON audit_files BEGIN SELECT raise(ABORT, 'no'); END");
    append('1', '2');
    expect(() => reopen()).toThrow();
    expect(indexed()).toEqual([]);
    db.exec('DROP TRIGGER refuse');
    reopen();
    expect(indexed()).toEqual(['1', '2']);
  });

  it('is made anew from the file when the database is', async () => {
    const { append, reopen, indexed, db } = await bench();
    append('1', '2');
    reopen();
    db.exec('DELETE FROM audit; DELETE FROM audit_texts; DELETE FROM audit_files');
    reopen();
    expect(indexed()).toEqual(['1', '2']);
  });

  it('indexes the rest of a file rotated away while nobody looked, then the new one', async () => {
    const { path, append, reopen, indexed } = await bench();
    append('1');
    reopen();
    append('2', '3');
    renameSync(path, `${path}.1`);
    append('4');
    reopen();
    reopen();
    expect(indexed()).toEqual(['1', '2', '3', '4']);
  });

  it('goes on with a file that was copied and emptied in place', async () => {
    const { path, append, reopen, indexed } = await bench();
    append('1');
    const index = reopen();
    append('2');
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    expect(index.isAhead).toBe(true);
    append('3');
    reopen();
    expect(indexed()).toEqual(['1', '2', '3']);
  });

  it('starts with a new file whose predecessor is gone', async () => {
    const { path, append, reopen, indexed } = await bench();
    append('1', '2', '3');
    reopen();
    rmSync(path);
    append('4');
    reopen();
    expect(indexed()).toEqual(['1', '2', '3', '4']);
  });

  it('keeps its rows when a power cut took the end of the file, and repeats none', async () => {
    const { path, append, reopen, indexed } = await bench();
    append('1', '2', '3');
    reopen();
    truncateSync(path, lineOf('1').length);
    reopen();
    append('4', '5', '6');
    reopen();
    reopen();
    expect(indexed()).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  it('remembers each file when the setting changes there and back', async () => {
    const first = await bench();
    first.append('1');
    first.reopen();
    const other = new AuditFile(`${first.path}-other`, 0);
    other.append(Buffer.from(lineOf('2')));
    new AuditIndex(first.db, first.directory).attach(other);
    const index = new AuditIndex(first.db, first.directory);
    index.attach(other);
    index.catchUp();
    other.close();
    first.reopen();
    expect(first.indexed()).toEqual(['1', '2']);
  });

  it('knows a file in the data directory by its place there, so that a moved directory shows nothing twice', async () => {
    const { db, directory, append, reopen } = await bench();
    append('1', '2');
    reopen();
    const moved = await tempDirectory();
    cpSync(directory, moved, { recursive: true });
    await db.backup(join(moved, 'state.db'));
    const movedDb = openDatabase(join(moved, 'state.db'));
    atTestEnd(() => Promise.resolve(void movedDb.close()));
    appendFileSync(join(moved, 'audit.jsonl'), lineOf('3'));
    const file = new AuditFile(join(moved, 'audit.jsonl'), 0);
    const index = new AuditIndex(movedDb, moved);
    index.attach(file);
    while (!index.catchUp());
    file.close();
    expect(new AuditSearch(movedDb, new FakeClock()).recent(10).map(({ requestId }) => requestId)).toEqual([
      '1',
      '2',
      '3',
    ]);
    expect(movedDb.prepare('SELECT path FROM audit_files').pluck().all()).toEqual(['audit.jsonl']);
  });

  it.each(['/gone/data/audit.jsonl', undefined])(
    'takes over what an older version indexed under the absolute path %s',
    async (gone) => {
      const { db, path, append, reopen, indexed } = await bench();
      append('1', '2');
      reopen();
      db.prepare('UPDATE audit_files SET path = ?').run(gone ?? path);
      append('3');
      // rotated away before the new version starts, where the path still tells
      if (gone === undefined) {
        renameSync(path, `${path}.1`);
        append('4');
      }
      reopen();
      expect(indexed()).toEqual(gone === undefined ? ['1', '2', '3', '4'] : ['1', '2', '3']);
      expect(db.prepare('SELECT path FROM audit_files').pluck().all()).toEqual(['audit.jsonl']);
    },
  );

  it('passes over lines that are not its own, however long, and loses none after them', async () => {
    const { path, append, reopen, indexed } = await bench();
    append('1');
    appendFileSync(path, `not json\n\n${'x'.repeat(700_000)}\n{"event":"unheard_of"}\n`);
    append('2');
    reopen();
    expect(indexed()).toEqual(['1', '2']);
  });

  it('waits for the end of a line that is being written', async () => {
    const { path, append, reopen, indexed } = await bench();
    append('1');
    const index = reopen();
    const line = lineOf('2');
    appendFileSync(path, line.slice(0, 50));
    index.catchUp();
    expect(indexed()).toEqual(['1']);
    appendFileSync(path, line.slice(50));
    index.catchUp();
    expect(indexed()).toEqual(['1', '2']);
  });

  it('takes many slices for a long file', async () => {
    const { append, reopen, indexed } = await bench();
    const ids = Array.from({ length: 3000 }, (_, index) => String(index));
    append(...ids);
    reopen();
    expect(indexed()).toEqual(ids);
  });
});
