import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AdminClient } from '../integration/api/admin-client.ts';
import { clientMissing, startClient } from '../support/clients.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import type { FakeUpstream } from '../support/fake-upstream/upstream.ts';
import { atTestEnd } from '../support/cleanup.ts';
import { Workspace } from '../support/clients/workspace.ts';
import { realIndex } from '../support/real-image.ts';
import { startTempMirror } from '../support/temp-mirror.ts';
import type { TempMirror } from '../support/temp-mirror.ts';

/** Rollback, deletion and its undoing, as real clients see them. */
const [one, two, three] = [realIndex({ text: 'one' }), realIndex({ text: 'two' }), realIndex({ text: 'three' })];
const ttlMs = 6 * 60_000;

let upstream: FakeUpstream;
let mirror: TempMirror;
const clock = new FakeClock();

beforeAll(async () => {
  upstream = await startFakeUpstream();
  upstream.add('source', 'one', one);
  upstream.add('source', 'two', two);
  mirror = await startTempMirror({ upstream, clock });
});
afterAll(async () => {
  await mirror.stop();
  await upstream.stop();
});

const copies = {
  skopeo: (from: string, to: string) => [
    ...['copy', '--src-tls-verify=false', '--dest-tls-verify=false', '--quiet', '--all'],
    ...[`docker://${from}`, `docker://${to}`],
  ],
  crane: (from: string, to: string) => ['copy', '--insecure', from, to],
} as const;
const deletions = {
  skopeo: (name: string) => ['delete', '--tls-verify=false', `docker://${name}`],
  crane: (name: string) => ['delete', '--insecure', name],
} as const;

async function runner(program: 'skopeo' | 'crane') {
  const workspace = await Workspace.create(program);
  atTestEnd(() => workspace.remove());
  const env = workspace.environment(await workspace.registriesFile());
  return (args: readonly string[]) => workspace.run(program, args, {}, env);
}

describe.each(['skopeo', 'crane'] as const)('%s', (name) => {
  const run = test.skipIf(clientMissing(name) !== undefined);

  run('pulls what a pushed tag was rolled back to, and what was deleted and restored', async () => {
    const client = await startClient(name);
    const tool = await runner(name);
    const repository = `team/${name}`;
    const tag = `${mirror.host}/${repository}:v1`;
    await tool(copies[name](`${upstream.host}/source:one`, tag));
    await tool(copies[name](`${upstream.host}/source:two`, tag));
    const admin = new AdminClient(mirror.adminUrl);
    await admin.call('rollbackTag', { body: { repository, tag: 'v1' } });
    expect((await client.pull(tag)).digest).toBe(one.digest);
    await mirror.restart();
    expect((await client.pull(tag)).digest).toBe(one.digest);
    await tool(deletions[name](`${mirror.host}/${repository}@${one.digest}`));
    await expect(client.pull(tag)).rejects.toThrow();
    await expect(client.pull(`${mirror.host}/${repository}@${one.digest}`)).rejects.toThrow();
    await mirror.restart();
    await admin.call('restoreDeleted', { body: { repository, reference: one.digest } });
    expect((await client.pull(tag)).digest).toBe(one.digest);
    await admin.call('deleteContent', { body: { repository } });
    await expect(client.pull(tag)).rejects.toThrow();
    await admin.call('restoreDeleted', { body: { repository } });
    expect((await client.pull(tag)).digest).toBe(one.digest);
    await admin.call('rollbackTag', { body: { repository, tag: 'v1', digest: two.digest } });
    expect((await client.pull(tag)).digest).toBe(two.digest);
    await admin.call('deleteContent', { body: { repository } });
    await tool(copies[name](`${upstream.host}/source:one`, tag));
    expect((await client.pull(tag)).digest).toBe(one.digest);
  });

  run(
    'pulls what the tag of an upstream was rolled back to, though the upstream moves it, until it is let go',
    async () => {
      const client = await startClient(name);
      const repository = `acme/${name}`;
      const tag = `${mirror.host}/${repository}:v1`;
      const admin = new AdminClient(mirror.adminUrl);
      const stored = { repository: `up.test/${repository}`, tag: 'v1' };
      for (const graph of [one, two]) {
        upstream.add(repository, 'v1', graph);
        await clock.advance(ttlMs);
        expect((await client.pull(tag)).digest).toBe(graph.digest);
      }
      const past = await admin.call('getTagHistory', { query: stored });
      expect(past.entries.map(({ digest, held }) => [digest, held])).toEqual([
        [two.digest, true],
        [one.digest, true],
      ]);
      await admin.call('rollbackTag', { body: stored });
      upstream.add(repository, 'v1', three);
      await clock.advance(ttlMs);
      await mirror.restart();
      await clock.advance(ttlMs);
      upstream.clearRequests();
      expect((await client.pull(tag)).digest).toBe(one.digest);
      expect(upstream.count()).toBe(0);
      await admin.call('releaseTag', { body: stored });
      expect((await client.pull(tag)).digest).toBe(three.digest);
    },
  );
});
