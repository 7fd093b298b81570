import { readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { image, index, linuxArm64 } from '../../support/image-builder.ts';
import type { Graph } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { blobPath, writeZotFolder } from '../../support/zot-folder.ts';
import { importData, repositoryIn, snapshot } from './importing.ts';

const good = image({ layers: ['good'], config: 'config of good' });
const bad = image({ layers: ['bad layer'], config: 'config of bad', platform: linuxArm64 });
const layer = bad.layers[0]!.digest;

interface Damage {
  readonly what: string;
  readonly do: (folder: string) => Promise<void>;
  readonly digest: string;
  readonly why: RegExp;
}

const path = (folder: string, digest: Graph['digest']): string => blobPath(folder, 'team/app', digest);

it.each<Damage>([
  {
    what: 'a layer with other bytes',
    do: (folder) => writeFile(path(folder, layer), 'BAD layer'),
    digest: layer,
    why: /do not hash/,
  },
  { what: 'a layer that was cut', do: (folder) => truncate(path(folder, layer), 3), digest: layer, why: /has 3 bytes/ },
  { what: 'a layer that is gone', do: (folder) => rm(path(folder, layer)), digest: layer, why: /not in the folder/ },
  {
    what: 'a layer that is a link to somewhere else',
    do: async (folder) => {
      await rm(path(folder, layer));
      await symlink('/etc/hostname', path(folder, layer));
    },
    digest: layer,
    why: /not in the folder/,
  },
  {
    what: 'a manifest with other bytes',
    do: (folder) =>
      writeFile(
        path(folder, bad.digest),
        Buffer.from(bad.bytes.toString().replace('"schemaVersion":2', '"schemaVersion":2 ')),
      ),
    digest: bad.digest,
    why: /do not hash/,
  },
  {
    what: 'a manifest that is gone',
    do: (folder) => rm(path(folder, bad.digest)),
    digest: bad.digest,
    why: /not in the folder/,
  },
])('$what is named with what it breaks, and everything else comes', async ({ do: damage, digest, why }) => {
  const folder = await writeZotFolder({ 'team/app': { tags: { good, bad, 'also-bad': bad } } });
  await damage(folder);
  const before = await snapshot(folder);
  const mirror = await startTempMirror();
  const result = await importData(mirror, { directory: folder });
  expect(repositoryIn(result, 'team/app')).toMatchObject({
    tags: 1,
    manifests: 1,
    damaged: [{ digest, why: expect.stringMatching(why) as unknown, breaks: ['bad', 'also-bad'] }],
  });
  expect((await mirror.pull('team/app:good')).digest).toBe(good.digest);
  for (const reference of ['bad', bad.digest])
    expect((await mirror.get(`/v2/team/app/manifests/${reference}`)).status).toBe(404);
  expect((await mirror.get(`/v2/team/app/blobs/${layer}`)).status).toBe(404);
  expect(await readdir(join(mirror.dataDirectory, 'incoming')).catch(() => [])).toEqual([]);
  expect(await snapshot(folder)).toEqual(before);
});

it('an index is worth having while one of its images is whole, and says which is not', async () => {
  const multi = index([good, bad]);
  const folder = await writeZotFolder({ 'team/app': { tags: { multi } } });
  await rm(path(folder, layer));
  const mirror = await startTempMirror();
  const result = await importData(mirror, { directory: folder });
  expect(repositoryIn(result, 'team/app')).toMatchObject({
    tags: 1,
    manifests: 2,
    damaged: [{ digest: layer, breaks: ['multi', bad.digest] }],
  });
  expect((await mirror.get('/v2/team/app/manifests/multi')).status).toBe(200);
  expect((await mirror.pull(`team/app@${good.digest}`)).digest).toBe(good.digest);
});

it('an index that zot synced for some platforms only comes as it is', async () => {
  const multi = index([good, bad]);
  const folder = await writeZotFolder({ 'team/app': { tags: { good } } });
  await writeFile(path(folder, multi.digest), multi.bytes);
  await writeFile(
    join(folder, 'team/app/index.json'),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [{ ...multi.descriptor, annotations: { 'org.opencontainers.image.ref.name': 'multi' } }],
    }),
  );
  const mirror = await startTempMirror();
  const result = await importData(mirror, { directory: folder });
  expect(repositoryIn(result, 'team/app')).toMatchObject({
    tags: 1,
    manifests: 2,
    damaged: [],
    skipped: [{ what: bad.digest }],
  });
});

it.each<[string, string]>([
  ['is not JSON', '{'],
  ['lists nothing', '{"schemaVersion":2}'],
])('a repository whose index.json %s is passed over, and the others come', async (_, text) => {
  const folder = await writeZotFolder({ broken: { tags: { v1: bad } }, whole: { tags: { v1: good } } });
  await writeFile(join(folder, 'broken/index.json'), text);
  const mirror = await startTempMirror();
  const result = await importData(mirror, { directory: folder });
  expect({ state: result.state, passedOver: result.passedOver.map((one) => one.path) }).toEqual({
    state: 'done',
    passedOver: ['broken'],
  });
  expect((await mirror.pull('whole:v1')).digest).toBe(good.digest);
});

it('what a broken copy can no longer give comes from the other repository that has it', async () => {
  const folder = await writeZotFolder({ one: { tags: { v1: bad } }, two: { tags: { v1: bad } } });
  await rm(blobPath(folder, 'two', layer));
  await writeFile(blobPath(folder, 'two', layer), 'BAD layer');
  const mirror = await startTempMirror();
  const result = await importData(mirror, { directory: folder });
  expect(result.repositories.map(({ tags, damaged }) => [tags, damaged])).toEqual([
    [1, []],
    [1, []],
  ]);
  expect((await mirror.pull('two:v1')).digest).toBe(bad.digest);
});
