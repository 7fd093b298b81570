import type { Clock } from '../lib/clock.ts';
import { cancelled, isPassing } from './fault.ts';

export interface RetryOptions {
  /** Repetitions after the first attempt. */
  readonly maxRetries: number;
  /** Wait before the first repetition; doubled each time. */
  readonly retryDelayMs: number;
  /** No attempt starts later than this after the first. */
  readonly budgetMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Repeats `attempt`, which must be idempotent, while it fails in ways that may pass: network faults, 408, 5xx.
 * @throws the last error; MirrorError (CANCELLED) when aborted while waiting
 */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { maxRetries, retryDelayMs, budgetMs, clock, signal } = options;
  const startedAt = clock.monotonic();
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const delayMs = retryDelayMs * 2 ** retries;
      const isLate = clock.monotonic() - startedAt + delayMs >= budgetMs;
      if (retries >= maxRetries || isLate || !isPassing(error)) throw error;
      await sleep(clock, delayMs, signal);
    }
  }
}

async function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    throw signal.aborted ? cancelled(signal) : error;
  }
}
