import { expect, it } from 'vitest';
import { MirrorError } from '../../../../server/errors.ts';
import { Slots } from '../../../../server/upstream/slots.ts';
import { rejectsWith } from '../../../support/expect-code.ts';

const calm = new AbortController().signal;

it('gives slots in order, each to one, and ignores a second release', async () => {
  const slots = new Slots(1);
  const events: string[] = [];
  const release = await slots.acquire(calm);
  const second = slots.acquire(calm).then((free) => (events.push('second'), free));
  const third = slots.acquire(calm).then((free) => (events.push('third'), free));
  release();
  release();
  const freeSecond = await second;
  expect(events).toEqual(['second']);
  freeSecond();
  await third;
  expect(events).toEqual(['second', 'third']);
});

it('lets a waiter leave without losing the slot', async () => {
  const slots = new Slots(1);
  const release = await slots.acquire(calm);
  const leaving = new AbortController();
  const left = slots.acquire(leaving.signal);
  leaving.abort();
  await rejectsWith(left, MirrorError, 'CANCELLED');
  release();
  const again = await slots.acquire(calm);
  again();
});
