import type { Collection } from '../../cache/housekeeping.ts';
import type { Admin, Handlers } from '../call.ts';
import type { RouteResponse } from '../contract.ts';

/** Garbage collection: what it would remove, what it removed, how it stands. */
export function gcRoutes({ parts }: Admin): Pick<Handlers, 'collectGarbage' | 'getGarbage'> {
  const { gc, lane } = parts.housekeeping;
  return {
    collectGarbage: async ({ body, actor }) => removalOf(await gc.collect({ isDryRun: body.dryRun, actor })),

    getGarbage: () => ({ running: lane.progress, last: gc.last, nextAt: gc.nextAt }),
  };
}

function removalOf({ items, ...rest }: Collection): RouteResponse<'collectGarbage'> {
  return { items: [...items], ...rest };
}
