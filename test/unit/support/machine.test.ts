import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RunningProcess, run, runWell } from '../../support/child-process.ts';
import { tempDirectory } from '../../support/cleanup.ts';
import { fileTree } from '../../support/file-tree.ts';
import { peakRssBytes, resetPeakRss, rssBytes } from '../../support/memory.ts';
import { smallDisk, smallDiskMissing } from '../../support/small-disk.ts';

test('temporary folders are gone after the test that made them', async () => {
  const directory = await tempDirectory();
  await writeFile(join(directory, 'file'), '12345');
  expect(await fileTree(directory)).toBe('           5  file');
  left = directory;
});

let left = '';
test('… which this test sees', () => {
  expect([left === '', existsSync(left)]).toEqual([false, false]);
});

describe('processes', () => {
  test('output can be waited for, and a process that ends first says why', async () => {
    const talking = new RunningProcess(process.execPath, [
      '-e',
      'console.log("ready on 42"); setInterval(() => {}, 1000)',
    ]);
    expect((await talking.printed(/ready on (\d+)/))[1]).toBe('42');
    await talking.end();
    expect(talking.running).toBe(false);
    const failing = new RunningProcess(process.execPath, ['-e', 'console.error("no such thing"); process.exit(3)']);
    await expect(failing.printed(/ready/)).rejects.toThrow('no such thing');
    expect(await failing.exited).toBe(3);
  });

  test('a finished program gives its output or its words', async () => {
    expect(await runWell(process.execPath, ['-e', 'console.log("fine")'])).toBe('fine\n');
    expect(await run(process.execPath, ['-e', 'process.exit(7)'])).toMatchObject({ code: 7 });
    await expect(runWell(process.execPath, ['-e', 'console.error("bad"); process.exit(7)'])).rejects.toThrow('bad');
  });
});

describe.skipIf(process.platform !== 'linux')('memory', () => {
  test('the peak stays after memory is given back, and can start again', async () => {
    const program =
      'let b = Buffer.alloc(200e6, 1); b = undefined; gc(); console.log("freed"); setInterval(() => {}, 1000)';
    const child = new RunningProcess(process.execPath, ['--expose-gc', '-e', program]);
    await child.printed(/freed/);
    expect(peakRssBytes(child.pid)).toBeGreaterThan(200e6);
    expect(rssBytes(child.pid)).toBeLessThan(200e6);
    resetPeakRss(child.pid);
    expect(peakRssBytes(child.pid)).toBeLessThan(200e6);
    await child.end('SIGKILL');
  });
});

describe.skipIf(smallDiskMissing() !== undefined)('small disk', () => {
  test('is full when it should be', async () => {
    const directory = await smallDisk(256 * 1024);
    await writeFile(join(directory, 'fits'), Buffer.alloc(100_000));
    await expect(writeFile(join(directory, 'too-big'), Buffer.alloc(300_000))).rejects.toMatchObject({
      code: 'ENOSPC',
    });
  });
});
