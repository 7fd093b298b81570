import { appendFile, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chainLines, chainStart, readSeal } from '../../../../server/audit/chain.ts';
import { fingerprintOf, makeKeyPair, signedLine, signerOf } from '../../../../server/audit/signing.ts';
import { verifyLog } from '../../../../server/audit/verify.ts';
import type { VerifyReport } from '../../../../server/audit/verify.types.ts';
import { openTrail, writePulls } from './trail-builder.ts';
import type { TestTrail } from './trail-builder.ts';

const dayMs = 86_400_000;

/** Lines 1 to 20, a checkpoint as line 21, lines 22 to 41, a checkpoint as line 42. */
async function signedLog(): Promise<TestTrail> {
  const log = await openTrail();
  log.write(1, 20);
  log.trail.checkpoint('lines');
  log.write(21, 40);
  log.trail.checkpoint('stop');
  return log;
}

async function changeLines(log: TestTrail, change: (lines: string[]) => readonly string[]): Promise<void> {
  const lines = (await readFile(log.file, 'utf8')).trimEnd().split('\n');
  await writeFile(log.file, `${change(lines).join('\n')}\n`);
}

function found({ problems }: VerifyReport): (readonly [string, number])[] {
  return problems.map(({ kind, line }) => [kind, line] as const);
}

describe('verifying an audit log', () => {
  it('finds nothing wrong with what was written, and says what it read', async () => {
    const log = await signedLog();
    const report = await log.verify();
    expect(report).toEqual({
      files: [{ path: log.file, lines: 42, notChained: 0, firstSeq: 1, lastSeq: 42 }],
      lines: 42,
      notChained: 0,
      checkpoints: 2,
      unsigned: 0,
      firstAt: log.clock.now(),
      lastAt: log.clock.now(),
      firstSeq: 1,
      lastSeq: 42,
      deletedThrough: undefined,
      keys: [{ fingerprint: fingerprintOf(log.signer.publicKey), checkpoints: 2, isKnown: true }],
      problems: [],
      problemsTotal: 0,
    });
  });

  it.each<readonly [string, (lines: string[]) => readonly string[], readonly (readonly [string, number])[]]>([
    ['an edited line', (lines) => lines.with(4, lines[4]?.replace('"hit"', '"miss"') ?? ''), [['edited', 5]]],
    ['a removed line', (lines) => lines.toSpliced(4, 1), [['removed', 5]]],
    ['three removed lines', (lines) => lines.toSpliced(4, 3), [['removed', 5]]],
    [
      'two lines that changed places',
      (lines) => lines.with(4, lines[5] ?? '').with(5, lines[4] ?? ''),
      [['reordered', 6]],
    ],
    ['a line that stands twice', (lines) => lines.toSpliced(4, 0, lines[4] ?? ''), [['inserted', 6]]],
    [
      'a line without a place',
      (lines) => lines.toSpliced(4, 0, '{"event":"blob_pull","timestamp":"2026-03-01T10:00:00.000Z"}'),
      [['inserted', 5]],
    ],
    ['a cut end', (lines) => lines.slice(0, 30), [['truncated', 30]]],
    ['a cut beginning', (lines) => lines.slice(10), [['truncated', 1]]],
    [
      'a checkpoint that says something else',
      (lines) => lines.with(20, lines[20]?.replace('lines up to 20', 'lines up to 19') ?? ''),
      [
        ['bad-signature', 21],
        ['edited', 21],
      ],
    ],
  ])('finds %s', async (_, change, expected) => {
    const log = await signedLog();
    await changeLines(log, change);
    expect(found(await log.verify())).toEqual(expected);
  });

  it('finds a chain that somebody made anew without the key', async () => {
    const log = await signedLog();
    await changeLines(log, (lines) => {
      const plain = lines
        .map((line) => line.replace(/,"seq":\d+,"prev".*$/, '}').replace('"hit"', '"miss"'))
        .filter((line) => !line.includes('audit_checkpoint'));
      const forged = chainLines(Buffer.from(`${plain.join('\n')}\n`), chainStart);
      return forged.bytes.toString().trimEnd().split('\n');
    });
    expect(found(await log.verify())).toEqual([['truncated', 40]]);
  });

  it('finds a chain that somebody made anew with a key of his own', async () => {
    const log = await signedLog();
    const forger = signerOf(makeKeyPair().privateKey);
    await changeLines(log, (lines) => {
      let head = chainStart;
      return lines.map((line) => {
        const plain = `${line.replace(/,"seq":\d+,"prev".*$/, '}').replace('"hit"', '"miss"')}\n`;
        const made = plain.includes('audit_checkpoint')
          ? signedLine(plain, head, forger)
          : chainLines(Buffer.from(plain), head);
        head = made.head;
        return made.bytes.toString().trimEnd();
      });
    });
    expect(found(await log.verify())).toEqual([
      ['unknown-key', 21],
      ['unknown-key', 42],
      ['edited', 42],
    ]);
  });

  it('says of lines from before there was a chain that they are not chained, and nothing worse', async () => {
    const log = await openTrail();
    await appendFile(log.file, '{"event":"blob_pull","timestamp":"2026-02-28T10:00:00.000Z","artifact":"a"}\n');
    const trail = log.reopen();
    writePulls(trail, log.clock, 1, 3);
    trail.checkpoint('stop');
    const { lines, notChained, problems } = await log.verify();
    expect({ lines, notChained, problems }).toEqual({ lines: 5, notChained: 1, problems: [] });
  });

  it('follows the chain over rotated files, and misses one that was removed', async () => {
    const log = await openTrail({ rotateBytes: 2000 });
    for (let index = 1; index <= 30; index += 5) {
      log.write(index, index + 4);
      if (log.trail.isFull) log.trail.rotate().close();
    }
    log.trail.checkpoint('stop');
    const report = await log.verify();
    expect(report.problems).toEqual([]);
    expect(report.files.length).toBeGreaterThan(2);
    const [, second] = (await readdir(log.directory)).filter((name) => name.startsWith('audit-')).sort();
    await rm(join(log.directory, second ?? ''));
    expect((await log.verify()).problems.map(({ kind }) => kind)).toEqual(['removed']);
  });

  it('goes on after the last signed line when the log was cut short, so that the hole stays to be seen', async () => {
    const log = await signedLog();
    await changeLines(log, (lines) => lines.slice(0, 30));
    const trail = log.reopen();
    expect(trail.missing).toEqual({ from: 31, to: 42 });
    writePulls(trail, log.clock, 50, 60);
    trail.checkpoint('stop');
    expect(found(await log.verify())).toEqual([['removed', 31]]);
  });

  it('verifies files by name without a database, and one compressed', async () => {
    const log = await signedLog();
    const { gzipSync } = await import('node:zlib');
    await writeFile(`${log.file}.1.gz`, gzipSync(await readFile(log.file)));
    const report = await verifyLog({ files: [`${log.file}.1.gz`], isWhole: false });
    expect([report.problems, report.lines, report.keys]).toEqual([
      [],
      42,
      [{ fingerprint: fingerprintOf(log.signer.publicKey), checkpoints: 2 }],
    ]);
  });

  it('finds any line changed, removed, doubled, moved or added anywhere, among files', async () => {
    const random = seeded(20260301);
    const log = await openTrail({ rotateBytes: 8000 });
    for (let index = 1; index <= 200; index += 4) {
      log.write(index, index + 3);
      if (index % 24 === 1) log.trail.checkpoint('lines');
      if (log.trail.isFull) log.trail.rotate().close();
    }
    log.trail.checkpoint('stop');
    expect((await log.verify()).problems).toEqual([]);
    const files = (await readdir(log.directory)).filter((name) => name.endsWith('.jsonl'));
    for (let round = 0; round < 300; round += 1) {
      const path = join(log.directory, files[Math.floor(random() * files.length)] ?? '');
      const original = await readFile(path, 'utf8');
      const [kind, changed] = damage(original.trimEnd().split('\n'), random);
      await writeFile(path, `${changed.join('\n')}\n`);
      const report = await log.verify();
      expect([kind, round, report.problemsTotal > 0]).toEqual([kind, round, true]);
      await writeFile(path, original);
    }
  }, 60_000);
});

describe('rotation and retention', () => {
  it('begins a file for each day of UTC', async () => {
    const log = await openTrail({ rotateDaily: true });
    log.write(1, 3);
    expect(log.trail.isFull).toBe(false);
    await log.clock.advance(dayMs);
    expect(log.trail.isFull).toBe(true);
    log.trail.rotate().close();
    log.write(4, 6);
    expect((await readdir(log.directory)).filter((name) => name.endsWith('.jsonl')).sort()).toEqual([
      'audit-20260301-000000000001.jsonl',
      'audit.jsonl',
    ]);
    const last = (await readFile(join(log.directory, 'audit-20260301-000000000001.jsonl'), 'utf8'))
      .trimEnd()
      .split('\n')
      .at(-1);
    expect(last).toContain('"event":"audit_checkpoint"');
  });

  it('deletes files after their time and says so, signed, so that the rest verifies', async () => {
    const log = await openTrail({ rotateDaily: true, keepForMs: 2 * dayMs });
    for (let day = 0; day < 5; day += 1) {
      log.write(day * 10, day * 10 + 9);
      await log.clock.advance(dayMs);
      log.trail.rotate().close();
    }
    const deleted = log.trail.deleteOld();
    expect(deleted).toHaveLength(2);
    const report = await log.verify();
    expect([report.problems, report.deletedThrough, report.firstSeq]).toEqual([[], 22, 23]);
    expect(log.trail.deleteOld()).toEqual([]);
  });

  it('misses files that somebody else deleted', async () => {
    const log = await openTrail({ rotateDaily: true });
    log.write(1, 3);
    await log.clock.advance(dayMs);
    log.trail.rotate().close();
    log.write(4, 6);
    await rm(join(log.directory, 'audit-20260301-000000000001.jsonl'));
    expect(found(await log.verify())).toEqual([['truncated', 1]]);
  });
});

describe('a place in the chain', () => {
  it('is not to be forged by what a client sends', () => {
    const forged = '","seq":7,"prev":"' + 'a'.repeat(64) + '"}';
    const line = Buffer.from(JSON.stringify({ event: 'blob_pull', user_agent: forged }));
    expect(readSeal(line)).toBeUndefined();
    const { bytes } = chainLines(Buffer.concat([line, Buffer.from('\n')]), chainStart);
    expect(readSeal(bytes.subarray(0, -1))).toEqual({ seq: 1, prev: chainStart.hash });
  });
});

/** Changes one thing, so that the lines are not what they were. */
function damage(lines: string[], random: () => number): readonly [string, readonly string[]] {
  const at = Math.floor(random() * (lines.length - 1));
  const line = lines[at] ?? '';
  const kind = ['flip', 'remove', 'double', 'swap', 'insert'][Math.floor(random() * 5)] ?? 'flip';
  if (kind === 'remove') return [kind, lines.toSpliced(at, 1)];
  if (kind === 'double') return [kind, lines.toSpliced(at, 0, line)];
  if (kind === 'swap') return [kind, lines.with(at, lines[at + 1] ?? '').with(at + 1, line)];
  if (kind === 'insert') return [kind, lines.toSpliced(at, 0, line.replace(/,"seq".*$/, '}'))];
  const position = Math.floor(random() * line.length);
  const other = line[position] === 'x' ? 'y' : 'x';
  return [kind, lines.with(at, line.slice(0, position) + other + line.slice(position + 1))];
}

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
