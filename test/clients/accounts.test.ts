import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { UpstreamInput } from '../../server/config/schema.ts';
import { clientMissing, startClient } from '../support/clients.ts';
import { clientNames } from '../support/clients/client.types.ts';
import type { Client } from '../support/clients/client.types.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import type { UpstreamAuth } from '../support/fake-upstream/auth.ts';
import { startMirrorProcess } from '../support/mirror-process.ts';
import { realIndex } from '../support/real-image.ts';

const account = { username: 'robot', password: 'pass:wörd' };
const image = realIndex();

interface Case {
  readonly title: string;
  readonly auth: UpstreamAuth;
  readonly accounts: UpstreamInput['accounts'];
}

const cases: readonly Case[] = [
  { title: 'an anonymous token', auth: { kind: 'anonymous-bearer' }, accounts: [] },
  { title: 'a token for an account', auth: { kind: 'bearer', ...account }, accounts: [account] },
  { title: 'a password', auth: { kind: 'basic', ...account }, accounts: [account] },
];

describe.each(clientNames)('%s without credentials', (name) => {
  describe.skipIf(clientMissing(name) !== undefined)('pulls from an upstream that wants', () => {
    let client: Client;
    beforeAll(async () => {
      client = await startClient(name);
    });
    afterAll(() => client.stop());

    test.each(cases)('$title', async ({ auth, accounts }) => {
      const upstream = await startFakeUpstream({ auth });
      upstream.add('private/app', 'v1', image);
      const mirror = await startMirrorProcess({
        from: 'built',
        upstream,
        upstreamSettings: accounts === undefined ? {} : { accounts },
      });
      expect(await client.pull(`${mirror.host}/private/app:v1`)).toEqual({ digest: image.digest });
      expect(mirror.output).not.toContain(account.password);
      // the upstream gives it to nobody else
      if (accounts?.length !== 0) await expect(client.pull(`${upstream.host}/private/app:v1`)).rejects.toThrow();
    });

    test('a password that is wrong, and fails as what it is', async () => {
      const upstream = await startFakeUpstream({ auth: { kind: 'basic', ...account } });
      upstream.add('private/app', 'v1', image);
      const accounts = [{ ...account, password: 'wrong' }];
      const mirror = await startMirrorProcess({ from: 'built', upstream, upstreamSettings: { accounts } });
      await expect(client.pull(`${mirror.host}/private/app:v1`)).rejects.toThrow(/502|refused|credentials|account/);
      const [line] = await mirror.audit({ outcome: 'failed' });
      expect(line).toMatchObject({ artifact: 'up.test/private/app:v1', status: 502 });
    });
  });
});
