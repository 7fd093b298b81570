import type { Admin, Handlers } from '../call.ts';
import type { RouteResponse } from '../contract.ts';

/** Reading stored content again, and what was found damaged. */
export function scrubRoutes({
  parts,
}: Admin): Pick<Handlers, 'getScrub' | 'startScrub' | 'stopScrub' | 'repairDamaged'> {
  const { scrub } = parts.housekeeping;
  const view = async (): Promise<RouteResponse<'getScrub'>> => {
    const { damaged, ...round } = await scrub.view();
    return {
      ...round,
      damaged: damaged.map(({ sizeBytes, breaks, ...damage }) => ({ ...damage, size: sizeBytes, breaks: [...breaks] })),
    };
  };
  return {
    getScrub: () => view(),

    startScrub: async ({ body, signal }) => {
      scrub.start(body.rate);
      if (body.wait) await Promise.race([scrub.finished(), gone(signal)]);
      return view();
    },

    stopScrub: async () => {
      await scrub.stop();
      return view();
    },

    repairDamaged: async () => {
      await scrub.repairAll();
      return view();
    },
  };
}

/** Who waited has left; the round goes on. */
function gone(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
