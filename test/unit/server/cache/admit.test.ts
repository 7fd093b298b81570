import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Admission } from '../../../../server/cache/admit.ts';
import { digestOf } from '../../../../server/oci/digest.ts';
import { Leases } from '../../../../server/storage/leases.ts';
import { Removal } from '../../../../server/storage/removal.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { heldContent } from '../storage/held-content.ts';

it('a pushed blob is looked for and admitted in one turn, so that one that is held need not be flushed', async () => {
  const held = await heldContent();
  const { db, manifests, tags, blobs, repositories } = held;
  const content = Buffer.from('pushed twice');
  const digest = digestOf(content, 'sha256');
  const admission = new Admission({
    db,
    manifests,
    tags,
    blobs,
    repositories,
    leases: new Leases(new FakeClock(), () => 0),
    changed: () => undefined,
  });
  const push = (id: string): Promise<void> => {
    const path = held.layout.upload(id);
    mkdirSync(held.layout.incoming, { recursive: true });
    writeFileSync(path, content);
    return admission.admitBlob({ repository: 'team/app', digest, path, sizeBytes: content.length, now: held.now });
  };
  await push('one');
  expect(admission.holdsBlob(digest, content.length)).toBe(true);
  const again = push('two');
  // nothing was awaited between the two: a deletion comes before both or after both
  const { id } = held.repositories.find('team/app')!;
  const removed = new Removal(held.db, held.layout).removeBlob(id, digest);
  await Promise.all([again, removed]);
  expect([held.blobs.sizeOf(digest), existsSync(held.layout.blob(digest))]).toEqual([undefined, false]);
  const third = push('three');
  expect([held.blobs.isLinked(id, digest), existsSync(held.layout.blob(digest))]).toEqual([true, true]);
  await third;
});
