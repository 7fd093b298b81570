import type { Admin, Handlers } from '../call.ts';
import { recordChange } from '../change-record.ts';
import { describeHealth } from '../health-view.ts';

/** The mirror itself: status, switches, dashboard. */
export function statusRoutes({
  parts,
}: Admin): Pick<Handlers, 'getStatus' | 'setOffline' | 'setServing' | 'getDashboard'> {
  return {
    getStatus: () => parts.control.status(),

    setOffline: async ({ body: { offline }, actor }) => {
      await parts.control.setOffline(offline);
      recordChange(parts, actor, {
        event: 'config_change',
        subject: 'offline',
        detail: offline ? 'switched offline' : 'switched online',
      });
      return { ok: true };
    },

    setServing: async ({ body: { serving }, actor }) => {
      await parts.control.setServing(serving);
      recordChange(parts, actor, {
        event: 'config_change',
        subject: 'serving',
        detail: serving ? 'listener opened' : 'listener closed',
      });
      return { ok: true };
    },

    getDashboard: ({ query: { range } }) => {
      const { intervalMs, series } = parts.activity.series(range, parts.clock.now());
      return {
        intervalMs,
        series,
        quotas: parts.quotaHistory
          .series({ since: series[0]?.at ?? 0, intervalMs })
          .map(({ upstream, points }) => ({ upstream, points: [...points] })),
        today: { ...parts.activity.today() },
        clients: parts.activity.clients(),
        upstreams: parts.upstreams.list().map(({ settings, client }) => ({
          name: settings.name,
          mode: settings.mode,
          health: describeHealth(client.health()),
        })),
      };
    },
  };
}
