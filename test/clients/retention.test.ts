import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RetentionRuleInput } from '../../server/config/schema.ts';
import { AdminClient } from '../integration/api/admin-client.ts';
import { atTestEnd } from '../support/cleanup.ts';
import { clientMissing } from '../support/clients.ts';
import { Workspace } from '../support/clients/workspace.ts';
import { realImage } from '../support/real-image.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import type { FakeUpstream } from '../support/fake-upstream/upstream.ts';
import { startTempMirror } from '../support/temp-mirror.ts';
import type { TempMirror } from '../support/temp-mirror.ts';

/** Six tags pushed by a real client; after retention the right ones still pull, the others are gone, and come back. */
const tags = ['1.0.0', '1.9.0', '2.0.0', '2.1.0-rc.1', 'edge', 'nightly'] as const;
const keep: RetentionRuleInput['keep'] = { newest: 2, semver: '>=2.0.0' };
const kept = ['2.0.0', '2.1.0-rc.1', 'edge', 'nightly'];

let upstream: FakeUpstream;
let mirror: TempMirror;

beforeAll(async () => {
  upstream = await startFakeUpstream();
  for (const tag of tags) upstream.add('source', tag, realImage({ layers: [{ 'tag.txt': tag }] }));
  mirror = await startTempMirror({ upstream });
});
afterAll(async () => {
  await mirror.stop();
  await upstream.stop();
});

async function client(program: 'crane' | 'skopeo') {
  const workspace = await Workspace.create(program);
  atTestEnd(() => workspace.remove());
  const env = workspace.environment(await workspace.registriesFile());
  return (args: readonly string[]) => workspace.run(program, args, {}, env);
}

const programs = {
  crane: {
    push: (tag: string) => ['--insecure', 'copy', `${upstream.host}/source:${tag}`, `${mirror.host}/team/crane:${tag}`],
    pull: (tag: string) => ['--insecure', 'validate', '--remote', `${mirror.host}/team/crane:${tag}`],
  },
  skopeo: {
    push: (tag: string) => [
      ...['copy', '--quiet', '--src-tls-verify=false', '--dest-tls-verify=false'],
      ...[`docker://${upstream.host}/source:${tag}`, `docker://${mirror.host}/team/skopeo:${tag}`],
    ],
    pull: (tag: string) => ['inspect', '--tls-verify=false', `docker://${mirror.host}/team/skopeo:${tag}`],
  },
} as const;

for (const program of ['crane', 'skopeo'] as const) {
  test.skipIf(clientMissing(program) !== undefined)(
    `${program} pulls what the newest two and the versions in a range keep, no other tag, and all after undoing`,
    async () => {
      const run = await client(program);
      const admin = new AdminClient(mirror.adminUrl);
      const repository = `team/${program}`;
      const { push, pull } = programs[program];
      for (const tag of tags) await run(push(tag));
      const pullable = async (): Promise<string[]> => {
        const found: string[] = [];
        for (const tag of tags) {
          const isPulled = await run(pull(tag)).then(
            () => true,
            () => false,
          );
          if (isPulled) found.push(tag);
        }
        return found;
      };
      expect(await pullable()).toEqual([...tags]);
      await admin.call('setRetention', { body: { rules: [{ repositories: [repository], keep }] } });
      const { items } = await admin.call('applyRetention', { body: {} });
      expect(items.map(({ name }) => name)).toEqual([`${repository}:1.0.0`, `${repository}:1.9.0`]);
      expect(await pullable()).toEqual(kept);
      const gone = await mirror.get(`/v2/${repository}/manifests/1.0.0`);
      expect(gone.status).toBe(404);
      for (const reference of ['1.0.0', '1.9.0'])
        await admin.call('restoreDeleted', { body: { repository, reference } });
      expect(await pullable()).toEqual([...tags]);
    },
  );
}
