import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientMissing, startClient } from '../support/clients.ts';
import type { Client } from '../support/clients/client.types.ts';
import { tempDirectory } from '../support/cleanup.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import type { FakeUpstream } from '../support/fake-upstream/upstream.ts';
import { startMirrorProcess } from '../support/mirror-process.ts';
import type { MirrorProcess } from '../support/mirror-process.ts';
import { realImage } from '../support/real-image.ts';
import { seedPolicy } from '../support/seed-policy.ts';

const image = realImage();

/** Each rule of it: what it lets through, and what it refuses with which words; one client escapes quotes. */
const cases: readonly (readonly [rule: string, allowed: string, denied: string, reason: RegExp])[] = [
  [
    'publishers.allowed, first entry',
    'zhi-project/app',
    'somebody/app',
    /publisher \\?"somebody\\?" is not allowed by policy \(policy rule publishers\.allowed\)/,
  ],
  [
    'publishers.allowed, second entry',
    'company-internal/app',
    'company-external/app',
    /publisher \\?"company-external\\?" is not allowed by policy \(policy rule publishers\.allowed\)/,
  ],
  [
    'publishers.blocked',
    'zhi-project/tool',
    'untrusted-publisher/tool',
    /publisher \\?"untrusted-publisher\\?" is blocked by policy \(policy rule publishers\.blocked\)/,
  ],
  [
    'artifacts.blocked',
    'zhi-project/deprecated-notes',
    'zhi-project/zhi-workspace-deprecated',
    /\\?"\*\/zhi-\*-deprecated:\*\\?" is blocked by policy \(policy rule artifacts\.blocked\)/,
  ],
  [
    // that a verified plugin passes needs a marketplace that is asked
    'plugins.requireVerified, for what is no plugin',
    'zhi-project/zhi-workspace-base',
    'zhi-project/zhi-config-ansible',
    /the plugin is not verified: .*\(policy rule plugins\.requireVerified\)/,
  ],
];

describe.each(['skopeo', 'crane'] as const)('%s', (name) => {
  describe.skipIf(clientMissing(name) !== undefined)('under the documented policy', () => {
    let client: Client;
    let upstream: FakeUpstream;
    let mirror: MirrorProcess;
    beforeAll(async () => {
      client = await startClient(name);
      upstream = await startFakeUpstream();
      for (const [, allowed, denied] of cases)
        for (const repository of [allowed, denied]) upstream.add(repository, 'v1.2.0', image);
      const file = join(await tempDirectory(), 'mirror-policy.yaml');
      writeFileSync(file, seedPolicy);
      mirror = await startMirrorProcess({ from: 'built', upstream, args: ['--policy', file] });
    });
    afterAll(async () => {
      await client.stop();
      await mirror.remove();
      await upstream.stop();
    });

    test.each(cases)('%s allows and denies', async (_, allowed, denied, reason) => {
      expect(await client.pull(`${mirror.host}/${allowed}:v1.2.0`)).toEqual({ digest: image.digest });
      await expect(client.pull(`${mirror.host}/${denied}:v1.2.0`)).rejects.toThrow(reason);
      const [line] = await mirror.audit({ outcome: 'denied', artifact: `up.test/${denied}:v1.2.0` });
      expect(line).toMatchObject({ status: 403, code: 'DENIED', bytes: 0 });
    });
  });
});
