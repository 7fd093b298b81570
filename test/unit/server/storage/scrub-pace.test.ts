import { expect, test } from 'vitest';
import { ScrubPace } from '../../../../server/storage/scrub-pace.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const mib = 1024 * 1024;
const forever = new AbortController().signal;

/** Takes from `pace` until the clock has moved by `ms`; gives the sizes of the pieces. */
async function taken(clock: FakeClock, pace: ScrubPace, ms: number): Promise<number[]> {
  const pieces: number[] = [];
  const gone = new AbortController();
  const reading = (async () => {
    for (;;) pieces.push(await pace.next(1000 * mib, gone.signal));
  })();
  await clock.sleepers();
  await clock.advance(ms);
  gone.abort(new Error('enough'));
  await reading.catch(() => undefined);
  return pieces;
}

test.each([
  ['20 MiB', 20 * mib],
  ['300 KiB', 300 * 1024],
  ['10 KB', 10_000],
])('reads no more than a quarter of a second ahead of %s per second', async (_, rate) => {
  const clock = new FakeClock();
  const pieces = await taken(clock, new ScrubPace({ clock, rate: () => rate, isBusy: () => false }), 4000);
  const bytes = pieces.reduce((sum, piece) => sum + piece, 0);
  expect(bytes).toBeGreaterThanOrEqual(rate * 3.5);
  expect(bytes).toBeLessThanOrEqual(rate * 4 + Math.max(4096, rate / 4));
  expect(pieces.every((piece) => piece % 4096 === 0 && piece <= mib)).toBe(true);
});

test('has no limit at a rate of 0', async () => {
  const pace = new ScrubPace({ clock: new FakeClock(), rate: () => 0, isBusy: () => false });
  expect(await pace.next(5 * mib, forever)).toBe(mib);
  expect(await pace.next(10, forever)).toBe(10);
});

test('asks for the rate before each read, so that a change holds at once', async () => {
  const clock = new FakeClock();
  let rate = 4096;
  const pace = new ScrubPace({ clock, rate: () => rate, isBusy: () => false });
  await pace.next(mib, forever);
  rate = 0;
  expect(await pace.next(5 * mib, forever)).toBe(mib);
});

test('waits while clients are served, and reads on after two seconds all the same', async () => {
  const clock = new FakeClock();
  const pace = new ScrubPace({ clock, rate: () => 0, isBusy: () => true });
  const read = pace.next(mib, forever);
  await clock.sleepers();
  await clock.advance(1900);
  expect(clock.sleeping).toBe(1);
  await clock.advance(100);
  expect(await read).toBe(mib);
});

test('ends its wait when it is stopped', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const pace = new ScrubPace({ clock, rate: () => 1, isBusy: () => false });
  await pace.next(1, stop.signal);
  const read = pace.next(1, stop.signal);
  await clock.sleepers();
  stop.abort(new Error('stopped'));
  await expect(read).rejects.toThrow('stopped');
});
