import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../../server/errors.ts';
import { systemClock } from '../../../server/lib/clock.ts';
import { runWell } from '../../support/child-process.ts';
import { atTestEnd, tempDirectory } from '../../support/cleanup.ts';
import { rejectsWith } from '../../support/expect-code.ts';
import { pull } from '../../unit/server/audit/audit-events.ts';
import { idsInFile, idsInIndex, openLog } from './open-log.ts';
import type { OpenLog } from './open-log.ts';

const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

/** A file system of 256 KiB with all but some space taken by a file that can go. */
async function smallDisk(): Promise<{ readonly directory: string; readonly free: () => Promise<void> }> {
  const directory = join(await tempDirectory(), 'disk');
  await mkdir(directory);
  await runWell('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', directory]);
  atTestEnd(async () => {
    await runWell('umount', ['--lazy', directory]);
  });
  await writeFile(join(directory, 'ballast'), Buffer.alloc(200 * 1024));
  return { directory, free: () => rm(join(directory, 'ballast')) };
}

async function fullDisk(
  queueBytes: number,
): Promise<OpenLog & { readonly free: () => Promise<void>; readonly recorded: string[] }> {
  const disk = await smallDisk();
  const opened = await openLog({ file: join(disk.directory, 'audit.jsonl'), clock: systemClock, queueBytes });
  const recorded: string[] = [];
  const said = opened.nextError();
  // some 60 KiB: more than is free, less than will be
  for (let index = 0; index < 160; index += 1) {
    recorded.push(String(index));
    opened.log.record(pull({ requestId: String(index) }));
  }
  expect((await said).code).toBe('STORAGE_FULL');
  return { ...opened, free: disk.free, recorded };
}

describe.skipIf(!mayMount)('the audit log on a full disk (a small tmpfs: needs Linux and root)', () => {
  it('keeps what does not fit, says so, and writes it when there is space: no line torn, missing or twice', async () => {
    const { log, file, free, recorded, errors } = await fullDisk(1024 * 1024);
    await rejectsWith(log.flush(), StorageError, 'STORAGE_FULL');
    const written = await idsInFile(file);
    expect(written).toEqual(recorded.slice(0, written.length));
    expect(written.length).toBeGreaterThan(0);
    expect(log.health()).toMatchObject({ state: 'failing', problem: { code: 'STORAGE_FULL' }, lostEvents: 0 });
    expect(log.health().queuedBytes).toBeGreaterThan(0);
    await free();
    log.record(pull({ requestId: 'last' }));
    await log.flush();
    expect(await idsInFile(file)).toEqual([...recorded, 'last']);
    expect(await idsInIndex(log)).toEqual([...recorded, 'last']);
    expect([log.health(), errors.length]).toEqual([
      { state: 'ok', problem: undefined, queuedBytes: 0, lostEvents: 0 },
      1,
    ]);
  });

  it('goes on by itself when there is space', async () => {
    const { file, free, recorded } = await fullDisk(1024 * 1024);
    const sizeBefore = (await stat(file)).size;
    await free();
    await expect.poll(async () => (await stat(file)).size, { timeout: 10_000 }).toBeGreaterThan(sizeBefore);
    await expect.poll(() => idsInFile(file)).toEqual(recorded);
  });

  it('counts and reports what finds no room in the queue either', async () => {
    const { log, file, free, recorded, errors } = await fullDisk(64 * 1024);
    for (let index = 0; index < 500; index += 1) log.record(pull({ requestId: `more-${String(index)}` }));
    const { lostEvents } = log.health();
    expect(lostEvents).toBeGreaterThan(0);
    expect(log.health().queuedBytes).toBeLessThanOrEqual(64 * 1024);
    expect(errors.map(({ code }) => code)).toEqual(['STORAGE_FULL', 'STORAGE_FULL']);
    await free();
    await log.flush();
    log.record(pull({ requestId: 'last' }));
    await log.flush();
    const written = await idsInFile(file);
    const pulls = written.filter((id) => id !== '');
    expect(new Set(pulls).size).toBe(pulls.length);
    expect(recorded.filter((id) => !pulls.includes(id))).toEqual([]);
    expect(pulls.length + lostEvents).toBe(recorded.length + 500 + 1);
    expect(await idsInIndex(log)).toEqual(written);
    const gaps = (await log.search({ event: 'audit_gap' })).rows;
    expect(gaps.map(({ outcome, detail }) => [outcome, Number.parseInt(detail ?? '', 10)])).toEqual([
      ['failed', lostEvents],
    ]);
    expect(pulls.at(-1)).toBe('last');
  });

  it('says in the log how many events it misses, also when nothing is recorded after them', async () => {
    const { log, file, free } = await fullDisk(64 * 1024);
    for (let index = 0; index < 500; index += 1) log.record(pull({ requestId: `more-${String(index)}` }));
    const { lostEvents } = log.health();
    await free();
    await log.close();
    const gaps = (await readFile(file, 'utf8')).split('\n').filter((line) => line.includes('"event":"audit_gap"'));
    expect(gaps.map((line) => Number.parseInt((JSON.parse(line) as { detail: string }).detail, 10))).toEqual([
      lostEvents,
    ]);
  });

  it('says at close what it could not write', async () => {
    const { log, errors } = await fullDisk(1024 * 1024);
    await log.close();
    expect(errors.map(({ code }) => code)).toEqual(['STORAGE_FULL', 'STORAGE_FULL', 'STORAGE_FAILED']);
  });
});
