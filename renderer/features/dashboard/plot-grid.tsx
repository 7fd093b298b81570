import type { Dashboard } from '../../../server/api/contract.ts';
import { LoadingState } from '../../components/empty-state.tsx';
import { QuotaBar } from '../../components/quota-bar.tsx';
import { TimePlot } from '../../components/time-plot.tsx';
import { formatBytes, formatCount, formatPercent } from '../../format.ts';
import { bytesPlot, hitRatioPlot, requestPlot } from './plots.ts';
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
        <h3>Pull quota now</h3>
        <Quotas upstreams={dashboard.upstreams} />
      </div>
    </div>
  );
}

function formatCountShort(count: number): string {
  return Number.isInteger(count) ? formatCount(count) : '';
}

function Quotas({ upstreams }: { readonly upstreams: Dashboard['upstreams'] }) {
  const known = upstreams.filter(({ health }) => health.quota !== undefined);
  if (known.length === 0) {
    return (
      <p className="muted" style={{ marginTop: 8 }}>
        No upstream has told a limit so far. Docker Hub does so in its answers; the figure appears here with the first
        pull from it.
      </p>
    );
  }
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
