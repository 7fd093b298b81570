import { describe, expect, it } from 'vitest';
import { runCli } from '../../../server/cli/program.ts';
import { ask } from '../../support/ask.ts';
import { image } from '../../support/image-builder.ts';
import { startMirrorProcess } from '../../support/mirror-process.ts';
import type { MirrorProcess } from '../../support/mirror-process.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { fakeIo } from '../../unit/server/cli/fake-io.ts';

const own = 'team/app';
const first = image({ layers: ['first'] });
const second = image({ layers: ['second'] });

/** A running mirror to which two images were pushed under one tag, one after the other. */
async function pushedTwice(): Promise<MirrorProcess> {
  const mirror = await startMirrorProcess();
  await pushGraph(mirror.url, own, 'v1', first);
  await pushGraph(mirror.url, own, 'v1', second);
  return mirror;
}

interface Ran {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

async function run({ dataDirectory }: MirrorProcess, ...args: readonly string[]): Promise<Ran> {
  const io = fakeIo();
  const code = await runCli([...args, '--data-dir', dataDirectory], io);
  return { code, out: io.stdout, err: io.stderr };
}

async function digestNow(mirror: MirrorProcess, reference: string): Promise<unknown> {
  const answer = await ask(`${mirror.url}/v2/${own}/manifests/${reference}`);
  return answer.status === 200 ? answer.headers['docker-content-digest'] : answer.status;
}

describe('undoing from the command line', () => {
  it('rolls a tag of a running mirror back and forth, by the beginning of a digest too', async () => {
    const mirror = await pushedTwice();
    const planned = await run(mirror, 'rollback', `${own}:v1`, '--dry-run', '--json');
    expect([planned.code, JSON.parse(planned.out.join('\n'))]).toEqual([
      0,
      { repository: own, tag: 'v1', from: second.digest, to: first.digest, holds: false },
    ]);
    expect(await digestNow(mirror, 'v1')).toBe(second.digest);
    const done = await run(mirror, 'rollback', `${own}:v1`);
    expect(done).toEqual({
      code: 0,
      out: [`${own}:v1 points at ${first.digest}`, `It pointed at ${second.digest}`],
      err: [],
    });
    expect(await digestNow(mirror, 'v1')).toBe(first.digest);
    expect((await run(mirror, 'rollback', `${own}:v1`, '--to', second.digest.slice(7, 17))).code).toBe(0);
    expect(await digestNow(mirror, 'v1')).toBe(second.digest);
    const past = await run(mirror, 'history', `${own}:v1`);
    expect(past.out.map((line) => line.slice(0, 19))).toEqual([
      `${own}:v1`,
      second.digest.slice(0, 19),
      first.digest.slice(0, 19),
      second.digest.slice(0, 19),
      first.digest.slice(0, 19),
    ]);
  });

  it('deletes and restores, beside a running mirror and without one', async () => {
    const mirror = await pushedTwice();
    const preview = await run(mirror, 'delete', `${own}:v1`, '--dry-run');
    expect([preview.code, preview.out[0]]).toEqual([0, `${own}:v1`]);
    expect(await digestNow(mirror, 'v1')).toBe(second.digest);
    expect((await run(mirror, 'delete', `${own}:v1`)).code).toBe(0);
    expect(await digestNow(mirror, 'v1')).toBe(404);
    await mirror.stop();
    const restored = await run(mirror, 'restore', `${own}:v1`);
    expect(restored).toEqual({ code: 0, out: [`${own}:v1`, '1 tag and 1 manifest restored.'], err: [] });
    await mirror.start();
    expect(await digestNow(mirror, 'v1')).toBe(second.digest);
    await mirror.stop();
    const freed = await run(mirror, 'delete', own, '--free-now', '--json');
    expect(JSON.parse(freed.out.join('\n'))).toMatchObject({ keptBytes: 0 });
    const nothing = await run(mirror, 'restore', own);
    expect([nothing.code, nothing.out, nothing.err.length]).toEqual([1, [], 1]);
  });

  it('lists repositories and tags', async () => {
    const mirror = await pushedTwice();
    const all = await run(mirror, 'catalog', '--json');
    expect(JSON.parse(all.out.join('\n'))).toMatchObject({ repositories: [{ name: own, tags: 1 }], total: 1 });
    expect((await run(mirror, 'catalog', 'no-such')).out).toEqual([]);
    const tags = await run(mirror, 'catalog', '--tags', own);
    expect(tags.out).toHaveLength(1);
    expect(tags.out[0]).toContain(second.digest);
  });

  it('refuses what names no tag, or nothing, with exit code 2, and what is unknown with 1', async () => {
    const mirror = await pushedTwice();
    for (const args of [['rollback', own], ['rollback'], ['history', `${own}@${first.digest}`], ['delete']])
      expect((await run(mirror, ...args)).code).toBe(2);
    expect((await run(mirror, 'rollback', `${own}:v1`, '--follow', '--dry-run')).code).toBe(2);
    expect((await run(mirror, 'rollback', `${own}:v1`, '--follow')).code).toBe(1);
    expect((await run(mirror, 'history', `${own}:v9`)).code).toBe(1);
    expect((await run(mirror, 'delete', 'no/such')).code).toBe(1);
  });
});
