import { expect, it } from 'vitest';
import { BlockPool, gatherBlocks } from '../../../../server/lib/blocks.ts';
import type { FilledBlock } from '../../../../server/lib/blocks.ts';

it('uses a block again only when everybody who retained it has released it', () => {
  const pool = new BlockPool(16, 4);
  const first = pool.take();
  first.retain();
  first.release();
  expect(pool.take().buffer).not.toBe(first.buffer);
  first.release();
  expect(pool.take().buffer).toBe(first.buffer);
});

it('keeps no more unused blocks than it may', () => {
  const pool = new BlockPool(16, 1);
  const taken = [pool.take(), pool.take()];
  for (const block of taken) block.release();
  const again = [pool.take().buffer, pool.take().buffer];
  expect(again.filter((buffer) => taken.some((block) => block.buffer === buffer))).toHaveLength(1);
});

it('says when a block is released more often than it was retained', () => {
  const block = new BlockPool(16, 1).take();
  block.release();
  expect(() => {
    block.release();
  }).toThrow();
});

async function* sourceOf(pieces: readonly Buffer[], error?: Error): AsyncGenerator<Buffer, void, undefined> {
  for (const piece of pieces) yield await Promise.resolve(piece);
  if (error !== undefined) throw error;
}

async function collect(blocks: AsyncIterable<FilledBlock>): Promise<readonly Buffer[]> {
  const collected: Buffer[] = [];
  for await (const { bytes } of blocks) collected.push(bytes);
  return collected;
}

it.each([
  { sizes: [], blocks: [] },
  { sizes: [3], blocks: [3] },
  { sizes: [16], blocks: [16] },
  { sizes: [10, 10, 30], blocks: [16, 16, 16, 2] },
])('gathers pieces of $sizes bytes in blocks of $blocks', async ({ sizes, blocks }) => {
  const sent = sizes.map((size, index) => Buffer.alloc(size, index + 1));
  const copy = Buffer.concat(sent);
  const filled = await collect(gatherBlocks(sourceOf(sent), new BlockPool(16, 4)));
  expect([filled.map(({ length }) => length), Buffer.concat(filled)]).toEqual([blocks, copy]);
});

it('delivers what was gathered before its source breaks off, and then the error', async () => {
  const gathered: string[] = [];
  const broken = new Error('broken');
  const reading = (async () => {
    for await (const { bytes } of gatherBlocks(sourceOf([Buffer.from('abc')], broken), new BlockPool(16, 4)))
      gathered.push(String(bytes));
  })();
  await expect(reading).rejects.toBe(broken);
  expect(gathered).toEqual(['abc']);
});

it('frees the memory of what it gathered, and not of what shares its memory with others', async () => {
  const alone = Buffer.alloc(8192, 1);
  const shared = Buffer.alloc(16384, 2).subarray(0, 8192);
  await collect(gatherBlocks(sourceOf([alone, shared]), new BlockPool(1 << 16, 4)));
  expect([alone.length, shared.length]).toEqual([0, 8192]);
});
