import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDirectory } from '../../support/cleanup.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image, index, linuxArm64 } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { upstreamName } from '../../support/test-settings.ts';

const repository = 'acme/zhi-config-app';
const children = [image({ layers: ['a'] }), image({ layers: ['b'], platform: linuxArm64 })] as const;
const denied = index([...children]);
const other = image({ layers: ['other'] });
const blobs = [...denied.blobs.keys()];

/** Each policy denies `v1` of the repository; `byName`: whatever its tag. */
const policies: readonly (readonly [rule: string, byName: boolean, policy: string])[] = [
  ['publishers.blocked', true, 'publishers: { blocked: [acme] }'],
  ['publishers.allowed', true, 'publishers: { allowed: [zhi-project] }'],
  ['artifacts.blocked', true, 'artifacts: { blocked: ["*/zhi-*-app:*"] }'],
  ['allowedPublishers', true, 'allowedPublishers: [zhi-project]'],
  ['blockedArtifacts', true, 'blockedArtifacts: [acme/zhi-config]'],
  ['allowedTypes', true, 'allowedTypes: [store]'],
  ['plugins.requireVerified', false, 'plugins: { requireVerified: true }'],
  ['requireSignatures', false, 'requireSignatures: true'],
  ['closed', true, 'rules: [{ name: closed, artifacts: ["up.test/acme/**"], then: deny }]'],
  ['young', false, 'rules: [{ name: young, require: { age: 7d } }]'],
  ['no-v1', false, 'rules: [{ name: no-v1, artifacts: ["**:v1"], then: deny }]'],
];

async function start() {
  const upstream = await startFakeUpstream();
  upstream.add(repository, 'v1', denied);
  upstream.add('free/other', 'v1', other);
  const file = join(await tempDirectory(), 'policy.yaml');
  writeFileSync(file, '');
  const clock = new FakeClock();
  const mirror = await startTempMirror({ upstream, clock, settings: { policy: { file } } });
  const enforce = async (policy: string): Promise<void> => {
    writeFileSync(file, policy);
    // the file is looked at every two seconds
    await clock.advance(2000);
  };
  return { upstream, mirror, enforce };
}

/** A request by each name a client can use, for each part of the image. */
function requests(isDigestKnown: boolean): readonly string[] {
  const parts = [
    'manifests/v1',
    ...(isDigestKnown ? [denied, ...children].map((graph) => `manifests/${graph.digest}`) : []),
    ...(isDigestKnown ? blobs.map((digest) => `blobs/${digest}`) : []),
  ];
  return parts.flatMap((part) => [
    `/v2/${repository}/${part}`,
    `/v2/${upstreamName}/${repository}/${part}`,
    `/v2/${repository}/${part}?ns=${upstreamName}`,
  ]);
}

describe.each(policies)('what %s denies (by name: %s)', (rule, byName, policy) => {
  it.each([
    ['cached', true],
    ['not cached', false],
  ] as const)('is delivered by no path, %s', async (_, isCached) => {
    const { upstream, mirror, enforce } = await start();
    if (isCached) await mirror.pull(`${repository}:v1`);
    await enforce(policy);
    const before = upstream.requests.length;

    // by digest, what never was seen under a tag can't be told by its tag: rules about tags are asked of what is known
    const asked = requests(isCached || rule !== 'no-v1');
    const answers = await Promise.all(asked.flatMap((path) => [mirror.get(path), mirror.head(path)]));

    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 403));
    const [first] = answers;
    const told = JSON.parse(first?.body.toString() ?? '') as {
      readonly errors: readonly { readonly message: string }[];
    };
    expect(told).toMatchObject({ errors: [{ code: 'DENIED', detail: { rule } }] });
    expect(told.errors[0]?.message).toContain(`(policy rule ${rule})`);
    // a denial by name costs the upstream nothing
    if (byName) expect(upstream.requests.length).toBe(before);
  });

  it('is not offered by lists, nor to be mounted', async () => {
    const { mirror, enforce } = await start();
    await mirror.pull(`${repository}:v1`);
    await mirror.pull('free/other:v1');
    await enforce(policy);
    const layer = blobs.find((digest) => !other.blobs.has(digest)) ?? '';

    const catalog = await mirror.get('/v2/_catalog');
    const tags = await mirror.get(`/v2/${upstreamName}/${repository}/tags/list`);
    const mounts = await Promise.all(
      [`&from=${upstreamName}/${repository}`, ''].map((from) =>
        mirror.get(`/v2/team/thief/blobs/uploads/?mount=${layer}${from}`, {}, { method: 'POST' }),
      ),
    );
    const elsewhere = await mirror.get(`/v2/${upstreamName}/free/other/blobs/${layer}`);

    const listed = (JSON.parse(catalog.body.toString()) as { repositories: string[] }).repositories;
    expect(listed.includes(`${upstreamName}/${repository}`)).toBe(!byName);
    if (byName) expect(tags.status).toBe(403);
    else if (rule === 'no-v1') expect(JSON.parse(tags.body.toString())).toMatchObject({ tags: [] });
    // 201 would be the blob
    expect(mounts.every((answer) => answer.status === 202 || answer.status === 403)).toBe(true);
    expect(elsewhere.status).not.toBe(200);
  });

  it('is written down with its rule, and never with a body', async () => {
    const { mirror, enforce } = await start();
    await enforce(policy);

    await mirror.get(`/v2/${repository}/manifests/v1`);

    const [line] = await mirror.audit({ outcome: 'denied' }, 1);
    expect(line).toMatchObject({ event: 'artifact_pull', outcome: 'denied', status: 403, bytes: 0, code: 'DENIED' });
    expect(String(line?.['detail'])).toContain(`policy rule ${rule}`);
  });
});

describe('what a policy allows', () => {
  it('comes through beside what it denies, cold and warm', async () => {
    const { mirror, enforce } = await start();
    await enforce('publishers: { blocked: [acme] }');

    const cold = await mirror.pull('free/other:v1');
    const warm = await mirror.pull('free/other:v1');

    expect([cold.digest, warm.digest]).toEqual([other.digest, other.digest]);
  });

  it('by one tag may be had by digest, though another tag of the same digest is denied', async () => {
    const { upstream, mirror, enforce } = await start();
    upstream.add(repository, 'v2', denied);
    await mirror.pull(`${repository}:v1`);
    await mirror.pull(`${repository}:v2`);
    await enforce('rules: [{ name: no-v1, artifacts: ["**:v1"], then: deny }]');

    const answers = await Promise.all(
      ['manifests/v1', 'manifests/v2', `manifests/${denied.digest}`, `blobs/${blobs[0] ?? ''}`].map((part) =>
        mirror.get(`/v2/${repository}/${part}`),
      ),
    );

    expect(answers.map((answer) => answer.status)).toEqual([403, 200, 200, 200]);
  });

  it('holds at once after an edit of the file, also for answers that were warm', async () => {
    const { mirror, enforce } = await start();
    await enforce('publishers: { blocked: [nobody] }');
    await mirror.pull(`${repository}:v1`);
    await mirror.pull(`${repository}:v1`);
    await enforce('publishers: { blocked: [acme] }');

    expect((await mirror.get(`/v2/${repository}/manifests/v1`)).status).toBe(403);
  });
});
