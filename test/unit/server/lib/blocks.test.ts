import { expect, it } from 'vitest';
import { BlockPool } from '../../../../server/lib/blocks.ts';

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
