import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { clientMissing, startClient } from '../support/clients.ts';
import { clientNames } from '../support/clients/client.types.ts';
import type { Client } from '../support/clients/client.types.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { fileTree } from '../support/file-tree.ts';
import { startMirrorProcess } from '../support/mirror-process.ts';
import { bigRealImage } from '../support/real-image.ts';

const image = bigRealImage(2_000_000);
const layer = image.layers[0]!;
const hexOf = (digest: string): string => digest.slice(digest.indexOf(':') + 1);

describe.each(clientNames)('%s', (name) => {
  describe.skipIf(clientMissing(name) !== undefined)('fails and leaves nothing in the store when', () => {
    let client: Client;
    beforeAll(async () => {
      client = await startClient(name);
    });
    afterAll(() => client.stop());

    test.each([
      ['the first', 0],
      ['a middle', 1_000_000],
      ['the last', -1],
    ])('%s byte of a layer is wrong, and works when it is right again', async (_, flipByteAt) => {
      const upstream = await startFakeUpstream();
      upstream.add('team/app', 'v1', image);
      const mirror = await startMirrorProcess({ from: 'built', upstream });
      const script = upstream.script({ match: { kind: 'blob', reference: layer.digest }, fault: { flipByteAt } });
      await expect(client.pull(`${mirror.host}/team/app:v1`)).rejects.toThrow();
      expect(script.used).toBeGreaterThan(0);
      const artifact = `up.test/team/app@${layer.digest}`;
      const [line] = await mirror.audit({ event: 'blob_pull', artifact, outcome: 'failed' });
      expect(line).toMatchObject({ code: 'CONTENT_MISMATCH', cached: false });
      // a client may have tried again and be gone: what it began goes when its download has failed, too
      await expect.poll(() => fileTree(mirror.dataDirectory), { timeout: 20_000 }).not.toContain(hexOf(layer.digest));
      script.remove();
      expect(await client.pull(`${mirror.host}/team/app:v1`)).toEqual({ digest: image.digest });
      expect(await fileTree(mirror.dataDirectory)).toContain(hexOf(layer.digest));
    });

    test('a byte of the manifest is wrong', async () => {
      const upstream = await startFakeUpstream();
      upstream.add('team/app', 'v1', image);
      const mirror = await startMirrorProcess({ from: 'built', upstream });
      upstream.script({ match: { kind: 'manifest', method: 'GET' }, fault: { flipByteAt: 40 } });
      await expect(client.pull(`${mirror.host}/team/app:v1`)).rejects.toThrow();
      const catalog = await ask(`${mirror.url}/v2/_catalog`);
      expect(JSON.parse(catalog.body.toString())).toEqual({ repositories: [] });
    });
  });
});
