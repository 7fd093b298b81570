import { expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';

const never = new AbortController().signal;

test('time stands still until it is moved', () => {
  const clock = new FakeClock(1000);
  expect([clock.now(), clock.monotonic(), clock.now()]).toEqual([1000, 0, 1000]);
});

test('sleeps end in order of their time, each at its own time', async () => {
  const clock = new FakeClock(0);
  const log: string[] = [];
  const note = (name: string) => (): void => void log.push(`${name}@${String(clock.now())}`);
  void clock.sleep(200, never).then(note('b'));
  void clock.sleep(100, never).then(note('a'));
  void clock.sleep(301, never).then(note('c'));
  await clock.advance(300);
  expect(log).toEqual(['a@100', 'b@200']);
  expect(clock.now()).toBe(300);
});

test('a wait begun by what woke up counts within the same advance', async () => {
  const clock = new FakeClock(0);
  const times: number[] = [];
  const loop = (async () => {
    for (let i = 0; i < 3; i += 1) {
      await clock.sleep(100, never);
      times.push(clock.now());
    }
  })();
  await clock.advance(1000);
  await loop;
  expect(times).toEqual([100, 200, 300]);
});

test('an aborted sleep rejects with the reason and is forgotten', async () => {
  const clock = new FakeClock(0);
  const controller = new AbortController();
  const sleep = clock.sleep(100, controller.signal);
  const reason = new Error('enough');
  controller.abort(reason);
  await expect(sleep).rejects.toBe(reason);
  await expect(clock.sleep(1, controller.signal)).rejects.toBe(reason);
  expect(clock.sleeping).toBe(0);
});

test('repeats a task until told to stop', async () => {
  const clock = new FakeClock(0);
  const times: number[] = [];
  const stop = clock.every(50, () => times.push(clock.now()));
  await clock.advance(120);
  stop();
  await clock.advance(1000);
  expect(times).toEqual([50, 100]);
});

test('a jump moves the wall clock alone and wakes nobody', async () => {
  const clock = new FakeClock(1_000_000);
  let woken = false;
  void clock.sleep(100, never).then(() => (woken = true));
  clock.jump(-500_000);
  await clock.advance(99);
  expect([clock.now(), clock.monotonic(), woken]).toEqual([500_099, 99, false]);
  await clock.advance(1);
  expect(woken).toBe(true);
});

test('tells when code has come to its wait', async () => {
  const clock = new FakeClock();
  const arrived = clock.sleepers(2);
  void clock.sleep(10, never);
  void clock.sleep(10, never);
  await arrived;
  expect(clock.sleeping).toBe(2);
});
