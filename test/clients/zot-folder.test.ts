import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RunningProcess } from '../support/child-process.ts';
import { atTestEnd, tempDirectory } from '../support/cleanup.ts';
import { freePort } from '../support/free-port.ts';
import { artifact, dockerImage, helmChart, image, index, linuxArm64 } from '../support/image-builder.ts';
import { pushGraph } from '../support/push-graph.ts';
import { startTempMirror } from '../support/temp-mirror.ts';
import { hasTool } from '../support/tools.ts';
import { importData, repositoryIn, snapshot } from '../integration/zot/importing.ts';

const zot = hasTool('zot');

/** A real zot over an empty folder, until `stop`. */
async function startZot(root: string): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  if (!zot.available) throw new Error(zot.reason);
  const port = await freePort();
  const file = join(await tempDirectory(), 'zot.json');
  const config = {
    distSpecVersion: '1.1.1',
    storage: { rootDirectory: root, dedupe: true, gc: false },
    http: { address: '127.0.0.1', port: String(port), compat: ['docker2s2'] },
    log: { level: 'info' },
  };
  await writeFile(file, JSON.stringify(config));
  const running = new RunningProcess(zot.path, ['serve', file], { env: { PATH: process.env.PATH, HOME: root } });
  const stop = async (): Promise<void> => {
    await running.end();
  };
  atTestEnd(stop);
  const url = `http://127.0.0.1:${String(port)}`;
  while (running.running) {
    const answer = await fetch(`${url}/v2/`).catch(() => undefined);
    if (answer?.status === 200) return { url, stop };
  }
  throw new Error(`zot ended before it answered:\n${running.output}`);
}

describe.skipIf(!zot.available)('the folder of a real zot', () => {
  it('is imported whole: its images, indexes, charts, Docker images, referrers and nested names', async () => {
    const root = join(await tempDirectory(), 'root');
    await mkdir(root);
    const app = image({ layers: ['a', 'shared'] });
    const arm = image({ layers: ['b', 'shared'], platform: linuxArm64 });
    const multi = index([app, arm]);
    const signature = artifact({ type: 'application/vnd.example.signature', subject: app });
    const chart = helmChart();
    const docker = dockerImage({ layers: ['docker'] });
    const server = await startZot(root);
    await pushGraph(server.url, 'team/app', ['v1', 'latest'], app);
    await pushGraph(server.url, 'team/app', 'multi', multi);
    await pushGraph(server.url, 'team/app', signature.digest, signature);
    await pushGraph(server.url, 'team/app/nested', 'v1', app);
    await pushGraph(server.url, 'charts/web', '1.2.3', chart);
    await pushGraph(server.url, 'dock', 'v1', docker);
    await server.stop();
    const before = await snapshot(root);
    const mirror = await startTempMirror();
    const result = await importData(mirror, { directory: root });
    expect({ state: result.state, passedOver: result.passedOver }).toEqual({ state: 'done', passedOver: [] });
    expect(result.repositories.flatMap(({ damaged, skipped }) => [...damaged, ...skipped])).toEqual([]);
    expect(repositoryIn(result, 'team/app')).toMatchObject({ tags: 3, manifests: 4 });
    for (const [name, graph] of [
      ['team/app:v1', app],
      ['team/app:latest', app],
      ['team/app:multi', multi],
      [`team/app@${signature.digest}`, signature],
      ['team/app/nested:v1', app],
      ['charts/web:1.2.3', chart],
      ['dock:v1', docker],
    ] as const)
      expect((await mirror.pull(name)).digest).toBe(graph.digest);
    expect(await snapshot(root)).toEqual(before);
  });
});
