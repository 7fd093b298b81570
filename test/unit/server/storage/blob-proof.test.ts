import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { digestOf } from '../../../../server/oci/digest.ts';
import type { Digest, DigestAlgorithm } from '../../../../server/oci/digest.ts';
import { proveBlob } from '../../../../server/storage/blob-proof.ts';
import { layoutOf } from '../../../../server/storage/layout.ts';
import { ProofReader } from '../../../../server/storage/proof-reader.ts';
import { ScrubPace } from '../../../../server/storage/scrub-pace.ts';
import { tempDirectory } from '../../../support/cleanup.ts';
import { bytesOf, randomContent } from '../../../support/content.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

interface Held {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly path: string;
}

async function proving(size: number, algorithm: DigestAlgorithm = 'sha256') {
  const layout = layoutOf(await tempDirectory(), '');
  const reader = new ProofReader();
  onTestFinished(() => reader.close());
  const bytes = bytesOf(randomContent(`proof ${String(size)}`, size));
  const digest = digestOf(bytes, algorithm);
  const held: Held = { digest, sizeBytes: size, path: layout.blob(digest) };
  mkdirSync(dirname(held.path), { recursive: true });
  writeFileSync(held.path, bytes);
  const pace = new ScrubPace({ clock: new FakeClock(), rate: () => 0, isBusy: () => false });
  const prove = () => proveBlob({ layout, reader, pace }, held, new AbortController().signal);
  return { held, bytes, prove };
}

test.each([0, 1, 4095, 4096, 4097, 1024 * 1024, 3_500_001])('finds a blob of %i bytes right', async (size) => {
  const { prove } = await proving(size);
  expect(await prove()).toEqual({ outcome: 'right' });
});

test('knows sha512', async () => {
  const { prove } = await proving(100_000, 'sha512');
  expect(await prove()).toEqual({ outcome: 'right' });
});

test.each([
  ['the first', 0],
  ['a middle', 1_600_000],
  ['the last', 3_500_000],
])('tells that %s byte is wrong', async (_, at) => {
  const { held, bytes, prove } = await proving(3_500_001);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(held.path, bytes);
  expect(await prove()).toMatchObject({
    outcome: 'damaged',
    finding: 'wrong bytes',
    file: expect.anything() as object,
  });
});

test('tells a file that was cut', async () => {
  const { held, prove } = await proving(100_000);
  truncateSync(held.path, 99_999);
  expect(await prove()).toMatchObject({ outcome: 'damaged', finding: 'wrong size' });
});

test('tells a file that is gone', async () => {
  const { held, prove } = await proving(100_000);
  rmSync(held.path);
  expect(await prove()).toEqual({ outcome: 'damaged', finding: 'missing', file: undefined });
});

test('says nothing of the content when something else is in its place', async () => {
  const { held, prove } = await proving(100_000);
  rmSync(held.path);
  mkdirSync(held.path);
  expect(await prove()).toMatchObject({ outcome: 'damaged', finding: 'wrong size' });
});
