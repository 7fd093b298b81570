import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { isDigest } from '../../server/oci/digest.ts';
import { layoutOf } from '../../server/storage/layout.ts';
import { clientMissing, startClient } from '../support/clients.ts';
import { pushGraph } from '../support/push-graph.ts';
import { bigRealImage } from '../support/real-image.ts';
import { registryMissing, startRegistry } from '../support/registry.ts';
import { startTempMirror } from '../support/temp-mirror.ts';
import type { TempMirror } from '../support/temp-mirror.ts';
import { AdminClient } from '../integration/api/admin-client.ts';

const image = bigRealImage(2_000_000);
const layer = image.layers[0]!.digest;

const harms = [
  ['flipped', (path: string) => flipByte(path)],
  ['cut', (path: string) => truncate(path, 1_000_000)],
  ['lost', (path: string) => rm(path)],
] as const;

async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[700_000] = (bytes[700_000] ?? 0) ^ 4;
  await writeFile(path, bytes);
}

function pathOf(mirror: TempMirror, digest: string): string {
  if (!isDigest(digest)) throw new Error(`${digest} is not a digest`);
  return layoutOf(mirror.dataDirectory, '').blob(digest);
}

const missing = clientMissing('skopeo') ?? registryMissing();

describe.skipIf(missing !== undefined).each(harms)(
  'after a layer on the disk was %s and scrubbed, skopeo pulls',
  (_, harm) => {
    test('the right bytes of cached content, with the upstream gone', async () => {
      const registry = await startRegistry({ proxy: true });
      await registry.push('team/app', 'v1', image);
      const mirror = await startTempMirror({ upstream: registry });
      const skopeo = await startClient('skopeo');
      await skopeo.pull(`${mirror.host}/team/app:v1`);
      await harm(pathOf(mirror, layer));
      const state = await new AdminClient(mirror.adminUrl).call('startScrub', { body: { wait: true, rate: '0 B' } });
      expect(state).toMatchObject({ unrepaired: 0, damaged: [{ digest: layer }] });
      await registry.stop();
      expect(await skopeo.pull(`${mirror.host}/team/app:v1`)).toEqual({ digest: image.digest });
    });

    test('nothing wrong of pushed content, and the right bytes after the next push', async () => {
      const mirror = await startTempMirror({ settings: { upstreamRegistry: '', upstreams: [] } });
      await pushGraph(mirror.url, 'team/own', 'v1', image);
      const skopeo = await startClient('skopeo');
      await harm(pathOf(mirror, layer));
      const admin = new AdminClient(mirror.adminUrl);
      const state = await admin.call('startScrub', { body: { wait: true, rate: '0 B' } });
      expect(state).toMatchObject({ unrepaired: 1, damaged: [{ digest: layer, breaks: ['team/own:v1'] }] });
      await expect(skopeo.pull(`${mirror.host}/team/own:v1`)).rejects.toThrow(/blob|404/i);
      await pushGraph(mirror.url, 'team/own', 'v1', image);
      expect(await skopeo.pull(`${mirror.host}/team/own:v1`)).toEqual({ digest: image.digest });
      expect((await admin.call('getScrub')).unrepaired).toBe(0);
    });
  },
);
