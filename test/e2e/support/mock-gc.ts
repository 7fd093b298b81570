import type { RouteBody, RouteResponse } from '../../../server/api/contract.ts';
import { digestOf } from './fixtures.ts';

const hour = 3_600_000;
const mib = 2 ** 20;

interface Mock {
  readonly now: number;
}

const found: RouteResponse<'collectGarbage'> = {
  items: [
    {
      name: `team/app@${digestOf('team/app old')}`,
      why: 'its tag moved or was deleted, and it is not kept any longer',
      bytes: 0,
    },
    { name: `blob ${digestOf('layer one')}`, why: 'no manifest needs it', bytes: 180 * mib },
    { name: `blob ${digestOf('layer two')}`, why: 'no manifest needs it', bytes: 34 * mib },
    { name: 'incoming/4711-3.gone', why: 'left behind by a deletion', bytes: 2 * mib },
  ],
  itemsTotal: 4,
  freedBytes: 216 * mib,
};
const nothing: RouteResponse<'collectGarbage'> = { items: [], itemsTotal: 0, freedBytes: 0 };
/** Stores that were collected. */
const collected = new WeakSet<object>();

/** What a store says of its garbage: found once, gone afterwards. */
export const gcAnswers = {
  collectGarbage: (state: Mock, _query: unknown, body: RouteBody<'collectGarbage'>) => {
    const answer = collected.has(state) ? nothing : found;
    if (body.dryRun !== true) collected.add(state);
    return answer;
  },
  getGarbage: (state: Mock): RouteResponse<'getGarbage'> => {
    const { now } = state;
    if (!collected.has(state))
      return {
        last: {
          startedAt: now - 20 * hour,
          finishedAt: now - 20 * hour + 3000,
          freedBytes: 1536 * mib,
          itemsTotal: 212,
        },
        nextAt: now + 4 * hour,
      };
    const { freedBytes, itemsTotal } = found;
    return { last: { startedAt: now, finishedAt: now + 900, freedBytes, itemsTotal }, nextAt: now + 24 * hour };
  },
};
