import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../../../server/errors.ts';
import { Volumes, volumeAt } from '../../../../server/storage/volumes.ts';
import type { Volume } from '../../../../server/storage/volumes.ts';
import { tempDirectory } from '../../../support/cleanup.ts';

async function made(id: number): Promise<Volume> {
  const volume = volumeAt(id, join(await tempDirectory(), String(id)));
  mkdirSync(volume.blobs, { recursive: true });
  return volume;
}

describe('volumes', () => {
  const storage = volumeAt(0, '/storage');
  const [outer, inner] = [volumeAt(1, '/outer'), volumeAt(2, '/inner')];
  const volumes = new Volumes(
    storage,
    [outer, inner].map((volume) => ({ volume, problem: 'is not there' })),
    [
      { prefix: 'infra', volume: outer },
      { prefix: 'infra/deep', volume: inner },
    ],
  );

  it.each([
    ['infra', '/outer'],
    ['infra/app', '/outer'],
    ['infra/deeper/app', '/outer'],
    ['infra/deep', '/inner'],
    ['infra/deep/app', '/inner'],
    ['infrared/app', '/storage'],
    ['team/infra', '/storage'],
  ])('keep %s in %s', (repository, directory) => {
    expect(volumes.for(repository).directory).toBe(directory);
  });

  it.each([
    ['/outer/incoming/upload-1.part', 1],
    ['/outer/blobs/sha256/ab/abcd', 1],
    ['/outer/other/incoming/x', 0],
    ['/storage/incoming/x', 0],
    ['/elsewhere', 0],
  ])('hold %s in number %i', (path, id) => {
    expect(volumes.holding(path).id).toBe(id);
  });

  it('are there as long as their folder is the one that was there at the start', async () => {
    const [one, two] = [await made(1), await made(2)];
    const found = new Volumes(
      storage,
      [one, two].map((volume) => ({ volume, problem: undefined })),
    );
    expect(found.missing()).toEqual([]);
    renameSync(two.blobs, `${two.blobs}-away`);
    mkdirSync(two.blobs);
    expect(found.present().map(({ id }) => id)).toEqual([0, 1]);
    expect(found.missing()).toEqual([{ directory: two.directory, why: 'is not the directory it was' }]);
    expect(() => found.refuseMissing(two)).toThrow(StorageError);
    renameSync(`${two.blobs}-away`, join(two.directory, 'x'));
    renameSync(two.blobs, `${two.blobs}-empty`);
    renameSync(join(two.directory, 'x'), two.blobs);
    expect(found.missing()).toEqual([]);
  });

  it('that were not there at the start are not there later, whatever is mounted', async () => {
    const one = await made(1);
    const found = new Volumes(storage, [{ volume: one, problem: 'is not there' }]);
    expect(found.isThere(one)).toBe(false);
  });
});
