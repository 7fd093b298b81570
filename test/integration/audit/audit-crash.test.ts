import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../../server/db/database.ts';
import { RunningProcess, run } from '../../support/child-process.ts';
import { atTestEnd, tempDirectory } from '../../support/cleanup.ts';
import { idsInFile, idsInIndex, openLog } from './open-log.ts';

const program = join(import.meta.dirname, 'recording-main.ts');

/** What the log reported, but for a reader that did not come to read for a second: that depends on the machine. */
function errorsIn(stderr: string): readonly string[] {
  return stderr.split('\n').filter((line) => line.startsWith('error: ') && !line.includes('EAGAIN'));
}

describe('the audit log of a process', () => {
  it('has every line of the file in the index once after kill -9 and reopening, again and again', async () => {
    const directory = await tempDirectory();
    const paths = { file: join(directory, 'audit.jsonl'), databasePath: join(directory, 'state.db') };
    for (const round of ['a', 'b', 'c']) {
      const recorder = new RunningProcess(process.execPath, [program, paths.file, paths.databasePath, round, '0']);
      atTestEnd(() => recorder.end('SIGKILL'));
      // what is on disk by now survives; the rest is being written while the process is killed
      await recorder.printed(/on disk 1000\n[^]*recorded 4000\n/);
      await recorder.end('SIGKILL');
      // what a write that did not happen whole leaves
      if (round === 'b') await appendFile(paths.file, '{"event":"blob_pull","timest');
      const { log } = await openLog(paths);
      await log.flush();
      const lines = await idsInFile(paths.file);
      expect(await idsInIndex(log)).toEqual(lines);
      expect(new Set(lines).size).toBe(lines.length);
      // in order and without a gap: what is missing is only the end
      const own = lines.filter((id) => id.startsWith(round));
      expect(own).toEqual(own.map((_, index) => `${round}${String(index)}`));
      expect(own.length).toBeGreaterThanOrEqual(1000);
      await log.close();
    }
  });

  it('writes lines to standard output, each once and in order, and still keeps the index', async () => {
    const databasePath = join(await tempDirectory(), 'state.db');
    const { code, stdout, stderr } = await run(process.execPath, [program, '-', databasePath, 'x', '3000']);
    expect({ code, errors: errorsIn(stderr) }).toEqual({ code: 0, errors: [] });
    const lines = stdout.toString().trimEnd().split('\n');
    const expected = Array.from({ length: 3000 }, (_, index) => `x${String(index)}`);
    expect(lines.map((line) => (JSON.parse(line) as { request_id: string }).request_id)).toEqual(expected);
    const db = openDatabase(databasePath);
    expect(db.prepare('SELECT request_id FROM audit ORDER BY row').pluck().all()).toEqual(expected);
    db.close();
  });

  it('says so once, ends well and keeps the index when the reader of standard output went away', async () => {
    const databasePath = join(await tempDirectory(), 'state.db');
    const script = `"$0" "$@" | head -n 1 >/dev/null; exit "\${PIPESTATUS[0]}"`;
    const { code, stderr } = await run('bash', [
      '-c',
      script,
      process.execPath,
      program,
      '-',
      databasePath,
      'x',
      '30000',
    ]);
    // once when it happened, once at the end
    expect({ code, errors: errorsIn(stderr).length }).toEqual({ code: 0, errors: 2 });
    const db = openDatabase(databasePath);
    expect(db.prepare('SELECT count(*) FROM audit').pluck().get()).toBe(30_000);
    db.close();
  });
});
