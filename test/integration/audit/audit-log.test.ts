import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { routes } from '../../../server/api/contract.ts';
import type { AuditEvent } from '../../../server/audit/events.ts';
import { openDatabase } from '../../../server/db/database.ts';
import { ConfigError, StorageError } from '../../../server/errors.ts';
import { tempDirectory } from '../../support/cleanup.ts';
import { rejectsWith } from '../../support/expect-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { pull } from '../../unit/server/audit/audit-events.ts';
import { idsInFile, idsInIndex, openLog } from './open-log.ts';

const workers = vi.hoisted(() => [] as Worker[]);
vi.mock(import('../../../server/lib/worker.ts'), async (original) => {
  const { startWorker } = await original();
  return {
    startWorker: (entry: string, data: unknown): Worker => {
      const worker = startWorker(entry, data);
      workers.push(worker);
      return worker;
    },
  };
});
afterEach(() => {
  workers.length = 0;
});

const events = (from: number, to: number): AuditEvent[] =>
  Array.from({ length: to - from + 1 }, (_, index) => pull({ requestId: String(from + index) }));
const names = (from: number, to: number): string[] => events(from, to).map(({ requestId }) => requestId);

describe('the audit log', () => {
  it('writes each event as one line, in order, and finds it in the index', async () => {
    const { log, file, errors } = await openLog();
    for (const event of events(1, 20_000)) log.record(event);
    await log.flush();
    expect(await idsInFile(file)).toEqual(names(1, 20_000));
    expect(await idsInIndex(log)).toEqual(names(1, 20_000));
    expect([log.pressure(), log.health(), errors]).toEqual([
      0,
      { state: 'ok', problem: undefined, queuedBytes: 0, lostEvents: 0 },
      [],
    ]);
  });

  it('writes within 100 ms without being asked', async () => {
    const clock = new FakeClock();
    const { log, file } = await openLog({ clock });
    log.record(pull({ requestId: '1' }));
    await clock.advance(100);
    await vi.waitFor(async () => expect(await idsInFile(file)).toEqual(['1']));
  });

  it('writes at close what was recorded before it', async () => {
    const { log, file } = await openLog();
    for (const event of events(1, 500)) log.record(event);
    await log.close();
    expect(await idsInFile(file)).toEqual(names(1, 500));
  });

  it('answers the contract’s search with what was recorded before the question', async () => {
    const { log } = await openLog();
    log.record(pull({ artifact: 'up.test/a:1', requestId: 'a' }));
    log.record(pull({ artifact: 'up.test/b:1', requestId: 'b' }));
    await log.flush();
    const query = routes.searchAudit.query.parse({ text: 'test/a' });
    const page = routes.searchAudit.response.parse(await log.search(query));
    expect(page.rows.map(({ id, artifact }) => [id, artifact])).toEqual([['a', 'up.test/a:1']]);
  });

  it('remembers the last requests and the clients over a restart', async () => {
    const first = await openLog();
    for (const event of events(1, 1200)) first.log.record(event);
    await first.log.close();
    const { log } = await openLog(first);
    expect(log.recent(3).map(({ id }) => id)).toEqual(['1200', '1199', '1198']);
    expect(await log.clients(0)).toMatchObject([{ clientIp: '10.0.1.42', requests: 1200, hits: 1200 }]);
  });

  it('goes on in a new file when the old one was renamed, and indexes both', async () => {
    const { log, file } = await openLog();
    for (const event of events(1, 3)) log.record(event);
    await log.flush();
    await rename(file, `${file}.1`);
    for (const event of events(4, 6)) log.record(event);
    await log.flush();
    expect([await idsInFile(`${file}.1`), await idsInFile(file)]).toEqual([names(1, 3), names(4, 6)]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await idsInIndex(log)).toEqual(names(1, 6));
  });

  it('goes on when the file was removed, and in the old one while no new one can be made', async () => {
    const directory = await tempDirectory();
    const file = join(directory, 'logs', 'audit.jsonl');
    const { log, nextError } = await openLog({ file });
    await rename(join(directory, 'logs'), join(directory, 'moved'));
    await writeFile(join(directory, 'logs'), 'in the way');
    const said = nextError();
    log.record(pull({ requestId: '1' }));
    await log.flush();
    expect((await said).code).toBe('STORAGE_FAILED');
    expect(log.health().state).toBe('behind');
    await rm(join(directory, 'logs'));
    log.record(pull({ requestId: '2' }));
    await log.flush();
    expect([await idsInFile(join(directory, 'moved', 'audit.jsonl')), await idsInFile(file)]).toEqual([['1'], ['2']]);
    expect([log.health().state, await idsInIndex(log)]).toEqual(['ok', ['1', '2']]);
  });

  it('moves a torn line aside at opening, says so and indexes the lines before it', async () => {
    const first = await openLog();
    first.log.record(pull({ requestId: '1' }));
    await first.log.close();
    const torn = `${await readFile(first.file, 'utf8')}{"event":"artifact_pu`;
    await writeFile(first.file, torn);
    const { log, errors } = await openLog(first);
    log.record(pull({ requestId: '2' }));
    await log.flush();
    expect(await idsInFile(first.file)).toEqual(['1', '2']);
    expect(await idsInIndex(log)).toEqual(['1', '2']);
    expect(errors.map(({ code }) => code)).toEqual(['STORAGE_FAILED']);
    const [aside = ''] = (await readdir(join(first.file, '..'))).filter((name) => name.includes('.torn-'));
    expect(await readFile(join(first.file, '..', aside), 'utf8')).toBe('{"event":"artifact_pu');
  });

  it('keeps recording while the index fails, and catches up afterwards', async () => {
    const { log, file, databasePath, errors } = await openLog();
    const db = openDatabase(databasePath);
    db.exec("CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'no'); END");
    log.record(pull({ requestId: '1' }));
    await rejectsWith(log.flush(), StorageError, 'STORAGE_FAILED');
    log.record(pull({ requestId: '2' }));
    await rejectsWith(log.flush(), StorageError, 'STORAGE_FAILED');
    expect([await idsInFile(file), await idsInIndex(log), log.health().state]).toEqual([['1', '2'], [], 'behind']);
    expect(errors.map(({ code }) => code)).toEqual(['STORAGE_FAILED']);
    db.exec('DROP TRIGGER refuse');
    db.close();
    await log.flush();
    expect([await idsInIndex(log), log.health().state]).toEqual([['1', '2'], 'ok']);
  });

  it('appends at once, and loses nothing, when the queue is full', async () => {
    const { log, file, errors } = await openLog({ queueBytes: 1000, clock: new FakeClock() });
    for (const event of events(1, 50)) log.record(event);
    const before = await idsInFile(file);
    await log.flush();
    expect(before.length).toBeGreaterThanOrEqual(48);
    expect(new Set(await idsInFile(file))).toEqual(new Set(names(1, 50)));
    expect(new Set(await idsInIndex(log))).toEqual(new Set(names(1, 50)));
    expect([log.health().lostEvents, errors]).toEqual([0, []]);
  });

  it('starts its writer again when it died, and writes what came meanwhile once', async () => {
    const clock = new FakeClock();
    const { log, file, nextError } = await openLog({ clock });
    log.record(pull({ requestId: '1' }));
    await log.flush();
    const said = nextError();
    log.record(pull({ requestId: '2' }));
    await workers[0]?.terminate();
    await said;
    expect(log.health().state).toBe('failing');
    log.record(pull({ requestId: '3' }));
    await rejectsWith(log.flush(), StorageError, 'STORAGE_FAILED');
    await clock.advance(1000);
    log.record(pull({ requestId: '4' }));
    await log.flush();
    expect([await idsInFile(file), await idsInIndex(log)]).toEqual([names(1, 4), names(1, 4)]);
    expect(log.health()).toMatchObject({ state: 'ok', lostEvents: 0 });
  });

  it('refuses a file that can’t be written, with one sentence', async () => {
    const directory = await tempDirectory();
    await mkdir(join(directory, 'audit.jsonl'));
    const error = await rejectsWith(openLog({ file: join(directory, 'audit.jsonl') }), ConfigError, 'CONFIG_INVALID');
    expect(error.problems).toHaveLength(1);
  });
});
