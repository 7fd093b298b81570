import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../server/lib/clock.ts';
import { Eviction } from '../../../../server/storage/eviction.ts';
import type { EvictionNeed } from '../../../../server/storage/eviction.ts';
import { Pins } from '../../../../server/storage/pins.ts';
import { PulledMarks } from '../../../../server/storage/pulled-marks.ts';
import { artifact, image, index } from '../../../support/image-builder.ts';
import type { Graph } from '../../../support/image-builder.ts';
import { heldContent } from './held-content.ts';
import type { HeldContent } from './held-content.ts';

const name = 'docker.io/library/app';
const layer = (seed: string): string => seed.padEnd(1000, seed);
const everything = Number.MAX_SAFE_INTEGER;

async function evictable(): Promise<{ held: HeldContent; eviction: Eviction; marks: PulledMarks }> {
  const held = await heldContent();
  return { held, eviction: new Eviction(held.db, held.layout, systemClock), marks: new PulledMarks(held.db) };
}

/** Evicts until so many bytes are free; gives the references in the order in which they went, and the bytes. */
async function evict(
  eviction: Eviction,
  bytes: number,
  more: Partial<EvictionNeed> = {},
): Promise<{ gone: string[]; bytes: number; isOver: boolean }> {
  const gone: string[] = [];
  let freed = 0;
  for (;;) {
    const step = eviction.step({ bytes: bytes - freed, inFlight: new Set(), now: 9_000_000, ...more });
    await step.files;
    freed += step.freedBytes;
    gone.push(...step.evicted.flatMap((one) => one.references.map((reference) => `${one.repository} ${reference}`)));
    if (step.isOver || freed >= bytes) return { gone, bytes: freed, isOver: step.isOver };
  }
}

/** Holds an image of one layer under a tag, one second after the one before. */
async function hold(held: HeldContent, tag: string, graph: Graph, repository = name): Promise<Graph> {
  held.now += 1000;
  await held.hold(repository, graph, { tag });
  return graph;
}

function pull(held: HeldContent, marks: PulledMarks, reference: string, repository = name): void {
  held.now += 1000;
  const { id } = held.repositories.find(repository)!;
  marks.note(`${repository} ${reference}`, id, reference, held.now, 'client');
  marks.flush();
}

describe('eviction', () => {
  it('takes what was pulled longest ago first, and what was never pulled by its arrival', async () => {
    const { held, eviction, marks } = await evictable();
    for (const tag of ['one', 'two', 'three', 'four']) await hold(held, tag, image({ layers: [layer(tag)] }));
    pull(held, marks, 'two');
    pull(held, marks, 'one');
    expect(await evict(eviction, everything)).toMatchObject({
      gone: ['three', 'four', 'two', 'one'].map((tag) => `${name} ${tag}`),
      isOver: true,
    });
    expect(await held.bytesOnDisk()).toBe(0);
  });

  it('leaves the signature under the tag of an image as long as the image is held', async () => {
    const { held, eviction, marks } = await evictable();
    const signed = image({ layers: [layer('signed')] });
    const tag = `${signed.digest.replace(':', '-')}.sig`;
    await hold(held, tag, image({ layers: [layer('signature')] }));
    await hold(held, 'other', image({ layers: [layer('other')] }));
    await hold(held, 'signed', signed);
    pull(held, marks, 'signed');
    const order = await evict(eviction, everything);
    const later = await evict(new Eviction(held.db, held.layout, systemClock), everything);
    expect([order.gone, later.gone]).toEqual([[`${name} other`, `${name} signed`], [`${name} ${tag}`]]);
  });

  it('stops as soon as enough is free', async () => {
    const { held, eviction } = await evictable();
    for (const tag of ['one', 'two', 'three']) await hold(held, tag, image({ layers: [layer(tag)], config: tag }));
    const result = await evict(eviction, 1001);
    expect(result).toEqual({ gone: [`${name} one`], bytes: 1003, isOver: false });
  });

  it('frees a shared layer with the last image that needs it, also across repositories', async () => {
    const { held, eviction } = await evictable();
    const other = 'docker.io/library/other';
    await hold(held, 'one', image({ layers: [layer('base'), layer('one')], config: '1' }));
    await hold(held, 'two', image({ layers: [layer('base'), layer('two')], config: '2' }), other);
    await held.hold(other, image({ layers: [layer('base'), layer('two')], config: '2' }));
    expect(await evict(eviction, 1)).toEqual({ gone: [`${name} one`], bytes: 1001, isOver: false });
    expect(await evict(eviction, 1)).toEqual({ gone: [`${other} two`], bytes: 2001, isOver: false });
    expect(await held.bytesOnDisk()).toBe(0);
    expect(held.figures().kept).toEqual(held.figures().counted);
  });

  it('takes an index with its platforms and what is attached to them, and nothing another tag leads to', async () => {
    const { held, eviction } = await evictable();
    const amd64 = image({ layers: [layer('amd64')] });
    const arm64 = image({ layers: [layer('arm64')] });
    const list = index([amd64, arm64]);
    await hold(held, 'v1', list);
    await held.hold(name, artifact({ type: 'application/vnd.example.sbom', subject: list, layers: [layer('sbom')] }));
    await hold(held, 'arm', arm64);
    const result = await evict(eviction, 1);
    expect(result.gone).toEqual([`${name} v1`]);
    expect(held.manifests.find(amd64.digest)).toBeUndefined();
    expect(held.manifests.find(arm64.digest)).toBeDefined();
    expect(held.db.prepare('SELECT count(*) AS manifests FROM repository_manifests').get()).toEqual({ manifests: 1 });
  });

  it('counts a pull of a platform by its digest as a pull of the tag that leads to it', async () => {
    const { held, eviction, marks } = await evictable();
    const amd64 = image({ layers: [layer('amd64')] });
    await hold(held, 'old', index([amd64]));
    await hold(held, 'new', image({ layers: [layer('new')] }));
    pull(held, marks, amd64.digest);
    expect((await evict(eviction, 1)).gone).toEqual([`${name} new`]);
  });

  it('takes what a tag pointed at before, when that is what was used longest ago', async () => {
    const { held, eviction } = await evictable();
    const before = await hold(held, 'v1', image({ layers: [layer('before')] }));
    await hold(held, 'other', image({ layers: [layer('other')] }));
    await hold(held, 'v1', image({ layers: [layer('after')] }));
    expect((await evict(eviction, 1)).gone).toEqual([`${name} ${before.digest}`]);
  });

  it('never takes what is pinned or pushed, nor a blob they share', async () => {
    const { held, eviction } = await evictable();
    const pins = new Pins(held.db);
    const shared = layer('shared');
    await hold(held, 'tag', image({ layers: [shared], config: 'pinned tag' }));
    const manifest = await hold(held, 'manifest', image({ layers: [layer('manifest')] }));
    await hold(held, 'whole', image({ layers: [layer('whole')] }), 'docker.io/library/pinned');
    await hold(held, 'v1', image({ layers: [layer('pushed'), layer('both')] }), 'team/app');
    await hold(held, 'loose', image({ layers: [shared, layer('both'), layer('loose')], config: 'loose' }));
    pins.set(name, 'tag', true);
    pins.set(name, manifest.digest, true);
    pins.set('docker.io/library/pinned', undefined, true);
    const result = await evict(eviction, everything);
    expect(result).toEqual({ gone: [`${name} loose`], bytes: 1000 + 'loose'.length, isOver: true });
  });

  it('never takes a tag that a person rolled back, and takes it when it follows its upstream again', async () => {
    const { held, eviction } = await evictable();
    const before = await hold(held, 'v1', image({ layers: [layer('before')] }));
    await hold(held, 'v1', image({ layers: [layer('after')] }));
    const { id } = held.repositories.find(name)!;
    held.tags.place(id, 'v1', before.digest, { now: held.now, checkedAt: held.now, isHeld: true });
    await evict(eviction, everything);
    expect(held.tags.find(id, 'v1')?.digest).toBe(before.digest);
    held.tags.release(id, 'v1');
    expect((await evict(eviction, everything)).gone).toEqual([`${name} v1`]);
  });

  it('leaves what somebody is downloading, and takes it later', async () => {
    const { held, eviction } = await evictable();
    const first = await hold(held, 'first', image({ layers: [layer('first')] }));
    await hold(held, 'second', image({ layers: [layer('second')] }));
    const inFlight = new Set([first.layers[0]!.digest]);
    expect((await evict(eviction, everything, { inFlight })).gone).toEqual([`${name} second`]);
    expect((await evict(eviction, everything)).gone).toEqual([`${name} first`]);
  });

  it('takes what was deleted and is kept by its last use, too', async () => {
    const { held, eviction } = await evictable();
    const graph = await hold(held, 'v1', image({ layers: [layer('deleted')] }));
    const { id } = held.repositories.find(name)!;
    held.db.prepare('DELETE FROM tags').run();
    held.db
      .prepare('INSERT INTO deleted_manifests (repository_id, digest, deleted_at, first_seen_at) VALUES (?, ?, 1, 1)')
      .run(id, graph.digest);
    held.db.prepare('DELETE FROM repository_manifests').run();
    expect((await evict(eviction, everything)).gone).toEqual([`${name} ${graph.digest}`]);
    expect(await held.bytesOnDisk()).toBe(0);
    expect(held.db.prepare('SELECT count(*) AS rows FROM manifests').get()).toEqual({ rows: 0 });
  });

  it('writes into the history of a tag when and how it went', async () => {
    const { held, eviction } = await evictable();
    const graph = await hold(held, 'v1', image());
    await evict(eviction, everything);
    expect(held.db.prepare('SELECT name, digest, ended_at, ended_as FROM tag_history').all()).toEqual([
      { name: 'v1', digest: graph.digest, ended_at: 9_000_000, ended_as: 'evicted' },
    ]);
  });

  it('previews exactly what it then takes, and changes nothing', async () => {
    const { held, eviction, marks } = await evictable();
    for (let i = 0; i < 12; i += 1) {
      const base = layer(`base ${String(i % 3)}`);
      await hold(held, `v${String(i)}`, index([image({ layers: [base, layer(`own ${String(i)}`)] })]));
      await hold(
        held,
        `v${String(i)}`,
        image({ layers: [base], config: `c${String(i)}` }),
        `docker.io/other/${String(i % 2)}`,
      );
    }
    for (const tag of ['v3', 'v5']) pull(held, marks, tag);
    const before = await held.bytesOnDisk();
    for (const bytes of [1, 4000, 9000]) {
      const preview = await eviction.preview({ bytes, images: 1000 });
      expect(await held.bytesOnDisk()).toBe(before);
      expect(preview.bytes).toBeGreaterThanOrEqual(bytes);
    }
    const preview = await eviction.preview({ bytes: 9000, images: 1000 });
    const result = await evict(eviction, 9000);
    expect({ gone: result.gone, bytes: result.bytes }).toEqual({
      gone: preview.evicted.flatMap((one) => one.references.map((reference) => `${one.repository} ${reference}`)),
      bytes: preview.bytes,
    });
    expect(await held.bytesOnDisk()).toBe(before - result.bytes);
    expect(held.figures().kept).toEqual(held.figures().counted);
  });

  it('keeps the bytes of an open file until it is read', async () => {
    const { held, eviction } = await evictable();
    const graph = await hold(held, 'v1', image({ layers: [layer('read')] }));
    const { digest } = graph.layers[0]!;
    const open = (await held.blobs.open(digest))!;
    await evict(eviction, everything);
    expect(existsSync(held.layout.blob(digest))).toBe(false);
    expect((await open.handle.readFile()).toString()).toBe(layer('read'));
    await open.handle.close();
  });
});
