import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCli } from '../../../server/cli/program.ts';
import { image, index, linuxArm64 } from '../../support/image-builder.ts';
import { startMirrorProcess } from '../../support/mirror-process.ts';
import { pullGraph } from '../../support/pull-graph.ts';
import { tempDirectory } from '../../support/cleanup.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { blobPath, writeZotFolder } from '../../support/zot-folder.ts';
import { AdminClient } from '../api/admin-client.ts';
import { fakeIo } from '../../unit/server/cli/fake-io.ts';

const app = image({ layers: ['app'] });
const multi = index([app, image({ layers: ['arm'], platform: linuxArm64 })]);
const folderOf = (): Promise<string> => writeZotFolder({ 'team/app': { tags: { v1: app, multi } } });

/** The command on a data directory, with the settings of the machine kept out. */
async function importZot(dataDirectory: string, ...more: readonly string[]) {
  const io = fakeIo();
  const code = await runCli(['import-zot', '--data-dir', dataDirectory, ...more], io);
  return { code, out: io.stdout, err: io.stderr };
}

it('takes a folder in while no mirror runs, says what came, and what it brings the second time', async () => {
  const [data, folder] = [await tempDirectory(), await folderOf()];
  const first = await importZot(data, '--from', folder);
  expect(first).toMatchObject({ code: 0, err: [] });
  expect(first.out).toEqual([
    expect.stringMatching(/^team\/app {2}2 tags, 3 manifests, 4 blobs, \d+ B$/),
    expect.stringMatching(/^Imported 2 tags, 3 manifests, 4 blobs, \d+ B \(\d+ B of it as hard links/),
  ]);
  const second = await importZot(data, '--from', folder);
  expect(second).toEqual({
    code: 0,
    err: [],
    out: ['team/app  3 manifests held already', 'Imported 0 tags, 0 manifests, 0 blobs, 0 B.'],
  });
  const mirror = await startTempMirror({ dataDirectory: data });
  expect((await mirror.pull('team/app:multi')).digest).toBe(multi.digest);
});

it('asks the mirror that runs on the data directory', async () => {
  const folder = await folderOf();
  const mirror = await startMirrorProcess();
  const { code, out } = await importZot(mirror.dataDirectory, '--from', folder, '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out.join('\n'))).toMatchObject({
    dryRun: false,
    total: { tags: 2, manifests: 3, blobs: 4 },
    folders: [{ directory: folder, state: 'done', repositories: [{ name: 'team/app', damaged: [] }], passedOver: [] }],
  });
  expect((await pullGraph(mirror.url, 'team/app:multi')).digest).toBe(multi.digest);
  expect(await mirror.audit({ event: 'artifact_import' })).toHaveLength(1);
});

it('changes nothing with --dry-run', async () => {
  const [data, folder] = [await tempDirectory(), await folderOf()];
  const { code, out } = await importZot(data, '--from', folder, '--dry-run');
  expect({ code, last: out.at(-1) }).toEqual({
    code: 0,
    last: expect.stringMatching(
      /^Would import 2 tags, 3 manifests, 4 blobs, \d+ B from .*; nothing was changed\.$/,
    ) as unknown,
  });
  expect(await readdir(join(data, 'blobs'))).toEqual([]);
});

it('ends with 1 when something is damaged, and names it', async () => {
  const [data, folder] = [await tempDirectory(), await folderOf()];
  const { digest } = app.layers[0]!;
  await rm(blobPath(folder, 'team/app', digest));
  const { code, out } = await importZot(data, '--from', folder);
  expect(code).toBe(1);
  expect(out).toContain(`    damaged  ${digest}: it is not in the folder; it breaks v1, multi`);
});

it.each<[string, readonly string[], RegExp]>([
  ['no folder', [], /^--from is missing/],
  ['a folder that is not there', ['--from', '/nowhere/zot'], /^--from: \/nowhere\/zot is not a folder\.$/],
])('refuses %s with 2', async (_, args, message) => {
  const { code, err } = await importZot(await tempDirectory(), ...args);
  expect({ code, err }).toEqual({ code: 2, err: [expect.stringMatching(message)] });
});

it("takes zot's own folders from its configuration; the root is this mirror's data directory then", async () => {
  const folder = await folderOf();
  const subFolder = await writeZotFolder({ 'sub/app': { tags: { v1: app } } });
  const config = join(await tempDirectory(), 'zot.json');
  const subPaths = { '/sub': { rootDirectory: subFolder }, '/later': { rootDirectory: join(folder, 'not/yet') } };
  await writeFile(config, JSON.stringify({ storage: { rootDirectory: folder, subPaths }, http: { port: '8080' } }));
  const io = fakeIo();
  expect(await runCli(['import-zot', '--zot-config', config], io)).toBe(0);
  expect(io.stdout.filter((line) => line.startsWith('Imported'))).toEqual([
    expect.stringMatching(/^Imported 2 tags, 3 manifests, 4 blobs/),
    'Imported 1 tag, 1 manifest, 0 blobs, 0 B.',
  ]);
  const mirror = await startTempMirror({ dataDirectory: folder });
  expect((await mirror.pull('team/app:v1')).digest).toBe(app.digest);
  expect((await mirror.pull('sub/app:v1')).digest).toBe(app.digest);
});

it('is what doctor says to do where zot left content, and nothing where it left none', async () => {
  const config = join(await tempDirectory(), 'zot.json');
  const said = async (folder: string): Promise<string> => {
    await writeFile(config, JSON.stringify({ storage: { rootDirectory: folder }, http: { port: '0' } }));
    const io = fakeIo();
    await runCli(['doctor', '--zot-config', config, '--admin-listen', '127.0.0.1:0'], io);
    return io.stdout.join('\n');
  };
  expect(await said(await folderOf())).toContain(`"zhi-mirror import-zot --zot-config ${config}" takes in`);
  expect(await said(await tempDirectory())).not.toContain('import-zot');
});

it('loses nothing by a kill in the middle: the next run brings the rest, and all of it is whole', async () => {
  const graphs = Array.from({ length: 40 }, (_, at) => image({ layers: [`layer ${String(at)}`, 'shared'] }));
  const content = graphs.map((graph, at) => [`app-${String(at)}`, { tags: { v1: graph } }] as const);
  const folder = await writeZotFolder(Object.fromEntries(content));
  const mirror = await startMirrorProcess();
  const admin = new AdminClient(mirror.adminUrl);
  await admin.call('importZotData', { body: { directory: folder } });
  while ((await admin.call('getZotImport', { query: {} })).repositoriesDone < 3) continue;
  await mirror.kill9();
  await mirror.start();
  const { code } = await importZot(mirror.dataDirectory, '--from', folder);
  expect(code).toBe(0);
  for (const [at, graph] of graphs.entries())
    expect((await pullGraph(mirror.url, `app-${String(at)}:v1`)).digest).toBe(graph.digest);
  expect(await readdir(join(mirror.dataDirectory, 'incoming'))).toEqual([]);
});
