import type { ReactNode } from 'react';
import type { Dashboard, Status } from '../../../server/api/contract.ts';
import { Meter } from '../../components/meter.tsx';
import { quotaLevel, quotaText } from '../../components/quota.ts';
import type { Quota } from '../../components/quota.ts';
import { Sparkline } from '../../components/sparkline.tsx';
import { formatBytes, formatCount, formatPercent, formatPlural } from '../../format.ts';
import { ratios } from './plots.ts';
import styles from './dashboard.module.css';

interface TilesProps {
  readonly status: Status;
  readonly dashboard: Dashboard | undefined;
}

/** Four figures: hit ratio, clients, disk, upstreams. */
export function Tiles({ status, dashboard }: TilesProps) {
  return (
    <section className={styles['tiles']} aria-label="Figures">
      <HitTile dashboard={dashboard} />
      <ClientTile status={status} dashboard={dashboard} />
      <DiskTile status={status} />
      <UpstreamTile dashboard={dashboard} />
    </section>
  );
}

interface TileProps {
  readonly title: string;
  readonly figure: ReactNode;
  readonly aside?: ReactNode;
  readonly children?: ReactNode;
}

function Tile({ title, figure, aside, children }: TileProps) {
  return (
    <div className={`panel ${styles['tile'] ?? ''}`}>
      <h2>{title}</h2>
      <div className={styles['figure']}>
        <span>{figure}</span>
        {aside}
      </div>
      <div className="muted small tabular">{children}</div>
    </div>
  );
}

function HitTile({ dashboard }: Pick<TilesProps, 'dashboard'>) {
  if (dashboard === undefined) return <Tile title="Hit ratio today" figure="…" />;
  const { today } = dashboard;
  return (
    <Tile
      title="Hit ratio today"
      figure={formatPercent(today.hitRatio)}
      aside={<Sparkline values={ratios(dashboard.series)} top={1} />}
    >
      {formatBytes(today.bytesSaved)} saved · {formatBytes(today.bytesServed)} served
      {today.failed === 0 ? null : ` · ${formatCount(today.failed)} failed`}
    </Tile>
  );
}

function ClientTile({ status, dashboard }: TilesProps) {
  const newest = dashboard?.clients[0];
  return (
    <Tile title="Clients now" figure={formatCount(status.clientsLast10Min)}>
      in the last 10 minutes
      {dashboard === undefined ? null : ` · ${formatCount(dashboard.today.clients)} today`}
      {newest === undefined ? null : ` · latest ${newest.clientIp}`}
    </Tile>
  );
}

function DiskTile({ status }: Pick<TilesProps, 'status'>) {
  const { contentBytes, freeBytes, totalBytes, floorBytes } = status.disk;
  const free = `${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}`;
  const tone = freeBytes < floorBytes ? 'bad' : freeBytes < floorBytes * 4 ? 'warn' : 'accent';
  return (
    <Tile title="Disk" figure={formatBytes(contentBytes)}>
      <Meter
        label="Disk in use"
        text={free}
        share={totalBytes === 0 ? 0 : (totalBytes - freeBytes) / totalBytes}
        tone={tone}
      />
      <div style={{ marginTop: 4 }}>
        {free} · keeps {formatBytes(floorBytes)} free
      </div>
    </Tile>
  );
}

function UpstreamTile({ dashboard }: Pick<TilesProps, 'dashboard'>) {
  if (dashboard === undefined) return <Tile title="Upstreams" figure="…" />;
  const { upstreams } = dashboard;
  const troubled = upstreams.filter(({ health }) => health.state === 'failing' || health.state === 'open');
  const figure =
    upstreams.length === 0
      ? 'None yet'
      : troubled.length === 0
        ? formatPlural(upstreams.length, 'upstream', 'upstreams')
        : `${formatCount(troubled.length)} of ${formatCount(upstreams.length)} failing`;
  return (
    <Tile title="Upstreams" figure={<span style={{ fontSize: '1.15rem' }}>{figure}</span>}>
      {troubled.length === 0 ? describeHealthy(upstreams) : troubled.map(({ name }) => name).join(', ')}
      <LowestQuota upstreams={upstreams} />
    </Tile>
  );
}

function describeHealthy(upstreams: Dashboard['upstreams']): string {
  const healthy = upstreams.filter(({ health }) => health.state === 'ok').length;
  const unused = upstreams.length - healthy;
  if (upstreams.length === 0) return 'Add one under Upstreams.';
  return unused === 0 ? 'All healthy' : `${formatCount(healthy)} healthy, ${formatCount(unused)} not used yet`;
}

function LowestQuota({ upstreams }: { readonly upstreams: Dashboard['upstreams'] }) {
  const known = upstreams
    .flatMap(({ name, health }) => (health.quota === undefined ? [] : [{ name, quota: health.quota }]))
    .sort((a: { quota: Quota }, b: { quota: Quota }) => quotaLevel(a.quota).share - quotaLevel(b.quota).share);
  const lowest = known[0];
  if (lowest === undefined) return null;
  return (
    <div>
      {lowest.name}: {quotaText(lowest.quota)}
    </div>
  );
}
