import { describe, expect, it } from 'vitest';
import type { RetentionRuleInput } from '../../../server/config/schema.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { pushGraph } from '../../support/push-graph.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from './admin-client.ts';

const minute = 60_000;
const repository = 'team/app';
const newestTwo: RetentionRuleInput[] = [{ repositories: ['team/**'], keep: { newest: 2 } }];

async function pushed(tags: readonly string[]) {
  const clock = new FakeClock();
  const mirror = await startTempMirror({
    clock,
    settings: { history: { keepFor: '1h' }, gc: { every: '0s', delay: '1m' } },
  });
  for (const tag of tags) {
    await pushGraph(mirror.url, repository, tag, image({ layers: ['base', tag], config: `config ${tag}` }));
    await clock.advance(minute);
  }
  return { clock, mirror, admin: new AdminClient(mirror.adminUrl) };
}

async function answers(mirror: TempMirror, tags: readonly string[]): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const tag of tags) found[tag] = (await mirror.get(`/v2/${repository}/manifests/${tag}`)).status;
  return found;
}

describe('retention', () => {
  it('shows what unsaved rules would do and changes nothing, then saves, applies and audits', async () => {
    const { mirror, admin } = await pushed(['v1', 'v2', 'v3']);
    await answers(mirror, ['v1', 'v2', 'v3']);
    const preview = await admin.call('applyRetention', { body: { dryRun: true, rules: newestTwo } });
    expect(preview).toMatchObject({
      items: [
        { name: `${repository}:v1`, why: 'rule 1 keeps only the newest 2', bytes: 'v1'.length + 'config v1'.length },
      ],
      keptTags: 2,
      sentences: ['In team/**: of all tags, keep the newest 2; the others go.'],
      warnings: [],
    });
    expect(await admin.call('getRetention')).toEqual({ rules: [], sentences: [], locked: false });
    expect(await answers(mirror, ['v1', 'v2', 'v3'])).toEqual({ v1: 200, v2: 200, v3: 200 });
    const saved = await admin.call('setRetention', { body: { rules: newestTwo } });
    expect(saved).toEqual({ rules: [{ ...newestTwo[0], tags: ['**'] }], sentences: preview.sentences, locked: false });
    expect(await admin.call('applyRetention', { body: {} })).toEqual(preview);
    // the warm answer is forgotten at once
    expect(await answers(mirror, ['v1', 'v2', 'v3'])).toEqual({ v1: 404, v2: 200, v3: 200 });
    const lines = await mirror.audit({ event: 'artifact_delete' });
    expect(lines).toMatchObject([
      { artifact: `${repository}:v1`, client_ip: '127.0.0.1', detail: 'retention: rule 1 keeps only the newest 2' },
    ]);
    expect((await mirror.audit({ event: 'config_change' }))[0]).toMatchObject({
      artifact: 'retention rules',
      detail: preview.sentences[0],
    });
  });

  it('can be undone while the content is kept; the garbage collection after that frees what was said', async () => {
    const { mirror, admin, clock } = await pushed(['v1', 'v2', 'v3']);
    await admin.call('setRetention', { body: { rules: newestTwo } });
    const { freedBytes, keptUntil } = await admin.call('applyRetention', { body: {} });
    await admin.call('restoreDeleted', { body: { repository, reference: 'v1' } });
    expect(await answers(mirror, ['v1'])).toEqual({ v1: 200 });
    expect((await mirror.pull(`${repository}:v1`)).digest).toMatch(/^sha256:/);
    // it came back a moment ago, so it is the newest now
    const again = await admin.call('applyRetention', { body: {} });
    expect(again.items.map(({ name }) => name)).toEqual([`${repository}:v2`]);
    await clock.advance(keptUntil! - clock.now() + minute);
    const collected = await admin.call('collectGarbage', { body: {} });
    expect(collected.freedBytes).toBe(freedBytes);
    expect(await answers(mirror, ['v1', 'v2', 'v3'])).toEqual({ v1: 200, v2: 404, v3: 200 });
  });

  it('puts manifests without a tag aside; a collection meanwhile leaves their blobs, a later one frees them', async () => {
    const { mirror, admin, clock } = await pushed(['v1']);
    const graph = image({ layers: ['by digest'], config: 'config by digest' });
    const name = `${repository}@${graph.digest}`;
    await pushGraph(mirror.url, repository, graph.digest, graph);
    await clock.advance(5 * minute);
    await admin.call('setRetention', { body: { rules: [{ repositories: ['**'], untagged: '4m' }] } });
    const { items, freedBytes, keptUntil } = await admin.call('applyRetention', { body: {} });
    expect(items.map((item) => item.name)).toEqual([name]);
    expect((await mirror.get(`/v2/${repository}/manifests/${graph.digest}`)).status).toBe(404);
    await clock.advance(5 * minute);
    expect((await admin.call('collectGarbage', { body: {} })).freedBytes).toBe(0);
    await admin.call('restoreDeleted', { body: { repository, reference: graph.digest } });
    expect((await mirror.pull(name)).digest).toBe(graph.digest);
    // it was pulled a moment ago
    expect((await admin.call('applyRetention', { body: {} })).itemsTotal).toBe(0);
    await clock.advance(5 * minute);
    expect((await admin.call('applyRetention', { body: {} })).freedBytes).toBe(freedBytes);
    await clock.advance(keptUntil! - clock.now() + 20 * minute);
    expect((await admin.call('collectGarbage', { body: {} })).freedBytes).toBe(freedBytes);
    expect((await mirror.pull(`${repository}:v1`)).digest).toMatch(/^sha256:/);
  });

  it('is applied before a garbage collection', async () => {
    const { mirror, admin } = await pushed(['v1', 'v2', 'v3']);
    await admin.call('setRetention', { body: { rules: newestTwo } });
    await admin.call('collectGarbage', { body: { dryRun: true } });
    expect(await answers(mirror, ['v1'])).toEqual({ v1: 200 });
    await admin.call('collectGarbage', { body: {} });
    expect(await answers(mirror, ['v1', 'v2', 'v3'])).toEqual({ v1: 404, v2: 200, v3: 200 });
    expect(await mirror.audit({ event: 'artifact_delete' })).toMatchObject([
      { artifact: `${repository}:v1`, user: 'housekeeping' },
    ]);
  });

  it('lets a cached tag be fetched again from its upstream', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', image({ layers: ['one'] }));
    const mirror = await startTempMirror({ upstream });
    const admin = new AdminClient(mirror.adminUrl);
    await mirror.pull('acme/app:v1');
    await admin.call('setRetention', { body: { rules: [{ repositories: ['up.test/**'], keep: {} }] } });
    const { items, warnings } = await admin.call('applyRetention', { body: {} });
    expect(items.map(({ name }) => name)).toEqual(['up.test/acme/app:v1']);
    expect(warnings).toHaveLength(1);
    expect((await mirror.pull('acme/app:v1')).digest).toMatch(/^sha256:/);
    expect((await admin.call('getRepository', { query: { repository: 'up.test/acme/app' } })).tags).toHaveLength(1);
  });

  it('refuses rules that make no sense, rules beside an application, and changes of what the settings file gives', async () => {
    const { admin } = await pushed([]);
    const bad = { rules: [{ repositories: ['**'], keep: { semver: 'newest' } }] };
    expect(await admin.fail('setRetention', { body: bad })).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    expect(await admin.fail('applyRetention', { body: { dryRun: true, ...bad } })).toMatchObject({ status: 400 });
    expect((await admin.fail('applyRetention', { body: { rules: newestTwo } })).code).toBe('REQUEST_INVALID');
    expect((await admin.call('getRetention')).rules).toEqual([]);
    const given = await startTempMirror({
      settings: { retention: { rules: newestTwo } },
      givenSettings: new Set(['retention']),
    });
    const locked = new AdminClient(given.adminUrl);
    expect(await locked.call('getRetention')).toMatchObject({ locked: true, sentences: [expect.any(String)] });
    expect((await locked.fail('setRetention', { body: { rules: [] } })).code).toBe('CONFIG_INVALID');
  });
});
