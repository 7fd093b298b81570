import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RouteQuery } from '../../../server/api/contract.ts';
import { tempDirectory } from '../../support/cleanup.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image, index, linuxArm64 } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { upstreamName } from '../../support/test-settings.ts';
import { AdminClient } from './admin-client.ts';

const app = index([image({ layers: ['a'] }), image({ layers: ['b'], platform: linuxArm64 })]);
const closed = '# agreed\nrules:\n  - name: closed\n    artifacts: ["*/acme/**"]\n    then: deny\n    reason: moved\n';

async function start(settings: Record<string, unknown> = {}, clock = new FakeClock()) {
  const upstream = await startFakeUpstream();
  upstream.add('acme/app', 'v1', app);
  upstream.add('free/app', 'v1', app);
  const mirror = await startTempMirror({ upstream, clock, settings });
  return { mirror, clock, admin: new AdminClient(mirror.adminUrl) };
}

/** Rows of the audit's index, newest first, once there are as many. */
async function recorded(admin: AdminClient, clock: FakeClock, query: RouteQuery<'searchAudit'>, count: number) {
  for (;;) {
    await clock.advance(100);
    const { rows } = await admin.call('searchAudit', { query });
    if (rows.length >= count) return rows;
  }
}

describe("the window's policy", () => {
  it('holds at once, keeps its comments, and is recorded with its version and who changed it', async () => {
    const { mirror, admin, clock } = await start();
    await mirror.pull('acme/app:v1');

    const saved = await admin.call('setPolicy', { body: { text: closed, base: 'none' } });

    expect(saved).toMatchObject({
      source: 'window',
      text: closed,
      rules: [{ name: 'closed', mode: 'enforce', sentence: 'For */acme/**: denied. Reason: moved.' }],
      problems: [],
    });
    expect((await mirror.get('/v2/acme/app/manifests/v1')).status).toBe(403);
    const [row] = await recorded(admin, clock, { event: 'config_change', text: 'policy' }, 1);
    expect(row).toMatchObject({
      clientIp: '127.0.0.1',
      outcome: 'ok',
      detail: `version ${saved.version} instead of none, in the window: 1 rule`,
    });
  });

  it('is not overwritten by who edited an older one, nor by one that is wrong', async () => {
    const { admin } = await start();
    const { version } = await admin.call('setPolicy', { body: { text: closed } });

    const older = await admin.fail('setPolicy', { body: { text: '', base: 'none' } });
    const wrong = await admin.fail('setPolicy', { body: { text: 'rules: 1' } });

    expect([older.code, wrong.code]).toEqual(['CONFLICT', 'CONFIG_INVALID']);
    expect((await admin.call('getPolicy')).version).toBe(version);
  });

  it('is checked by line without being saved', async () => {
    const { admin } = await start();

    const lint = await admin.call('lintPolicy', { body: { text: 'publishers:\n  blockd: [x]\n' } });

    expect(lint).toMatchObject({ problems: [{ line: 2, column: 3 }], rules: [] });
    expect((await admin.call('getPolicy')).source).toBe('none');
  });
});

describe('a policy file', () => {
  it('is not changed in the window; a broken edit is an attention item until it is mended, and both are recorded', async () => {
    const file = join(await tempDirectory(), 'policy.yaml');
    writeFileSync(file, closed);
    const { mirror, admin, clock } = await start({ policy: { file } });

    const refused = await admin.fail('setPolicy', { body: { text: '' } });
    writeFileSync(file, 'rules: broken\n');
    await clock.advance(2000);
    const broken = await admin.call('getStatus');
    const stillDenied = await mirror.get('/v2/acme/app/manifests/v1');
    writeFileSync(file, `${closed}# mended\n`);
    await clock.advance(2000);

    expect(refused.code).toBe('CONFIG_INVALID');
    expect(broken.attention.map(({ id, link }) => ({ id, link }))).toEqual([{ id: 'policy', link: '/policies' }]);
    expect(stillDenied.status).toBe(403);
    expect((await admin.call('getStatus')).attention).toEqual([]);
    const rows = await recorded(admin, clock, { event: 'config_change', text: 'policy' }, 2);
    expect(rows.map(({ outcome }) => outcome)).toEqual(['ok', 'failed']);
  });
});

describe('trying a reference', () => {
  it('says how it was mapped, which rule decides, and what each rule said', async () => {
    const { mirror, admin } = await start();
    await mirror.pull('acme/app:v1');

    const result = await admin.call('testPolicy', { body: { reference: 'acme/app:v1', text: closed } });

    expect(result).toMatchObject({
      mapping: { rule: 'default', repository: `${upstreamName}/acme/app`, upstream: upstreamName },
      held: true,
      effect: 'deny',
      rule: 'closed',
      rules: [{ rule: 'closed', mode: 'enforce', said: 'deny' }],
    });
  });

  it('decides a digest by the tag that leads to it, and says so', async () => {
    const { mirror, admin } = await start();
    await mirror.pull('acme/app:v1');
    const text = 'rules: [{ name: no-v1, artifacts: ["**:v1"], then: deny }]';

    const result = await admin.call('testPolicy', { body: { reference: `acme/app@${app.digest}`, text } });

    expect(result).toMatchObject({ effect: 'deny', rule: 'no-v1', tags: ['v1'] });
  });

  it('does not pretend to know what depends on content that is not held', async () => {
    const { admin } = await start();
    const text = 'rules: [{ name: old, require: { age: 7d } }]';

    const result = await admin.call('testPolicy', { body: { reference: 'acme/app:v1', text } });

    expect(result).toMatchObject({ effect: 'unknown', held: false, needs: [{ fact: 'firstSeenAt' }] });
  });

  it('has the name that the upstream gives it where a content rule gives another', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    const content = [{ prefix: 'acme/**', destination: '/mirrored', stripPrefix: true }];
    const file = join(await tempDirectory(), 'policy.yaml');
    writeFileSync(file, 'publishers: { blocked: [acme] }\n');
    const mirror = await startTempMirror({
      upstream,
      upstreamSettings: { content },
      settings: { policy: { file } },
    });

    const answer = await mirror.get('/v2/mirrored/app/manifests/v1');

    expect(answer.status).toBe(403);
  });
});

describe('an allow-list by tag', () => {
  it('delivers what it allows, with all its parts, and nothing else', async () => {
    const { mirror, admin } = await start();
    const text = 'rules: [{ name: v, artifacts: ["**:v*"], then: allow }, { name: closed, then: deny }]';
    await admin.call('setPolicy', { body: { text } });

    await mirror.pull('acme/app:v1');
    const other = await mirror.get('/v2/acme/app/manifests/latest');
    const tags = await mirror.get('/v2/acme/app/tags/list');

    expect([other.status, tags.status]).toEqual([403, 200]);
  });
});

describe('a replay', () => {
  it('counts what a policy would have denied, by rule and name, newest first', async () => {
    const { mirror, admin, clock } = await start();
    for (const name of ['free/app:v1', 'acme/app:v1', 'acme/app:v1']) {
      await mirror.pull(name);
      await clock.advance(1000);
    }
    await recorded(admin, clock, { event: 'artifact_pull', text: 'acme/app:v1' }, 2);

    const report = await admin.call('replayPolicy', { body: { text: closed } });

    const own = report.items.filter(({ artifact }) => artifact.endsWith(':v1'));
    expect(own).toEqual([
      {
        artifact: `${upstreamName}/acme/app:v1`,
        digest: app.digest,
        rule: 'closed',
        reason: 'rule closed denies it: moved',
        mode: 'enforce',
        pulls: 2,
        lastAt: expect.any(Number) as number,
      },
    ]);
    expect({ total: report.pulls, sum: report.allowed + report.denied }).toEqual({
      total: report.pulls,
      sum: report.pulls,
    });
    expect(report.rules).toMatchObject([{ rule: 'closed', mode: 'enforce', pulls: report.denied }]);
  });
});
