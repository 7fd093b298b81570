import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../../server/cli/program.ts';
import { ask } from '../../support/ask.ts';
import { tempDirectory } from '../../support/cleanup.ts';
import { image } from '../../support/image-builder.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { startMirrorProcess } from '../../support/mirror-process.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { fakeIo } from '../../unit/server/cli/fake-io.ts';
import { AdminClient } from '../api/admin-client.ts';

const rules = [{ repositories: ['team/**'], keep: { semver: '>=2' } }];
const sentence = 'In team/**: of all tags, keep versions in >=2; the others go.';

interface Mirror {
  readonly url: string;
  readonly dataDirectory: string;
}

/** Two tags in a mirror that was started. */
async function pushed<M extends Mirror>(starting: Promise<M>): Promise<M> {
  const mirror = await starting;
  for (const tag of ['1.0.0', '2.0.0'])
    await pushGraph(mirror.url, 'team/app', tag, image({ layers: [tag], config: `config ${tag}` }));
  return mirror;
}

const statusOf = async ({ url }: Mirror, tag: string): Promise<number> =>
  (await ask(`${url}/v2/team/app/manifests/${tag}`)).status;

async function run(mirror: Mirror, ...args: readonly string[]) {
  const io = fakeIo();
  const code = await runCli(['retention', '--data-dir', mirror.dataDirectory, ...args], io);
  return { code, out: io.stdout.join('\n'), err: io.stderr };
}

describe('zhi-mirror retention', () => {
  it('says the rules, shows what would go and removes it, by the mirror that is running', async () => {
    // a command in the mirror's own process would take the data directory for abandoned
    const mirror = await pushed(startMirrorProcess());
    expect((await run(mirror)).out).toContain('No retention rules, so every tag stays.');
    await new AdminClient(mirror.adminUrl).call('setRetention', { body: { rules } });
    expect(await run(mirror, '--list')).toEqual({ code: 0, out: `1. ${sentence}`, err: [] });
    const shown = await run(mirror, '--dry-run');
    expect(shown.out.split('\n').slice(0, 2)).toEqual([
      '17 B  team/app:1.0.0  (rule 1 keeps only versions in >=2)',
      '1 item would go; 1 tag stays.',
    ]);
    expect(await statusOf(mirror, '1.0.0')).toBe(200);
    expect((await run(mirror)).out).toContain('1 item removed; 1 tag stays.');
    expect(await statusOf(mirror, '1.0.0')).toBe(404);
    expect((await run(mirror)).out).toBe('Nothing to remove; 1 tag stays.');
  });

  it('works on a data directory that no mirror has open, with the rules of a settings file, and warns first', async () => {
    const mirror = await pushed(startTempMirror());
    await mirror.stop();
    const file = join(await tempDirectory(), 'settings.yaml');
    await writeFile(file, 'retention:\n  rules:\n    - repositories: [team/app]\n      keep: {}\n');
    const shown = await run(mirror, '--settings', file, '--json', '--dry-run');
    const answer = JSON.parse(shown.out) as { readonly itemsTotal: number; readonly warnings: readonly string[] };
    expect({ code: shown.code, ...answer }).toMatchObject({
      code: 0,
      itemsTotal: 2,
      warnings: ['Rule 1 keeps nothing: of team/app, every tag that is not pinned goes.'],
    });
    const applied = await run(mirror, '--settings', file);
    expect({ code: applied.code, err: applied.err }).toEqual({ code: 0, err: answer.warnings });
    await mirror.start();
    expect(await statusOf(mirror, '2.0.0')).toBe(404);
  });

  it('refuses what makes no sense with exit code 2, and changes nothing', async () => {
    const mirror = await pushed(startTempMirror());
    const file = join(await tempDirectory(), 'settings.yaml');
    await writeFile(file, 'retention:\n  rules:\n    - repositories: [team/app]\n      keep: { semver: newest }\n');
    expect(await run(mirror, '--list', '--dry-run')).toMatchObject({
      code: 2,
      err: ['--list only says the rules; leave out --dry-run.'],
    });
    const refused = await run(mirror, '--settings', file);
    expect({ code: refused.code, problems: refused.err.length }).toEqual({ code: 2, problems: 1 });
    expect(refused.err[0]).toContain('retention.rules[0].keep.semver');
    expect(await statusOf(mirror, '1.0.0')).toBe(200);
  });
});
