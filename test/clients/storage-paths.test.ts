import { join } from 'node:path';
import { expect, test } from 'vitest';
import { atTestEnd, tempDirectory } from '../support/cleanup.ts';
import { clientMissing } from '../support/clients.ts';
import { Workspace } from '../support/clients/workspace.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { realImage } from '../support/real-image.ts';
import { startTempMirror } from '../support/temp-mirror.ts';
import { hasBlobFile } from '../integration/registry/stored-content.ts';

test.skipIf(clientMissing('skopeo') !== undefined)(
  'skopeo pushes to a repository with a directory of its own, pulls from it, and copies on to one without',
  async () => {
    const graph = realImage();
    const upstream = await startFakeUpstream();
    upstream.add('app', 'v1', graph);
    const directory = join(await tempDirectory(), 'infra');
    const mirror = await startTempMirror({ upstream, settings: { storagePaths: [{ prefix: 'infra', directory }] } });
    const workspace = await Workspace.create('skopeo');
    atTestEnd(() => workspace.remove());
    const env = workspace.environment(await workspace.registriesFile());
    const copy = (from: string, to: string): Promise<string> =>
      workspace.run(
        'skopeo',
        ['copy', '--src-tls-verify=false', '--dest-tls-verify=false', '--quiet', '--all', from, to],
        {},
        env,
      );
    await copy(`docker://${upstream.host}/app:v1`, `docker://${mirror.host}/infra/app:v1`);
    for (const digest of graph.blobs.keys()) expect(hasBlobFile(directory, digest)).toBe(true);
    await mirror.restart();
    await copy(`docker://${mirror.host}/infra/app:v1`, `dir:${workspace.unused('pulled')}`);
    await copy(`docker://${mirror.host}/infra/app:v1`, `docker://${mirror.host}/team/app:v1`);
    expect((await mirror.pull('team/app:v1')).digest).toBe(graph.digest);
    for (const digest of graph.blobs.keys()) expect(hasBlobFile(mirror.dataDirectory, digest)).toBe(false);
  },
);
