import { expect, it } from 'vitest';
import { SingleFlight, limit, within } from '../../../../server/lib/concurrency.ts';

it('never runs more tasks at once than the limit, although new ones come while places change hands', async () => {
  const run = limit(2);
  let running = 0;
  let most = 0;
  const task = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
  };
  const first = Array.from({ length: 6 }, () => run(task));
  const later = first.map((done) => done.then(() => run(task)));
  await Promise.all([...first, ...later]);
  expect({ most, running }).toEqual({ most: 2, running: 0 });
});

it('gives a place on when a task fails', async () => {
  const run = limit(1);
  const failed = run(() => Promise.reject(new Error('no')));
  const next = run(() => Promise.resolve('yes'));
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('yes');
});

it('gives all who wait for one flight the same result or the same error, and begins anew afterwards', async () => {
  const flights = new SingleFlight<string, number>();
  let calls = 0;
  const work = async (): Promise<number> => {
    calls += 1;
    await Promise.resolve();
    if (calls === 2) throw new Error('second');
    return calls;
  };
  expect(await Promise.all([flights.run('a', work), flights.run('a', work)])).toEqual([1, 1]);
  const failed = await Promise.allSettled([flights.run('a', work), flights.run('a', work)]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await flights.run('a', work)).toBe(3);
});

it('tells a value that came in time from one that did not', async () => {
  expect(await within(Promise.resolve(undefined), 10_000)).toEqual({ value: undefined });
  expect(await within(new Promise(() => undefined), 1)).toBeUndefined();
});
