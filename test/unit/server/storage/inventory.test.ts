import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../../server/errors.ts';
import { Inventory } from '../../../../server/storage/inventory.ts';
import { Removal } from '../../../../server/storage/removal.ts';
import { throwsWith } from '../../../support/expect-code.ts';
import { artifact, helmChart, image, index, linuxAmd64, linuxArm64 } from '../../../support/image-builder.ts';
import { heldContent } from './held-content.ts';

const name = 'ghcr.io/acme/app';
const layer = (text: string): string => text.repeat(1000);

describe('a repository', () => {
  it('shows for each tag what would be freed without it, as a removal says too', async () => {
    const held = await heldContent();
    const base = layer('base');
    await held.hold(name, image({ layers: [base, layer('one')], config: 'c1' }), { tag: 'v1' });
    await held.hold(name, image({ layers: [base, layer('two')], config: 'c2' }), { tag: 'v2' });
    await held.hold(name, image({ layers: [layer('alone')], config: 'c3' }), { tag: 'v3' });
    await held.hold(name, image({ layers: [layer('alone')], config: 'c3' }), { tag: 'same-as-v3' });
    await held.hold('ghcr.io/acme/other', image({ layers: [layer('two')], config: 'c4' }), { tag: 'v1' });
    const { tags, repository } = new Inventory(held.db).repository(name);
    const removal = new Removal(held.db, held.layout);
    const sizes = Object.fromEntries(tags.map((tag) => [tag.name, [tag.bytes, tag.uniqueBytes]]));
    expect(sizes).toEqual({ v1: [7002, 3002], v2: [7002, 2], v3: [5002, 0], 'same-as-v3': [5002, 0] });
    for (const tag of tags)
      expect(removal.preview({ repository: name, reference: tag.name }, { freeNow: true }).freedBytes).toBe(
        tag.uniqueBytes,
      );
    expect({ bytes: repository.bytes, unique: repository.uniqueBytes }).toEqual({
      bytes: 4000 + 3000 + 3000 + 5000 + 6,
      unique: 12_006,
    });
    expect(removal.preview({ repository: name }, { freeNow: true }).freedBytes).toBe(repository.uniqueBytes);
  });

  it('tells platforms held whole from platforms only known, without attestations', async () => {
    const held = await heldContent();
    const whole = image({ platform: linuxAmd64, layers: ['amd64'] });
    const partly = image({ platform: linuxArm64, layers: ['arm64'] });
    const known = image({ platform: { os: 'linux', architecture: 'arm', variant: 'v7' }, layers: ['arm'] });
    const attestation = image({ platform: { os: 'unknown', architecture: 'unknown' }, layers: ['attested'] });
    await held.hold(name, index([whole, partly, known, attestation]), {
      tag: 'v1',
      except: [partly.layers[0]!.digest, known.digest],
    });
    const [tag] = new Inventory(held.db).repository(name).tags;
    expect(tag).toMatchObject({
      kind: 'index',
      platforms: [
        { platform: 'linux/amd64', held: true },
        { platform: 'linux/arm64', held: false },
        { platform: 'linux/arm/v7', held: false },
      ],
    });
  });

  it('sorts what has no tag into untagged images and artifacts, and leaves out what an index lists', async () => {
    const held = await heldContent();
    const tagged = index([image({ layers: ['child'] })]);
    const old = image({ layers: ['old'] });
    const signature = artifact({ type: 'application/vnd.cncf.notary.signature', subject: tagged, layers: ['sig'] });
    const sbom = artifact({ type: 'application/spdx+json', layers: ['sbom'] });
    const chart = helmChart();
    for (const graph of [old, signature, sbom, chart]) await held.hold(name, graph);
    await held.hold(name, tagged, { tag: 'v1' });
    const content = new Inventory(held.db).repository(name);
    expect(content.untagged.map((one) => [one.digest, one.kind])).toEqual([[old.digest, 'image']]);
    const artifacts = new Map(content.artifacts.map((one) => [one.digest, one.kind]));
    expect(artifacts).toEqual(
      new Map([
        [signature.digest, 'signature'],
        [sbom.digest, 'artifact'],
        [chart.digest, 'chart'],
      ]),
    );
    expect(content.artifacts.find((one) => one.digest === signature.digest)?.bytes).toBe('sig'.length + 2);
  });

  it('counts a blob for each repository whose manifest references it, whichever fetched it', async () => {
    const held = await heldContent();
    const graph = image({ layers: [layer('late')], config: 'c' });
    await held.hold('ghcr.io/acme/first', graph, { tag: 'v1', except: [...graph.blobs.keys()] });
    await held.hold('quay.io/acme/second', graph, { tag: 'v1' });
    const { list } = new Inventory(held.db);
    expect([list.find('ghcr.io/acme/first'), list.find('quay.io/acme/second')]).toMatchObject([
      { bytes: 4001, uniqueBytes: 0 },
      { bytes: 4001, uniqueBytes: 0 },
    ]);
    expect(list.perUpstream()).toEqual(
      new Map([
        ['ghcr.io', { repositories: 1, bytes: 4001 }],
        ['quay.io', { repositories: 1, bytes: 4001 }],
      ]),
    );
    expect(list.contentBytes()).toBe(4001);
    expect(held.figures().kept).toEqual(held.figures().counted);
  });

  it('is unknown while nothing is held of it', async () => {
    const held = await heldContent();
    held.repositories.ensure(name, { upstream: 'ghcr.io', upstreamRepository: 'acme/app' }, 1);
    throwsWith(() => new Inventory(held.db).repository(name), RequestError, 'NAME_UNKNOWN');
    expect(
      new Inventory(held.db).list.page({ text: '', upstream: undefined, sort: 'name', after: undefined, limit: 10 }),
    ).toEqual({ repositories: [], total: 0, next: undefined });
  });
});

describe('a manifest', () => {
  it('is told in full by its tag: bytes, layers with their users, children, referrers held and known', async () => {
    const held = await heldContent();
    const child = image({ layers: ['both', 'only'], platform: linuxAmd64 });
    const list = index([child], { annotations: { 'com.example.note': 'Größe' } });
    const signature = artifact({ type: 'application/vnd.cncf.notary.signature', subject: child });
    await held.hold(name, list, { tag: 'v1', except: [child.layers[1]!.digest] });
    await held.hold(name, image({ layers: ['both'] }), { tag: 'v2' });
    await held.hold(name, signature);
    const known = {
      mediaType: signature.mediaType,
      digest: `sha256:${'a'.repeat(64)}`,
      size: 7,
      artifactType: 'application/spdx+json',
    };
    held.db
      .prepare(`INSERT INTO upstream_answers VALUES (1, 'referrers', ?, ?, 1)`)
      .run(child.digest, JSON.stringify([known]));
    const inventory = new Inventory(held.db);
    const top = inventory.manifest(name, 'v1');
    expect(top.content).toEqual(list.bytes);
    expect({ tags: top.tags, digest: top.digest, kind: top.kind, annotations: top.manifest.annotations }).toEqual({
      tags: ['v1'],
      digest: list.digest,
      kind: 'index',
      annotations: { 'com.example.note': 'Größe' },
    });
    expect(top.manifests).toEqual([
      {
        digest: child.digest,
        mediaType: child.mediaType,
        size: child.bytes.length,
        held: true,
        platform: 'linux/amd64',
      },
    ]);
    const detail = inventory.manifest(name, child.digest);
    expect(detail.layers.map(({ held: isHeld, sharedBy }) => [isHeld, sharedBy])).toEqual([
      [true, 2],
      [false, 1],
    ]);
    expect(detail.referrers).toEqual([
      { ...known, held: false },
      {
        digest: signature.digest,
        mediaType: signature.mediaType,
        size: signature.bytes.length,
        artifactType: 'application/vnd.cncf.notary.signature',
        held: true,
      },
    ]);
  });

  it('of another repository is not shown', async () => {
    const held = await heldContent();
    const graph = image();
    await held.hold('ghcr.io/acme/secret', graph, { tag: 'v1' });
    await held.hold(name, image({ layers: ['public'] }), { tag: 'v1' });
    throwsWith(() => new Inventory(held.db).manifest(name, graph.digest), RequestError, 'MANIFEST_UNKNOWN');
    throwsWith(() => new Inventory(held.db).manifest(name, 'v2'), RequestError, 'MANIFEST_UNKNOWN');
  });
});
