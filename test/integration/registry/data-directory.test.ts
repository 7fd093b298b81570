import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../../server/db/database.ts';
import { ConfigError, StorageError } from '../../../server/errors.ts';
import { rejectsWith } from '../../support/expect-code.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startMirrorProcess } from '../../support/mirror-process.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';

describe('a data directory', () => {
  test('written by a newer version is refused, and left as it is', async () => {
    const mirror = await startTempMirror();
    await mirror.stop();
    const database = join(mirror.dataDirectory, 'mirror.db');
    const db = openDatabase(database);
    const version = Number(db.pragma('user_version', { simple: true }));
    db.pragma(`user_version = ${String(version + 1)}`);
    db.close();
    await rejectsWith(mirror.start(), ConfigError, 'DATA_DIRECTORY_NEWER');
    const again = openDatabase(database, { migrate: false });
    expect(again.pragma('user_version', { simple: true })).toBe(version + 1);
    again.pragma(`user_version = ${String(version)}`);
    again.close();
    // nothing of the refused start is in the way
    await mirror.start();
  });

  test('in use by another process is refused; after that process was killed it is taken over', async () => {
    const first = await startMirrorProcess();
    const { dataDirectory } = first;
    await rejectsWith(startTempMirror({ dataDirectory }), ConfigError, 'DATA_DIRECTORY_IN_USE');
    expect((await fetch(`${first.url}/v2/`)).status).toBe(200);
    await first.kill9();
    const second = await startTempMirror({ dataDirectory });
    expect((await second.get('/v2/')).status).toBe(200);
  });

  test('that lost a blob or has one too short fetches it again instead of failing', async () => {
    const upstream = await startFakeUpstream();
    const app = image({ layers: ['a layer that gets lost', 'a layer that gets short', 'a layer that stays'] });
    upstream.add('acme/app', 'v1', app);
    const mirror = await startTempMirror({ upstream });
    await mirror.pull('acme/app:v1');
    const fileOf = (digest: string): string =>
      join(mirror.dataDirectory, 'blobs', 'sha256', digest.slice(7, 9), digest.slice(7));
    await mirror.stop();
    await rm(fileOf(app.layers[0]!.digest));
    await mirror.start();
    await writeFile(fileOf(app.layers[1]!.digest), 'short');
    upstream.clearRequests();
    expect((await mirror.pull('acme/app:v1')).blobs).toHaveLength(4);
    expect(upstream.requests.map((seen) => seen.reference).sort()).toEqual(
      [app.layers[0]!.digest, app.layers[1]!.digest].sort(),
    );
  });

  test('whose folder of blobs is gone is refused, and loses nothing when the disk is there again', async () => {
    const mirror = await startTempMirror();
    const app = image({ layers: ['pushed, and nowhere else'] });
    await pushGraph(mirror.url, 'team/app', 'v1', app);
    await mirror.stop();
    const blobs = join(mirror.dataDirectory, 'blobs');
    await rename(blobs, `${blobs}-unmounted`);
    await rejectsWith(mirror.start(), StorageError, 'STORAGE_FAILED');
    await rename(`${blobs}-unmounted`, blobs);
    await mirror.start();
    expect((await mirror.pull('team/app:v1')).digest).toBe(app.digest);
  });
});
