import { afterAll, beforeAll, expect, test } from 'vitest';
import { atTestEnd } from '../support/cleanup.ts';
import { clientMissing } from '../support/clients.ts';
import { Workspace } from '../support/clients/workspace.ts';
import { cleanDisk, compareDisk } from '../support/disk-check.ts';
import { pushGraph } from '../support/push-graph.ts';
import { realImage, realIndex } from '../support/real-image.ts';
import { startTempMirror } from '../support/temp-mirror.ts';
import type { TempMirror } from '../support/temp-mirror.ts';

let mirror: TempMirror;
beforeAll(async () => {
  mirror = await startTempMirror({ settings: { gc: { every: '0s', delay: '0s' }, history: { keepFor: '0s' } } });
});
afterAll(() => mirror.stop());

test.skipIf(clientMissing('skopeo') !== undefined)(
  'after a garbage collection skopeo pulls every tag that is left, and the disk has what the rows say',
  async () => {
    const kept = { image: realImage(), index: realIndex(), docker: realImage({ docker: true }) };
    for (const [name, graph] of Object.entries(kept)) {
      await pushGraph(mirror.url, `team/${name}`, 'v1', realIndex({ docker: true }));
      await pushGraph(mirror.url, `team/${name}`, 'v1', graph);
    }
    const answer = await fetch(`${mirror.adminUrl}/api/v1/storage/gc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(((await answer.json()) as { readonly itemsTotal: number }).itemsTotal).toBeGreaterThan(0);
    const bytes = new Map(Object.values(kept).flatMap((graph) => [...graph.blobs]));
    const total = [...bytes.values()].reduce((sum, content) => sum + content.size, 0);
    expect(compareDisk(mirror.dataDirectory)).toMatchObject(cleanDisk(total));
    const workspace = await Workspace.create('skopeo');
    atTestEnd(() => workspace.remove());
    const env = workspace.environment(await workspace.registriesFile());
    for (const [name, graph] of Object.entries(kept)) {
      const to = workspace.unused('layout');
      const from = `docker://${mirror.host}/team/${name}:v1`;
      await workspace.run('skopeo', ['copy', '--src-tls-verify=false', '--quiet', '--all', from, `dir:${to}`], {}, env);
      expect((await mirror.pull(`team/${name}:v1`)).digest).toBe(graph.digest);
    }
  },
);
