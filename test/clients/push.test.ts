import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { atTestEnd } from '../support/cleanup.ts';
import { clientMissing } from '../support/clients.ts';
import { Workspace } from '../support/clients/workspace.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import type { FakeUpstream } from '../support/fake-upstream/upstream.ts';
import { bigRealImage, realImage, realIndex } from '../support/real-image.ts';
import { startTempMirror } from '../support/temp-mirror.ts';
import type { TempMirror } from '../support/temp-mirror.ts';
import { hasTool } from '../support/tools.ts';

/** Pushes by real clients, from an upstream or a build of their own, into repositories of the mirror's own. */
const graphs = {
  oci: realImage(),
  docker: realImage({ docker: true }),
  index: realIndex(),
  list: realIndex({ docker: true }),
  big: bigRealImage(3_000_000),
};
const formats = [
  ['oci', 'application/vnd.oci.image.manifest.v1+json'],
  ['docker', 'application/vnd.docker.distribution.manifest.v2+json'],
] as const;

let upstream: FakeUpstream;
let mirror: TempMirror;

beforeAll(async () => {
  upstream = await startFakeUpstream();
  for (const [repository, graph] of Object.entries(graphs)) upstream.add(repository, 'v1', graph);
  mirror = await startTempMirror({ upstream });
});
afterAll(async () => {
  await mirror.stop();
  await upstream.stop();
});

type Run = (args: readonly string[]) => Promise<string>;

async function client(program: string, ...always: readonly string[]): Promise<{ run: Run; workspace: Workspace }> {
  const workspace = await Workspace.create(program);
  atTestEnd(() => workspace.remove());
  const env = workspace.environment(await workspace.registriesFile());
  return { workspace, run: (args) => workspace.run(program, [...always, ...args], {}, env) };
}

/** podman and buildah with storage of their own. */
async function builder(program: 'podman' | 'buildah', storage: string) {
  const { workspace, run } = await client(program);
  const root = join(workspace.directory, storage);
  const own = ['--root', `${root}/root`, '--runroot', `${root}/run`, '--storage-driver', 'vfs'];
  const engine = program === 'podman' ? ['--cgroup-manager', 'cgroupfs', '--events-backend', 'file'] : [];
  return { workspace, run: (args: readonly string[]) => run([...own, ...engine, ...args]) };
}

/** What the mirror has is what the client said it pushed, to the last byte. */
async function expectPushed(name: string, digest: string, mediaType?: string): Promise<void> {
  const pulled = await mirror.pull(name);
  expect(pulled.digest).toBe(digest);
  if (mediaType !== undefined) expect(pulled.mediaType).toBe(mediaType);
}

const tryWith = (name: 'skopeo' | 'crane' | 'podman' | 'buildah') => test.skipIf(clientMissing(name) !== undefined);

describe.each(Object.keys(graphs) as (keyof typeof graphs)[])('%s', (kind) => {
  tryWith('skopeo')('comes back byte for byte after skopeo copy', async () => {
    const { run } = await client('skopeo');
    const plain = ['--src-tls-verify=false', '--dest-tls-verify=false', '--quiet', '--all'];
    await run(['copy', ...plain, `docker://${upstream.host}/${kind}:v1`, `docker://${mirror.host}/skopeo/${kind}:v1`]);
    await expectPushed(`skopeo/${kind}:v1`, graphs[kind].digest);
  });

  tryWith('crane')('comes back byte for byte after crane push and crane copy', async () => {
    const { run, workspace } = await client('crane', '--insecure');
    await run(['copy', `${upstream.host}/${kind}:v1`, `${mirror.host}/crane/${kind}:v1`]);
    await expectPushed(`crane/${kind}:v1`, graphs[kind].digest);
    const layout = workspace.unused('layout');
    await run(['pull', '--format', 'oci', `${upstream.host}/${kind}:v1`, layout]);
    await run([
      'push',
      ...(kind === 'index' || kind === 'list' ? ['--index'] : []),
      layout,
      `${mirror.host}/crane/pushed-${kind}:v1`,
    ]);
    expect(await run(['validate', '--remote', `${mirror.host}/crane/pushed-${kind}:v1`])).not.toContain('FAIL');
  });
});

describe.each(formats)('an image in %s format', (format, mediaType) => {
  tryWith('podman')('comes back byte for byte after podman push', async () => {
    const { run, workspace } = await builder('podman', 'storage');
    await run(['pull', '--quiet', '--tls-verify=false', `${upstream.host}/big:v1`]);
    const digestFile = workspace.unused('digest');
    const to = `${mirror.host}/podman/${format}:v1`;
    const kind = format === 'docker' ? 'v2s2' : 'oci';
    await run([
      'push',
      '--quiet',
      '--tls-verify=false',
      '--format',
      kind,
      '--digestfile',
      digestFile,
      `${upstream.host}/big:v1`,
      to,
    ]);
    await expectPushed(`podman/${format}:v1`, await readFile(digestFile, 'utf8'), mediaType);
  });

  tryWith('buildah')('comes back byte for byte after buildah push', async () => {
    const { run, workspace } = await builder('buildah', 'storage');
    const context = await buildContext(workspace, 'FROM scratch\nCOPY file /file\n');
    await run(['build', '--quiet', '--format', format, '--tag', 'built', context]);
    const digestFile = workspace.unused('digest');
    const to = `docker://${mirror.host}/buildah/${format}:v1`;
    await run(['push', '--quiet', '--tls-verify=false', '--digestfile', digestFile, 'built', to]);
    await expectPushed(`buildah/${format}:v1`, await readFile(digestFile, 'utf8'), mediaType);
  });
});

tryWith('buildah')('buildah keeps its build cache in the mirror and uses it on another machine', async () => {
  const cache = `${mirror.host}/team/build-cache`;
  const build = async (storage: string, extra: readonly string[]): Promise<string> => {
    const { run, workspace } = await builder('buildah', storage);
    const context = await buildContext(workspace, 'FROM scratch\nCOPY file /one\nCOPY file /two\n');
    return run(['build', '--layers', '--tls-verify=false', ...extra, '--timestamp', '0', '--tag', 'built', context]);
  };
  await build('first', ['--cache-to', cache, '--cache-from', cache]);
  const tags = (await mirror.get('/v2/team/build-cache/tags/list')).body.toString();
  expect((JSON.parse(tags) as { tags: string[] }).tags.length).toBeGreaterThan(0);
  expect(await build('second', ['--cache-from', cache])).toContain('Cache pulled');
});

test.skipIf(!hasTool('helm').available)('a chart comes back byte for byte after helm push', async () => {
  const { run, workspace } = await client('helm');
  await workspace.write('chart/Chart.yaml', 'apiVersion: v2\nname: demo\nversion: 1.2.3\n');
  await workspace.write('chart/templates/config.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: demo}\n');
  const [packed, pulled] = [join(workspace.directory, 'packed'), join(workspace.directory, 'pulled')];
  for (const folder of [packed, pulled]) await mkdir(folder);
  await run(['package', join(workspace.directory, 'chart'), '--destination', packed]);
  await run(['push', join(packed, 'demo-1.2.3.tgz'), `oci://${mirror.host}/team/charts`, '--plain-http']);
  await run([
    'pull',
    `oci://${mirror.host}/team/charts/demo`,
    '--version',
    '1.2.3',
    '--plain-http',
    '--destination',
    pulled,
  ]);
  const [before, after] = await Promise.all([packed, pulled].map((folder) => readFile(join(folder, 'demo-1.2.3.tgz'))));
  expect(after!.equals(before!)).toBe(true);
});

tryWith('skopeo')('a push into a mirrored name fails with the reason', async () => {
  const { run } = await client('skopeo');
  const plain = ['--src-tls-verify=false', '--dest-tls-verify=false', '--quiet'];
  const copy = run(['copy', ...plain, `docker://${upstream.host}/oci:v1`, `docker://${mirror.host}/up.test/oci:v2`]);
  await expect(copy).rejects.toThrow(/mirrored from up\.test|denied/);
});

async function buildContext(workspace: Workspace, containerfile: string): Promise<string> {
  const context = workspace.unused('context');
  await mkdir(context);
  await writeFile(join(context, 'Containerfile'), containerfile);
  await writeFile(join(context, 'file'), 'content of a file\n'.repeat(1000));
  return context;
}
