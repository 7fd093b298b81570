import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BlockPool } from '../../../../server/lib/blocks.ts';
import { SharedBlocks } from '../../../../server/lib/shared-blocks.ts';

function bench(failures = 0) {
  const pool = new BlockPool(8, 16);
  const reads: number[] = [];
  let left = failures;
  const blocks = new SharedBlocks((index) => {
    reads.push(index);
    if (left > 0) {
      left -= 1;
      return Promise.reject(new Error('no'));
    }
    const block = pool.take();
    block.buffer.fill(index);
    return Promise.resolve(block);
  });
  return { blocks, pool, reads };
}

describe('blocks that several readers share', () => {
  it('are read once for everybody who wants them at the same time', async () => {
    const { blocks, reads } = bench();
    blocks.prefetch(0, 2);
    const taken = await Promise.all([blocks.take(0, 2), blocks.take(0, 2)]);
    expect([reads, taken[0] === taken[1]]).toEqual([[0], true]);
  });

  it('go back to their pool when they were dropped and every reader is done, and not before', async () => {
    const { blocks, pool } = bench();
    const first = await blocks.take(0, 1);
    await blocks.take(1, 1);
    await turn();
    expect(pool.take().buffer).not.toBe(first.buffer);
    first.release();
    expect(pool.take().buffer).toBe(first.buffer);
  });

  it('are there for whoever waits for one that is dropped before it was read', async () => {
    const { blocks } = bench();
    const [first, second] = await Promise.all([blocks.take(0, 1), blocks.take(1, 1)]);
    await turn();
    expect([first.buffer[0], second.buffer[0]]).toEqual([0, 1]);
    first.release();
  });

  it('are read anew after a failure, which everybody who waited hears of', async () => {
    const { blocks, reads } = bench(1);
    const results = await Promise.allSettled([blocks.take(0, 2), blocks.take(0, 2)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await blocks.take(0, 2);
    expect(reads).toEqual([0, 0]);
  });

  it('are all dropped at the end', async () => {
    const { blocks, pool } = bench();
    const block = await blocks.take(0, 2);
    block.release();
    await blocks.close();
    await turn();
    expect(pool.take().buffer).toBe(block.buffer);
  });
});
