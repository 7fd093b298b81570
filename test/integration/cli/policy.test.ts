import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../../server/cli/program.ts';
import { tempDirectory } from '../../support/cleanup.ts';
import { image } from '../../support/image-builder.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { fakeIo } from '../../unit/server/cli/fake-io.ts';

const closed = 'rules:\n  - name: closed\n    artifacts: ["**/old/**"]\n    then: deny\n    reason: moved\n';

async function run(...args: readonly string[]) {
  const io = fakeIo();
  const code = await runCli(['policy', ...args], io);
  return { code, out: io.stdout, err: io.stderr };
}

async function fileOf(text: string): Promise<string> {
  const file = join(await tempDirectory(), 'policy.yaml');
  writeFileSync(file, text);
  return file;
}

describe('zhi-mirror policy lint', () => {
  it.each([
    ['a sound one', closed, { code: 0, out: [': 1 rule, no warnings.'], err: [] }],
    [
      'one with a warning',
      'artifacts: { blocked: ["team/app"] }\n',
      { code: 0, out: [': 1 rule, 1 warning.'], err: [':1:24: artifacts.blocked[0] "team/app" names no registry'] },
    ],
    ['a wrong one', 'rules:\n  - nam: x\n', { code: 2, out: [], err: [':2:5: ', ':2:5: '] }],
  ])('checks %s without any data directory', async (_, text, expected) => {
    const file = await fileOf(text);

    const { code, out, err } = await run('lint', file);

    expect({ code, out: out.length, err: err.length }).toEqual({
      code: expected.code,
      out: expected.out.length,
      err: expected.err.length,
    });
    for (const [index, line] of out.entries()) expect(line).toContain(expected.out[index]);
    for (const [index, line] of err.entries()) expect(line).toContain(`${file}${expected.err[index] ?? ''}`);
  });
});

describe('zhi-mirror policy', () => {
  it('tests, replays and shows on a data directory that no mirror has open', async () => {
    const mirror = await startTempMirror();
    await pushGraph(mirror.url, 'team/old/app', 'v1', image());
    await mirror.get('/v2/team/old/app/manifests/v1');
    await mirror.stop();
    const at = ['--data-dir', mirror.dataDirectory];
    const file = ['--file', await fileOf(closed)];

    const free = await run('test', 'team/old/app:v1', ...at);
    const denied = await run('test', 'team/old/app:v1', ...at, ...file);
    const json = await run('test', 'team/old/app:v1', '--action', 'push', '--as', 'ci', '--json', ...at, ...file);
    const replay = await run('replay', '--days', '3650', ...at, ...file);
    const shown = await run('show', ...at);

    expect([free.code, denied.code, json.code, replay.code, shown.code]).toEqual([0, 1, 1, 0, 0]);
    expect(denied.out[0]).toBe('team/old/app:v1: denied by rule closed: rule closed denies it: moved');
    expect(JSON.parse(json.out.join('\n'))).toMatchObject({ effect: 'deny', rule: 'closed' });
    expect(replay.out.join('\n')).toContain('team/old/app:v1  closed: rule closed denies it: moved');
    expect(shown.out[0]).toMatch(/^No policy: everything is allowed/);
  });
});
