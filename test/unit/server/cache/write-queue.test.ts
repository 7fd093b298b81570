import { expect, it } from 'vitest';
import { WriteQueue } from '../../../../server/cache/write-queue.ts';
import type { FilledBlock } from '../../../../server/lib/blocks.ts';

interface Blocks {
  readonly released: string[];
  readonly of: (text: string) => FilledBlock;
}

function blocks(): Blocks {
  const released: string[] = [];
  return {
    released,
    of: (text) => ({
      bytes: Buffer.from(text),
      lease: { retain: () => undefined, release: () => released.push(text) },
    }),
  };
}

it('writes in order, one step at a time, and what waited meanwhile in the next step', async () => {
  const steps: string[] = [];
  const { of, released } = blocks();
  const gate = Promise.withResolvers<undefined>();
  const queue = new WriteQueue(async (pieces) => {
    steps.push(pieces.join(' '));
    await gate.promise;
  });
  for (const text of ['a', 'b', 'c']) await queue.push(of(text));
  gate.resolve(undefined);
  await queue.end();
  expect([steps, released]).toEqual([
    ['a', 'b c'],
    ['a', 'b', 'c'],
  ]);
});

it('makes the sender wait while too much waits, and go on when there is room', async () => {
  const { of } = blocks();
  const gate = Promise.withResolvers<undefined>();
  const queue = new WriteQueue(() => gate.promise);
  let taken = 0;
  const sending = (async () => {
    for (; taken < 20; taken += 1) await queue.push(of(String(taken)));
  })();
  for (let turn = 0; turn < 1000; turn += 1) await Promise.resolve();
  const before = taken;
  gate.resolve(undefined);
  await sending;
  await queue.end();
  expect([before, taken]).toEqual([8, 20]);
});

it('after a failure writes nothing more, tells everybody and keeps no memory', async () => {
  const steps: string[] = [];
  const { of, released } = blocks();
  const refused = new Error('the disk refused');
  const queue = new WriteQueue((pieces) => {
    steps.push(pieces.join(' '));
    return Promise.reject(refused);
  });
  await queue.push(of('a'));
  const later = await Promise.allSettled([queue.push(of('b')), queue.end()]);
  expect([steps, released, later]).toEqual([
    ['a'],
    ['a', 'b'],
    [
      { status: 'rejected', reason: refused },
      { status: 'rejected', reason: refused },
    ],
  ]);
});
