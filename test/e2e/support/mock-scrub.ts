import type { RouteResponse } from '../../../server/api/contract.ts';
import { day, digestOf, hour } from './fixtures.ts';

type Scrub = RouteResponse<'getScrub'>;

const gib = 2 ** 30;

/** A mirror whose last round found one blob it could fetch again and one it could not. */
export function scrubFixture(now: number): Scrub {
  return {
    running: false,
    startedAt: now - 5 * day,
    checkedBlobs: 4210,
    totalBlobs: 4210,
    checkedBytes: 41.2 * gib,
    totalBytes: 41.2 * gib,
    lastFinishedAt: now - 5 * day + hour,
    nextAt: now + 25 * day,
    unrepaired: 1,
    damaged: [
      {
        digest: digestOf('rotten pushed layer'),
        kind: 'blob',
        size: 31_457_280,
        foundAt: now - 5 * day,
        reason: 'wrong bytes',
        problem: 'No upstream has it. Push it again, and it is whole.',
        breaks: ['team/app:1.4.0', 'team/app:latest'],
      },
      {
        digest: digestOf('rotten cached layer'),
        kind: 'blob',
        size: 3_402_000,
        foundAt: now - 5 * day,
        reason: 'missing',
        repairedAt: now - 5 * day + 4000,
        breaks: [],
      },
    ],
  };
}

/** The routes of the scrub over a state that lives as long as the mock. */
export class MockScrub {
  #state: Scrub;

  constructor(now: number, isEmpty: boolean) {
    this.#state = isEmpty
      ? { running: false, checkedBlobs: 0, totalBlobs: 0, checkedBytes: 0, totalBytes: 0, unrepaired: 0, damaged: [] }
      : scrubFixture(now);
  }

  get(): Scrub {
    return this.#state;
  }

  start(now: number): Scrub {
    const { nextAt: _, ...state } = this.#state;
    this.#state = { ...state, running: true, startedAt: now, checkedBlobs: 1263, checkedBytes: 12.4 * gib };
    return this.#state;
  }

  stop(): Scrub {
    this.#state = { ...this.#state, running: false };
    return this.#state;
  }

  /** Somebody pushed it again meanwhile. */
  repair(now: number): Scrub {
    this.#state = {
      ...this.#state,
      unrepaired: 0,
      damaged: this.#state.damaged.map(({ problem: _, ...damaged }) => ({ repairedAt: now, ...damaged, breaks: [] })),
    };
    return this.#state;
  }
}
