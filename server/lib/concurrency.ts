/**
 * Runs at most one `work` per key at a time; everybody who asks meanwhile gets the same result or the same error.
 * A waiter that goes away cancels nothing.
 */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Promise<V>>();

  run(key: K, work: () => Promise<V>): Promise<V> {
    const running = this.#flights.get(key);
    if (running !== undefined) return running;
    const flight = work().finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  /** Whether it is under way. */
  has(key: K): boolean {
    return this.#flights.has(key);
  }

  /** Resolves when everything under way now has ended, well or not. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#flights.values());
  }
}

/** Lets at most `n` tasks run at once; the others wait in order. */
export function limit(n: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    // a place is handed over, never given up and taken again: nobody slips in between
    if (running >= n) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

/** A promise that many wait for and somebody else resolves, once per round. */
export class Signal {
  #waiting: (() => void)[] = [];

  /** Resolves at the next {@link notify}. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  notify(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Resolves to `promise`'s value, or to undefined when `ms` pass first; the promise goes on. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<{ readonly value: T } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise.then((value) => ({ value })), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
