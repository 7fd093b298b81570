import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../../server/errors.ts';
import { Leases } from '../../../../server/storage/leases.ts';
import { Pins } from '../../../../server/storage/pins.ts';
import { Removal } from '../../../../server/storage/removal.ts';
import type { RemovalTarget } from '../../../../server/storage/removal.ts';
import { rejectsWith, throwsWith } from '../../../support/expect-code.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { artifact, image, index, linuxAmd64, linuxArm64 } from '../../../support/image-builder.ts';
import { heldContent } from './held-content.ts';
import type { HeldContent } from './held-content.ts';

const name = 'ghcr.io/acme/app';
const layer = (text: string): string => text.repeat(1000);
const atOnce = { now: 2_000_000, freeNow: true };
const undoable = { now: 2_000_000, freeNow: false };

/** Removes, after checking that the preview says the same and that the disk agrees on the bytes. */
async function removeAsPreviewed(held: HeldContent, target: RemovalTarget, options = atOnce) {
  const removal = new Removal(held.db, held.layout);
  const before = await held.bytesOnDisk();
  const preview = removal.preview(target, options);
  expect(await held.bytesOnDisk()).toBe(before);
  const removed = await removal.remove(target, options);
  expect(removed).toEqual(preview);
  expect(before - (await held.bytesOnDisk())).toBe(removed.freedBytes);
  const { kept, counted } = held.figures();
  expect(kept).toEqual(counted);
  return removed;
}

describe('removal of a tag', () => {
  it('takes the manifests and blobs only this tag leads to and leaves what is shared', async () => {
    const held = await heldContent();
    const base = layer('base');
    const one = image({ layers: [base, layer('one')], config: 'config one' });
    const two = image({ layers: [base, layer('two')], config: 'config two' });
    await held.hold(name, one, { tag: 'v1' });
    await held.hold(name, two, { tag: 'v2' });
    const removed = await removeAsPreviewed(held, { repository: name, reference: 'v1' });
    expect(removed).toEqual({
      items: [`${name}:v1`, `${name}@${one.digest}`, `blob ${one.config!.digest}`, `blob ${one.layers[1]!.digest}`],
      itemsTotal: 4,
      freedBytes: 'config one'.length + 3000,
      keptBytes: 0,
    });
    expect(existsSync(held.layout.blob(two.layers[0]!.digest))).toBe(true);
    expect(held.manifests.find(one.digest)).toBeUndefined();
    expect(held.manifests.find(two.digest)?.content).toEqual(two.bytes);
  });

  it('that can be undone leaves what somebody was told is here and is about to push a manifest for', async () => {
    const held = await heldContent();
    const one = image({ layers: [layer('base')], config: 'config one' });
    await held.hold('team/app', one, { tag: 'v1' });
    const [base, config] = [one.layers[0]!.digest, one.config!.digest];
    const leases = new Leases(new FakeClock(), () => 60_000);
    leases.note(base);
    await new Removal(held.db, held.layout, leases).remove({ repository: 'team/app', reference: 'v1' }, undoable);
    const { id } = held.repositories.find('team/app')!;
    expect([held.blobs.isLinked(id, base), held.blobs.isLinked(id, config)]).toEqual([true, false]);
    expect(held.figures().kept).toEqual(held.figures().counted);
  });

  it('takes what only one of hundreds of manifests references, and what it shares with them stays', async () => {
    const held = await heldContent();
    const images = Array.from({ length: 300 }, (_, at) =>
      image({ layers: [layer('base'), `own ${String(at)}`], config: 'the same' }),
    );
    for (const [at, graph] of images.entries()) await held.hold(name, graph, { tag: `v${String(at)}` });
    const own = images[7]!.layers[1]!.digest;
    const removed = await removeAsPreviewed(held, { repository: name, reference: 'v7' });
    expect(removed.items).toEqual([`${name}:v7`, `${name}@${images[7]!.digest}`, `blob ${own}`]);
  });

  it('removes only the tag while another tag points at the same manifest', async () => {
    const held = await heldContent();
    const graph = image();
    await held.hold(name, graph, { tag: 'v1' });
    await held.hold(name, graph, { tag: 'latest' });
    const removed = await removeAsPreviewed(held, { repository: name, reference: 'v1' });
    expect(removed).toEqual({ items: [`${name}:v1`], itemsTotal: 1, freedBytes: 0, keptBytes: 0 });
    const repository = held.repositories.find(name)!;
    expect(held.tags.list(repository.id)).toEqual(['latest']);
  });

  it('keeps a blob that another repository links, and one that only its manifest references', async () => {
    const held = await heldContent();
    const graph = image({ layers: [layer('shared')] });
    await held.hold(name, graph, { tag: 'v1' });
    await held.hold('ghcr.io/other/app', graph, { tag: 'v1' });
    const removed = await removeAsPreviewed(held, { repository: name, reference: 'v1' });
    expect(removed.freedBytes).toBe(0);
    expect(existsSync(held.layout.blob(graph.layers[0]!.digest))).toBe(true);
    expect(held.manifests.find(graph.digest)).toBeDefined();
    const last = await removeAsPreviewed(held, { repository: 'ghcr.io/other/app', reference: 'v1' });
    expect(last.freedBytes).toBe(graph.layers[0]!.size + graph.config!.size);
  });

  it('takes the images an index lists, and what is attached to them, unless something else leads there', async () => {
    const held = await heldContent();
    const amd64 = image({ platform: linuxAmd64, layers: [layer('amd64')] });
    const arm64 = image({ platform: linuxArm64, layers: [layer('arm64')] });
    const list = index([amd64, arm64]);
    const signature = artifact({
      type: 'application/vnd.dev.cosign.artifact.sig.v1+json',
      subject: list,
      layers: ['signature'],
    });
    await held.hold(name, list, { tag: 'v1' });
    await held.hold(name, signature);
    await held.hold(name, arm64, { tag: 'v1-arm64' });
    const removed = await removeAsPreviewed(held, { repository: name, reference: 'v1' });
    expect([...removed.items].sort()).toEqual(
      [
        `${name}:v1`,
        `${name}@${list.digest}`,
        `${name}@${amd64.digest}`,
        `${name}@${signature.digest}`,
        ...[...amd64.layers, amd64.config!, ...signature.layers, signature.config!].map((one) => `blob ${one.digest}`),
      ].sort(),
    );
    expect(held.manifests.find(arm64.digest)).toBeDefined();
  });

  it('keeps what an untagged index still lists', async () => {
    const held = await heldContent();
    const shared = image({ layers: [layer('shared')] });
    await held.hold(name, index([shared], { annotations: { moved: 'yes' } }));
    await held.hold(name, index([shared]), { tag: 'v1' });
    const removed = await removeAsPreviewed(held, { repository: name, reference: 'v1' });
    expect(removed.freedBytes).toBe(0);
    expect(held.manifests.find(shared.digest)).toBeDefined();
  });

  it("keeps the tag's history, and says when and how it ended", async () => {
    const held = await heldContent();
    const graph = image();
    await held.hold(name, graph, { tag: 'v1' });
    await removeAsPreviewed(held, { repository: name, reference: 'v1' });
    expect(held.db.prepare('SELECT name, digest, ended_at, ended_as FROM tag_history').all()).toEqual([
      { name: 'v1', digest: graph.digest, ended_at: 2_000_000, ended_as: 'deleted' },
    ]);
  });
});

describe('removal that can be undone', () => {
  it('takes it out of the repository and keeps every byte', async () => {
    const held = await heldContent();
    const one = image({ layers: [layer('base'), layer('one')], config: 'config one' });
    await held.hold(name, one, { tag: 'v1' });
    await held.hold(name, image({ layers: [layer('base'), layer('two')] }), { tag: 'v2' });
    const removed = await removeAsPreviewed(held, { repository: name, reference: 'v1' }, undoable);
    expect(removed).toEqual({
      items: [`${name}:v1`, `${name}@${one.digest}`],
      itemsTotal: 2,
      freedBytes: 0,
      keptBytes: 'config one'.length + 3000,
    });
    const { id } = held.repositories.find(name)!;
    expect([held.manifests.isLinked(id, one.digest), held.manifests.isDeleted(id, one.digest)]).toEqual([false, true]);
    expect(held.blobs.isLinked(id, one.layers[1]!.digest)).toBe(false);
  });

  it('empties a repository, and frees only what nothing can bring back', async () => {
    const held = await heldContent();
    const graph = image({ layers: [layer('one')] });
    await held.hold(name, graph, { tag: 'v1' });
    await held.hold(name, { ...image({ layers: [layer('loose')] }), manifests: new Map() });
    const removed = await removeAsPreviewed(held, { repository: name }, undoable);
    expect(removed.keptBytes).toBe(graph.layers[0]!.size + graph.config!.size);
    expect(removed.freedBytes).toBe(5000);
    expect(held.repositories.holdsContent(name)).toBe(false);
  });

  it('never frees what was deleted elsewhere and can be brought back there', async () => {
    const held = await heldContent();
    const graph = image({ layers: [layer('shared')] });
    await held.hold(name, graph, { tag: 'v1' });
    await held.hold('ghcr.io/other/app', graph, { tag: 'v1' });
    await removeAsPreviewed(held, { repository: name }, undoable);
    const removed = await removeAsPreviewed(held, { repository: 'ghcr.io/other/app' });
    expect([removed.freedBytes, removed.keptBytes]).toEqual([0, 0]);
    expect(existsSync(held.layout.blob(graph.layers[0]!.digest))).toBe(true);
  });

  it('ends when the same manifest arrives again', async () => {
    const held = await heldContent();
    const graph = image();
    await held.hold(name, graph, { tag: 'v1' });
    await removeAsPreviewed(held, { repository: name }, undoable);
    await held.hold(name, graph, { tag: 'v1' });
    const { id } = held.repositories.find(name)!;
    expect([held.manifests.isLinked(id, graph.digest), held.manifests.isDeleted(id, graph.digest)]).toEqual([
      true,
      false,
    ]);
    const { kept, counted } = held.figures();
    expect(kept).toEqual(counted);
  });
});

describe('removal of a manifest', () => {
  it('takes the tags that point at it and leaves the index that lists it', async () => {
    const held = await heldContent();
    const amd64 = image({ platform: linuxAmd64, layers: [layer('amd64')] });
    const arm64 = image({ platform: linuxArm64, layers: [layer('arm64')] });
    const list = index([amd64, arm64]);
    await held.hold(name, list, { tag: 'v1' });
    await held.hold(name, arm64, { tag: 'arm' });
    const removed = await removeAsPreviewed(held, { repository: name, reference: arm64.digest });
    expect(removed).toEqual({
      items: [
        `${name}:arm`,
        `${name}@${arm64.digest}`,
        `blob ${arm64.config!.digest}`,
        `blob ${arm64.layers[0]!.digest}`,
      ],
      itemsTotal: 4,
      freedBytes: 5000 + arm64.config!.size,
      keptBytes: 0,
    });
    expect(held.manifests.find(list.digest)).toBeDefined();
  });
});

describe('removal of a repository', () => {
  it('takes all it holds, blobs without a manifest too, and leaves its row and its history', async () => {
    const held = await heldContent();
    const graph = image({ layers: [layer('one')] });
    const loose = image({ layers: [layer('loose')] });
    await held.hold(name, graph, { tag: 'v1' });
    await held.hold(name, { ...loose, manifests: new Map() });
    held.db.prepare(`INSERT INTO upstream_answers VALUES (1, 'tags', '', '["v1"]', 1)`).run();
    const removed = await removeAsPreviewed(held, { repository: name });
    expect(removed.itemsTotal).toBe(2 + 3);
    expect(await held.bytesOnDisk()).toBe(0);
    const counts = held.db
      .prepare(
        'SELECT (SELECT count(*) FROM repositories) AS rows, (SELECT count(*) FROM tag_history) AS history, (SELECT count(*) FROM upstream_answers) AS answers',
      )
      .get();
    expect(counts).toEqual({ rows: 1, history: 1, answers: 0 });
  });

  it('takes blobs whose manifest a client has deleted before', async () => {
    const held = await heldContent();
    const graph = image({ layers: [layer('left over')] });
    await held.hold(name, graph);
    await held.hold('ghcr.io/other/app', image({ layers: [layer('other')] }), { tag: 'v1' });
    held.db.prepare('DELETE FROM repository_manifests WHERE digest = ?').run(graph.digest);
    const removed = await removeAsPreviewed(held, { repository: name });
    expect(removed.freedBytes).toBe(9000);
  });

  it('names at most 1000 items and counts them all', async () => {
    const held = await heldContent();
    const graph = image();
    await held.hold(name, graph, { tag: 'v1' });
    const add = held.db.prepare('INSERT INTO tags (repository_id, name, digest, first_seen_at) VALUES (1, ?, ?, 1)');
    held.db.transaction(() => {
      for (let number = 0; number < 1200; number += 1) add.run(`t${String(number)}`, graph.digest);
    })();
    const preview = new Removal(held.db, held.layout).preview({ repository: name }, atOnce);
    expect({ named: preview.items.length, total: preview.itemsTotal }).toEqual({ named: 1000, total: 1201 + 1 + 2 });
  });
});

describe('removal', () => {
  it('lets who has a file open read it to its end', async () => {
    const held = await heldContent();
    const graph = image({ layers: [layer('open')] });
    await held.hold(name, graph, { tag: 'v1' });
    const reader = await open(held.layout.blob(graph.layers[0]!.digest), 'r');
    await new Removal(held.db, held.layout).remove({ repository: name }, atOnce);
    expect((await reader.readFile()).toString()).toBe(layer('open'));
    await reader.close();
  });

  it('never meets a blob that is stored again while its old file is being removed', async () => {
    const held = await heldContent();
    const graph = image({ layers: [layer('again')] });
    await held.hold(name, graph, { tag: 'v1' });
    const removing = new Removal(held.db, held.layout).remove({ repository: name }, atOnce);
    await held.hold(name, graph, { tag: 'v1' });
    await removing;
    const blob = await held.blobs.open(graph.layers[0]!.digest);
    expect(blob?.sizeBytes).toBe(5000);
    await blob?.handle.close();
  });

  it('refuses what is pinned, whether the tag, a manifest it would take, or the repository', async () => {
    const held = await heldContent();
    const child = image();
    await held.hold(name, index([child]), { tag: 'v1' });
    const removal = new Removal(held.db, held.layout);
    const pins = new Pins(held.db);
    for (const reference of ['v1', child.digest, undefined]) {
      pins.set(name, reference, true);
      throwsWith(() => removal.preview({ repository: name, reference: 'v1' }, atOnce), RequestError, 'CONFLICT');
      await rejectsWith(removal.remove({ repository: name }, atOnce), RequestError, 'CONFLICT');
      pins.set(name, reference, false);
    }
    expect(removal.preview({ repository: name, reference: 'v1' }, atOnce).itemsTotal).toBe(1 + 2 + 2);
  });

  it('says what it does not know', async () => {
    const held = await heldContent();
    await held.hold(name, image(), { tag: 'v1' });
    const removal = new Removal(held.db, held.layout);
    throwsWith(() => removal.preview({ repository: 'ghcr.io/no/such' }, atOnce), RequestError, 'NAME_UNKNOWN');
    throwsWith(() => removal.preview({ repository: name, reference: 'v9' }, atOnce), RequestError, 'MANIFEST_UNKNOWN');
    throwsWith(
      () => removal.preview({ repository: name, reference: `sha256:${'0'.repeat(64)}` }, atOnce),
      RequestError,
      'MANIFEST_UNKNOWN',
    );
  });
});
