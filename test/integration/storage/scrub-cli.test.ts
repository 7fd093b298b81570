import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runCli } from '../../../server/cli/program.ts';
import { layoutOf } from '../../../server/storage/layout.ts';
import { image } from '../../support/image-builder.ts';
import { startMirrorProcess } from '../../support/mirror-process.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { fakeIo } from '../../unit/server/cli/fake-io.ts';

const app = image({ layers: ['a layer that rots', 'one that does not'] });
const layer = app.layers[0]!.digest;

/** The command on a data directory, with the settings of the machine kept out. */
async function scrub(dataDirectory: string, ...more: readonly string[]) {
  const io = fakeIo();
  const code = await runCli(['scrub', '--data-dir', dataDirectory, ...more], io);
  return { code, out: io.stdout, err: io.stderr };
}

function rot(dataDirectory: string): void {
  const path = layoutOf(dataDirectory, '').blob(layer);
  const bytes = readFileSync(path);
  bytes[3] = (bytes[3] ?? 0) ^ 8;
  writeFileSync(path, bytes);
}

test('reads a whole round while no mirror runs, and says in its exit code that damage remains', async () => {
  const mirror = await startTempMirror({ settings: { upstreamRegistry: '', upstreams: [] } });
  await pushGraph(mirror.url, 'team/own', 'v1', app);
  await mirror.stop();
  const whole = await scrub(mirror.dataDirectory, '--rate', '0 B');
  expect({ code: whole.code, first: whole.out[0], last: whole.out.at(-1) }).toEqual({
    code: 0,
    first: expect.stringMatching(/^Round {5}finished, 3 of 3 blobs, /) as string,
    last: 'Damaged   0 not repaired, 0 repaired',
  });
  rot(mirror.dataDirectory);
  const rotten = await scrub(mirror.dataDirectory);
  expect(rotten.code).toBe(1);
  expect(rotten.out.slice(-3)).toEqual([
    'Damaged   1 not repaired, 0 repaired',
    `blob ${layer}  wrong bytes, not repaired: No upstream has it. Push it again, and it is whole.`,
    '    breaks  team/own:v1',
  ]);
  const status = await scrub(mirror.dataDirectory, '--status', '--json');
  expect({
    code: status.code,
    unrepaired: (JSON.parse(status.out.join('\n')) as { unrepaired: number }).unrepaired,
  }).toEqual({ code: 1, unrepaired: 1 });
});

test('asks the mirror that runs on the data directory', async () => {
  const mirror = await startMirrorProcess();
  await pushGraph(mirror.url, 'team/own', 'v1', app);
  const { code, out } = await scrub(mirror.dataDirectory, '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out.join('\n'))).toMatchObject({ running: false, checkedBlobs: 3, unrepaired: 0, damaged: [] });
});

test('refuses a rate that is none, and starts nothing', async () => {
  const io = fakeIo();
  const code = await runCli(['scrub', '--data-dir', '/nonexistent/zhi', '--rate', 'fast'], io);
  expect({ code, err: io.stderr }).toEqual({ code: 2, err: ['--rate: "fast" is not a size such as "50 MiB".'] });
});
