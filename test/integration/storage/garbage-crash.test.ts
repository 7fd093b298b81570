import { expect, test } from 'vitest';
import { randomContent } from '../../support/content.ts';
import { compareDisk } from '../../support/disk-check.ts';
import { image } from '../../support/image-builder.ts';
import { startMirrorProcess } from '../../support/mirror-process.ts';
import { pullGraph } from '../../support/pull-graph.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { AdminClient } from '../api/admin-client.ts';

const settings = { gc: { every: '0s', delay: '0s' }, history: { keepFor: '0s' } };

/** An image of a hundred layers, so that its removal takes a few batches. */
const large = image({
  layers: Array.from({ length: 100 }, (_, number) => ({ content: randomContent(`layer ${String(number)}`, 2000) })),
});

test.each(['deleteContent', 'collectGarbage'] as const)(
  'kill -9 in the middle of %s: nothing is half there, and the next collection leaves nothing over',
  { timeout: 90_000 },
  async (route) => {
    const kept = image({ layers: ['kept'] });
    const mirror = await startMirrorProcess({ settings });
    const admin = new AdminClient(mirror.adminUrl);
    await pushGraph(mirror.url, 'team/kept', 'v1', kept);
    for (let round = 0; round < 2; round += 1) {
      await pushGraph(mirror.url, 'team/app', 'v1', large);
      if (route === 'collectGarbage') await pushGraph(mirror.url, 'team/app', 'v1', kept);
      const asked =
        route === 'deleteContent'
          ? admin.ask('deleteContent', { body: { repository: 'team/app', freeNow: true } })
          : admin.ask('collectGarbage', { body: {} });
      const removing = asked.catch(() => undefined);
      // until the first file is gone, or it is all over
      while (compareDisk(mirror.dataDirectory).rows.length > 90) await new Promise((resolve) => setImmediate(resolve));
      await mirror.kill9();
      await removing;
      await mirror.start();
      const { orphans, broken } = compareDisk(mirror.dataDirectory);
      expect({ orphans, broken }).toEqual({ orphans: [], broken: [] });
      expect((await fetch(`${mirror.url}/v2/team/app/manifests/${large.digest}`)).status).toBe(404);
      expect((await pullGraph(mirror.url, 'team/kept:v1')).digest).toBe(kept.digest);
    }
    await admin.call('collectGarbage', { body: {} });
    const { rows, orphans, broken, leftovers } = compareDisk(mirror.dataDirectory);
    expect({ rows, orphans, broken, leftovers }).toEqual({
      rows: [...kept.blobs.keys()].sort(),
      orphans: [],
      broken: [],
      leftovers: [],
    });
  },
);
