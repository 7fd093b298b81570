import type { Dashboard } from '../../../server/api/contract.ts';
import { LoadingState } from '../../components/empty-state.tsx';
import { QuotaBar } from '../../components/quota-bar.tsx';
import { TimePlot } from '../../components/time-plot.tsx';
import { formatBytes, formatCount, formatPercent } from '../../format.ts';
import { bytesPlot, hitRatioPlot, quotaPlot, requestPlot } from './plots.ts';
import styles from './dashboard.module.css';

interface PlotGridProps {
  readonly dashboard: Dashboard | undefined;
  /** The time shown, in words: "24 hours". */
  readonly span: string;
}

/** Requests, hit ratio, bytes and quota. */
export function PlotGrid({ dashboard, span }: PlotGridProps) {
  if (dashboard === undefined) {
    return (
      <div className="panel">
        <LoadingState label="Reading the figures" lines={6} />
      </div>
    );
  }
  const look = `panel ${styles['plot'] ?? ''}`;
  return (
    <div className={styles['plots']}>
      <div className={look}>
        <TimePlot title="Requests" {...requestPlot(dashboard.series, span)} isStacked format={formatCountShort} />
      </div>
      <div className={look}>
        <TimePlot
          title="Hit ratio"
          {...hitRatioPlot(dashboard.series, span)}
          top={1}
          format={(share) => formatPercent(share)}
        />
      </div>
      <div className={look}>
        <TimePlot title="Bytes" {...bytesPlot(dashboard.series, span)} isBytes format={(bytes) => formatBytes(bytes)} />
      </div>
      <div className={look}>
        <QuotaPanel dashboard={dashboard} span={span} />
      </div>
    </div>
  );
}

function formatCountShort(count: number): string {
  return Number.isInteger(count) ? formatCount(count) : '';
}

/** The course of the quota, and below it what each upstream said last; an upstream need not have said anything. */
function QuotaPanel({ dashboard, span }: { readonly dashboard: Dashboard; readonly span: string }) {
  const plot = quotaPlot(dashboard.series, dashboard.quotas, span);
  const known = dashboard.upstreams.filter(({ health }) => health.quota !== undefined);
  if (plot !== undefined) {
    return (
      <>
        <TimePlot title="Pull quota left" {...plot} format={formatCountShort} />
        <Quotas known={known} />
      </>
    );
  }
  return (
    <>
      <h3>Pull quota left</h3>
      {known.length === 0 ? (
        <p className="muted" style={{ marginTop: 8 }}>
          No upstream has told a limit in this time. Docker Hub does so in its answers; the figure appears here with the
          first pull from it.
        </p>
      ) : (
        <>
          <p className="muted" style={{ marginTop: 8 }}>
            No upstream has told its quota in the last {span}; this is what it said before.
          </p>
          <Quotas known={known} />
        </>
      )}
    </>
  );
}

function Quotas({ known }: { readonly known: Dashboard['upstreams'] }) {
  return (
    <ul className={styles['quotas']}>
      {known.map(({ name, health }) =>
        health.quota === undefined ? null : (
          <li key={name}>
            <div style={{ fontWeight: 550 }}>{name}</div>
            <QuotaBar name={name} quota={health.quota} />
          </li>
        ),
      )}
    </ul>
  );
}
