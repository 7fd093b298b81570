import type { Clock } from '../lib/clock.ts';

/** What tidies the store. */
export type HousekeepingTask = 'gc' | 'retention' | 'eviction' | 'scrub';

/** How far a task is; units are the task's own (manifests, blobs). */
export interface HousekeepingProgress {
  readonly task: HousekeepingTask;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly done: number;
  readonly total: number | undefined;
}

/** Tells how far a task is. */
export type TellProgress = (done: number, total: number | undefined) => void;

/**
 * One lane for everything that removes content by itself: two plans made side by side could each keep what the other
 * counts on. A task waits for the one before it; a task that fails does not stop the next.
 */
export class HousekeepingLane {
  readonly #clock: Clock;
  #tail: Promise<unknown> = Promise.resolve();
  #progress: HousekeepingProgress | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is under way. */
  get progress(): HousekeepingProgress | undefined {
    return this.#progress;
  }

  /** Runs `work` after all that was asked for before; gives its result or its error. */
  run<R>(task: HousekeepingTask, work: (tell: TellProgress) => Promise<R> | R): Promise<R> {
    const turn = this.#tail.then(() => this.#run(task, work));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves when nothing is under way or waiting. */
  async idle(): Promise<void> {
    await this.#tail;
  }

  async #run<R>(task: HousekeepingTask, work: (tell: TellProgress) => Promise<R> | R): Promise<R> {
    const startedAt = this.#clock.now();
    this.#progress = { task, startedAt, done: 0, total: undefined };
    try {
      return await work((done, total) => {
        this.#progress = { task, startedAt, done, total };
      });
    } finally {
      this.#progress = undefined;
    }
  }
}
