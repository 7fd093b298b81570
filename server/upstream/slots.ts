import { cancelled } from './fault.ts';

/** At most `n` requests under way at once; the others wait in order, and may leave the queue. */
export class Slots {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(n: number) {
    this.#free = n;
  }

  /** Waits for a slot; the function given back frees it and may be called again without effect. @throws MirrorError (CANCELLED) */
  acquire(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) return Promise.reject(cancelled(signal));
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve(this.#releaseOnce());
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(onTurn);
        reject(cancelled(signal));
      };
      const onTurn = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve(this.#releaseOnce());
      };
      this.#waiting.add(onTurn);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #releaseOnce(): () => void {
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      const [next] = this.#waiting;
      if (next === undefined) {
        this.#free += 1;
        return;
      }
      this.#waiting.delete(next);
      next();
    };
  }
}
