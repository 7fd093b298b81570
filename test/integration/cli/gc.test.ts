import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../../server/cli/program.ts';
import { cleanDisk, compareDisk } from '../../support/disk-check.ts';
import { image } from '../../support/image-builder.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { startMirrorProcess } from '../../support/mirror-process.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { send } from '../protocol/client.ts';
import { fakeIo } from '../../unit/server/cli/fake-io.ts';

const graph = image({ layers: ['a layer that goes'], config: 'config' });
const settings = { gc: { every: '0s', delay: '0s' }, history: { keepFor: '0s' } };

interface Mirror {
  readonly url: string;
  readonly dataDirectory: string;
}

/** A mirror with an image that was deleted. */
async function deleted<M extends Mirror>(starting: Promise<M>): Promise<M> {
  const mirror = await starting;
  await pushGraph(mirror.url, 'team/app', 'v1', graph);
  expect((await send('DELETE', `${mirror.url}/v2/team/app/manifests/v1`)).status).toBe(202);
  return mirror;
}

async function gc(mirror: Mirror, ...args: readonly string[]) {
  const io = fakeIo();
  const code = await runCli(['gc', '--data-dir', mirror.dataDirectory, ...args], io);
  return { code, out: io.stdout.join('\n'), err: io.stderr };
}

describe('zhi-mirror gc', () => {
  it('shows what would go, and removes it, by the mirror that is running', async () => {
    const mirror = await deleted(startMirrorProcess({ settings }));
    const shown = await gc(mirror, '--dry-run');
    expect(shown.out).toContain('3 items would go; 23 B on the disk would become free.');
    expect(compareDisk(mirror.dataDirectory)).toMatchObject(cleanDisk(23));
    const { code, out } = await gc(mirror, '--json');
    expect([code, JSON.parse(out)]).toEqual([0, expect.objectContaining({ itemsTotal: 3, freedBytes: 23 })]);
    expect(compareDisk(mirror.dataDirectory)).toMatchObject(cleanDisk(0));
    expect(await gc(mirror)).toEqual({ code: 0, out: 'Nothing to collect.', err: [] });
  });

  it('waits on a data directory that no mirror has open for as long as clients may count on what they were told', async () => {
    const mirror = await deleted(startTempMirror({ settings }));
    await mirror.stop();
    const file = join(mirror.dataDirectory, '..', `${String(process.pid)}-gc.yaml`);
    writeFileSync(file, 'history: { keepFor: 0s }\n');
    const early = await gc(mirror, '--settings', file);
    expect(early.out).toMatch(/^Nothing to collect\.\nUntil .* UTC only leftover files go/);
    writeFileSync(file, 'history: { keepFor: 0s }\ngc: { delay: 0s }\n');
    expect((await gc(mirror, '--settings', file)).out).toContain('3 items removed; 23 B on the disk became free.');
    expect(compareDisk(mirror.dataDirectory)).toMatchObject(cleanDisk(0));
  });

  it('refuses what it does not know', async () => {
    const { code, err } = await gc({ url: '', dataDirectory: '/nowhere' }, '--dry');
    expect([code, err.length]).toEqual([2, 1]);
  });
});
