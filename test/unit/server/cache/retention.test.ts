import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../../../server/audit/events.ts';
import { HousekeepingLane } from '../../../../server/cache/housekeeping-lane.ts';
import { Retention } from '../../../../server/cache/retention.ts';
import { retentionRule, settings } from '../../../../server/config/schema.ts';
import type { RetentionRuleInput } from '../../../../server/config/schema.ts';
import { inTransaction } from '../../../../server/db/database.ts';
import { LiveSettings } from '../../../../server/storage/live-settings.ts';
import { Pins } from '../../../../server/storage/pins.ts';
import { PulledMarks } from '../../../../server/storage/pulled-marks.ts';
import { SettingStore } from '../../../../server/storage/setting-store.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { artifact, image, index } from '../../../support/image-builder.ts';
import { heldContent } from '../storage/held-content.ts';
import type { HeldContent } from '../storage/held-content.ts';

const name = 'team/app';
const day = 86_400_000;
const layer = (text: string): string => text.repeat(1000);

interface Setup {
  readonly held: HeldContent;
  readonly retention: Retention;
  readonly marks: PulledMarks;
  readonly live: LiveSettings;
  readonly events: AuditEvent[];
  readonly changed: string[];
  readonly clock: FakeClock;
}

async function setup(rules: RetentionRuleInput[] = []): Promise<Setup> {
  const held = await heldContent();
  const clock = new FakeClock(held.now);
  const events: AuditEvent[] = [];
  const changed: string[] = [];
  const marks = new PulledMarks(held.db);
  const live = new LiveSettings(settings.parse({}), new Set(), new SettingStore(held.db));
  live.set('retention', { rules });
  const audit = { record: (event: AuditEvent) => void events.push(event) };
  const retention = new Retention({
    db: held.db,
    clock,
    audit,
    live,
    lane: new HousekeepingLane(clock),
    marks,
    changed: (repository) => changed.push(repository),
  });
  return { held, retention, marks, live, events, changed, clock };
}

/** Holds one image per tag, a day after the other, and moves the clock a day on. */
async function holdDaily({ held, clock }: Setup, tags: readonly string[], repository = name): Promise<void> {
  for (const tag of tags) {
    held.now = clock.now();
    await held.hold(repository, image({ layers: [layer('base'), layer(tag)], config: `config ${tag}` }), { tag });
    await clock.advance(day);
  }
}

const tagsOf = (held: HeldContent, repository = name): string[] =>
  held.tags.list(held.repositories.find(repository)!.id);
const keepNewest = (newest: number): RetentionRuleInput => ({ repositories: ['**'], keep: { newest } });

describe('retention', () => {
  it('removes exactly what it showed before, and says until when that can be undone', async () => {
    const parts = await setup([keepNewest(1)]);
    await holdDaily(parts, ['v1', 'v2', 'v3']);
    const { held, retention, live, clock, changed, events } = parts;
    const preview = await retention.preview(live.values.retention.rules);
    expect(preview).toEqual({
      items: [
        { name: `${name}:v1`, why: 'rule 1 keeps only the newest', bytes: 2000 + 'config v1'.length },
        { name: `${name}:v2`, why: 'rule 1 keeps only the newest', bytes: 2000 + 'config v2'.length },
      ],
      itemsTotal: 2,
      freedBytes: 2 * (2000 + 'config v1'.length),
      keptTags: 1,
      kept: [{ name: `${name}:v3`, why: 'rule 1 keeps the newest' }],
      keptUntil: clock.now() + 30 * day,
      warnings: [],
    });
    expect({ tags: tagsOf(held), changed, events }).toEqual({ tags: ['v1', 'v2', 'v3'], changed: [], events: [] });
    expect(await retention.apply()).toEqual(preview);
    expect({ tags: tagsOf(held), changed }).toEqual({ tags: ['v3'], changed: [name] });
    expect(events.map(({ event, artifact: subject, user, detail }) => ({ event, subject, user, detail }))).toEqual(
      ['v1', 'v2'].map((tag) => ({
        event: 'artifact_delete',
        subject: `${name}:${tag}`,
        user: 'housekeeping',
        detail: 'retention: rule 1 keeps only the newest',
      })),
    );
  });

  it("ends the tags' history as retention, and leaves the content for the garbage collection", async () => {
    const parts = await setup([keepNewest(0)]);
    await holdDaily(parts, ['v1']);
    const { held, retention, clock } = parts;
    const before = await held.bytesOnDisk();
    await retention.apply();
    expect(held.db.prepare('SELECT name, ended_at, ended_as FROM tag_history').all()).toEqual([
      { name: 'v1', ended_at: clock.now(), ended_as: 'retention' },
    ]);
    expect(held.db.prepare('SELECT count(*) AS held FROM repository_manifests').get()).toEqual({ held: 1 });
    expect(await held.bytesOnDisk()).toBe(before);
  });

  it('puts manifests without a tag aside, with what only they list, and never what a tag leads to', async () => {
    const parts = await setup([{ repositories: ['**'], untagged: '7d' }]);
    const { held, retention, clock } = parts;
    const shared = image({ layers: [layer('shared')] });
    const own = image({ layers: [layer('own')], config: 'config own' });
    const old = index([shared, own]);
    const signature = artifact({ type: 'application/vnd.test.signature', subject: old, layers: ['signature'] });
    await held.hold(name, old);
    await held.hold(name, signature);
    await held.hold(name, index([shared]), { tag: 'v1' });
    await clock.advance(7 * day);
    held.now = clock.now();
    await held.hold(name, image({ layers: [layer('young')] }));
    const preview = await retention.preview([retentionRule.parse({ repositories: ['**'], untagged: '7d' })]);
    expect(preview.freedBytes).toBe(
      own.config!.size + own.layers[0]!.size + signature.config!.size + signature.layers[0]!.size,
    );
    const applied = await retention.apply();
    expect(applied).toEqual(preview);
    const why = 'rule 1: no tag, and not used for 7d';
    expect(applied.items.map((item) => [item.name, item.why]).sort()).toEqual(
      [old, own, signature].map(({ digest }) => [`${name}@${digest}`, why]).sort(),
    );
    expect(held.db.prepare('SELECT digest FROM deleted_manifests ORDER BY digest').pluck().all()).toEqual(
      [old, own, signature].map(({ digest }) => digest).sort(),
    );
    expect(await retention.apply()).toMatchObject({ itemsTotal: 0 });
  });

  it('leaves what is pinned, held by a person, or pulled a moment ago', async () => {
    const parts = await setup([{ repositories: ['**'], keep: { pulledWithin: '1d' } }]);
    await holdDaily(parts, ['pinned', 'held', 'pulled', 'by-digest', 'gone']);
    const { held, retention, marks, clock } = parts;
    const { id } = held.repositories.find(name)!;
    new Pins(held.db).set(name, 'pinned', true);
    held.db.prepare(`UPDATE tags SET held_since = 1 WHERE name = 'held'`).run();
    marks.note('a', id, 'pulled', clock.now(), '127.0.0.1');
    marks.note('b', id, held.tags.find(id, 'by-digest')!.digest, clock.now(), '127.0.0.1');
    expect((await retention.apply()).items.map((item) => item.name)).toEqual([`${name}:gone`]);
    expect(tagsOf(held)).toEqual(['by-digest', 'held', 'pinned', 'pulled']);
  });

  it('leaves everything of a pinned repository', async () => {
    const parts = await setup([{ repositories: ['**'], keep: {}, untagged: '0s' }]);
    await holdDaily(parts, ['v1']);
    await parts.held.hold(name, image({ layers: ['loose'] }));
    new Pins(parts.held.db).set(name, undefined, true);
    expect(await parts.retention.apply()).toMatchObject({ itemsTotal: 0, keptTags: 1 });
  });

  it('leaves a tag that was moved, pinned, pulled or pushed again after it was chosen', async () => {
    const parts = await setup([keepNewest(0)]);
    await holdDaily(parts, ['gone', 'moved', 'pinned', 'pulled', 'pushed']);
    const { held, retention, marks, clock } = parts;
    const { id } = held.repositories.find(name)!;
    held.db.prepare("UPDATE tags SET checked_at = NULL WHERE name = 'pushed'").run();
    // more turns than one: reading is over when the first repository is told of
    for (let number = 0; number < 300; number += 1) held.repositories.ensure(`filler/${String(number)}`, {}, held.now);
    held.db
      .prepare(
        'INSERT INTO repository_blobs SELECT r.id, b.digest, 1 FROM repositories r, blobs b WHERE true ON CONFLICT DO NOTHING',
      )
      .run();
    const applying = retention.apply();
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(1);
    inTransaction(held.db, () => {
      const { digest } = held.tags.find(id, 'gone')!;
      held.tags.put(id, 'moved', digest, { now: clock.now(), checkedAt: clock.now() });
      const pushed = held.tags.find(id, 'pushed')!;
      held.tags.put(id, 'pushed', pushed.digest, { now: clock.now(), checkedAt: undefined });
    });
    new Pins(held.db).set(name, 'pinned', true);
    marks.note('a', id, 'pulled', clock.now(), '127.0.0.1');
    expect((await applying).items.map((item) => item.name)).toEqual([`${name}:gone`]);
    expect(tagsOf(held)).toEqual(['moved', 'pinned', 'pulled', 'pushed']);
  });

  it('counts bytes once, and none that another repository, tag or manifest needs', async () => {
    const parts = await setup([{ repositories: ['team/**'], keep: {} }]);
    const { held, retention } = parts;
    const both = image({ layers: [layer('both'), layer('elsewhere')], config: 'config both' });
    await held.hold(name, both, { tag: 'v1' });
    await held.hold(name, both, { tag: 'v2' });
    await held.hold('team/web', both, { tag: 'v1' });
    await held.hold('ghcr.io/acme/app', image({ layers: [layer('elsewhere')], config: 'config other' }), { tag: 'v1' });
    const { items, freedBytes } = await retention.apply();
    expect(items.map(({ bytes }) => bytes)).toEqual([4000 + 'config both'.length, 0, 0]);
    expect(freedBytes).toBe(4000 + 'config both'.length);
  });

  it('treats cached and pushed content alike, and warns of rules that keep or decide nothing', async () => {
    const parts = await setup([
      { repositories: ['no/such'], keep: { newest: 1 } },
      { repositories: ['**'], keep: {} },
    ]);
    await holdDaily(parts, ['v1']);
    await holdDaily(parts, ['v1'], 'ghcr.io/acme/app');
    const { items, warnings } = await parts.retention.apply();
    expect(items.map((item) => item.name)).toEqual([`${name}:v1`, 'ghcr.io/acme/app:v1']);
    expect(warnings).toEqual([
      'Rule 2 keeps nothing: of every repository, every tag that is not pinned goes.',
      'Rule 1 decides nothing now: nothing held has such a name, or earlier rules decide about it.',
    ]);
  });

  it('does nothing without rules', async () => {
    const parts = await setup();
    await holdDaily(parts, ['v1']);
    expect(await parts.retention.apply()).toEqual({
      items: [],
      itemsTotal: 0,
      freedBytes: 0,
      keptTags: 0,
      kept: [],
      keptUntil: undefined,
      warnings: [],
    });
  });

  it('lets others have their turn over many repositories', async () => {
    const parts = await setup([keepNewest(1)]);
    const { held, retention } = parts;
    await holdDaily(parts, ['v1', 'v2']);
    held.db
      .prepare(
        `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)
         INSERT INTO repositories (name, created_at) SELECT printf('many/app-%06d', i), 1 FROM n`,
      )
      .run();
    const digest = `sha256:${'1'.repeat(64)}`;
    held.db
      .prepare(
        `INSERT INTO manifests (digest, media_type, size, content, created_at) VALUES (?, 'application/vnd.oci.image.manifest.v1+json', 1, x'7b7d', 1)`,
      )
      .run(digest);
    for (const insert of [
      `INSERT INTO repository_manifests (repository_id, digest, first_seen_at) SELECT id, ?, 1 FROM repositories WHERE name LIKE 'many/%'`,
      `INSERT INTO tags (repository_id, name, digest, first_seen_at) SELECT id, 'v1', ?, 1 FROM repositories WHERE name LIKE 'many/%'`,
    ])
      held.db.prepare(insert).run(digest);
    let turns = 0;
    let isDone = false;
    const count = (): void => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    const { itemsTotal, keptTags } = await retention.apply();
    isDone = true;
    expect({ itemsTotal, keptTags, hasTurns: turns >= 50 }).toEqual({ itemsTotal: 1, keptTags: 5001, hasTurns: true });
  });
});
