import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../../server/oci/digest.ts';
import { DamageStore } from '../../../../server/storage/damage-store.ts';
import { image } from '../../../support/image-builder.ts';
import { heldContent } from './held-content.ts';
import type { HeldContent } from './held-content.ts';

const content = 'a layer of some bytes';

async function heldLayer(): Promise<{ held: HeldContent; digest: Digest }> {
  const held = await heldContent();
  const graph = image({ layers: [content] });
  await held.hold('team/app', graph, { tag: 'v1' });
  return { held, digest: graph.layers[0]!.digest };
}

/** What a push does that ends in this very moment: the whole file takes the place of the broken one. */
function finishPush({ layout }: HeldContent, digest: Digest): void {
  mkdirSync(layout.incoming, { recursive: true });
  writeFileSync(layout.upload('another'), content);
  renameSync(layout.upload('another'), layout.blob(digest));
}

describe('opening a held blob', () => {
  it('whose file was cut takes nothing out of service that was pushed again meanwhile', async () => {
    const { held, digest } = await heldLayer();
    const damage = new DamageStore(held.db, held.layout);
    writeFileSync(held.layout.blob(digest), 'cut');
    held.blobs.onDamaged((found, finding, file) => {
      finishPush(held, found);
      expect(damage.setBlobAside(found, { finding, file, now: held.now })).toBeUndefined();
    });
    expect(await held.blobs.open(digest)).toBeUndefined();
    expect(held.blobs.isHeld(digest, content.length)).toBe(true);
  });

  it.each([
    ['is gone', rmSync],
    [
      'was cut',
      (path: string): void => {
        writeFileSync(path, 'cut');
      },
    ],
  ])('whose file %s forgets it', async (_, breakIt) => {
    const { held, digest } = await heldLayer();
    breakIt(held.layout.blob(digest));
    expect(await held.blobs.open(digest)).toBeUndefined();
    expect(held.blobs.sizeOf(digest)).toBeUndefined();
    expect(held.figures().kept).toEqual(held.figures().counted);
  });

  it('whose file is gone forgets nothing of a push that ended while it was looked for', async () => {
    const { held, digest } = await heldLayer();
    rmSync(held.layout.blob(digest));
    const opening = held.blobs.open(digest);
    // the system answers beside this turn; whether it saw the old or the new, what was pushed stays
    finishPush(held, digest);
    await (await opening)?.handle.close();
    expect(held.blobs.isHeld(digest, content.length)).toBe(true);
  });
});
