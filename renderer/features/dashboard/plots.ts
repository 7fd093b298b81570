import type { Dashboard } from '../../../server/api/contract.ts';
import type { PlotSeries } from '../../components/plot-data.ts';
import { formatBytes, formatCount, formatPercent } from '../../format.ts';

/** The dashboard's series as plots, each with a sentence that says what it shows. PURE. */

type Point = Dashboard['series'][number];

export interface PlotContent {
  readonly summary: string;
  readonly times: readonly number[];
  readonly series: readonly PlotSeries[];
}

/** Requests per interval, by outcome. */
export function requestPlot(points: readonly Point[], span: string): PlotContent {
  const total = sum(points, (point) => point.requests);
  const failed = sum(points, (point) => point.failed);
  const other = (point: Point): number =>
    Math.max(0, point.requests - point.hits - point.misses - point.stale - point.failed);
  const hasOther = points.some((point) => other(point) > 0);
  return {
    summary: `${formatCount(total)} requests in the last ${span}, ${formatCount(failed)} of them failed.`,
    times: times(points),
    series: [
      bar('Hits', 'ok', points, (point) => point.hits),
      bar('Misses', 'fetched', points, (point) => point.misses),
      bar('Stale', 'warn', points, (point) => point.stale),
      bar('Failed', 'bad', points, (point) => point.failed),
      ...(hasOther ? [bar('Other', 'line-control', points, other)] : []),
    ],
  };
}

/** Share of requests answered from the cache; a gap where there was no request. */
export function hitRatioPlot(points: readonly Point[], span: string): PlotContent {
  const hits = sum(points, (point) => point.hits + point.stale);
  const asked = sum(points, cacheable);
  return {
    summary: `${formatPercent(asked === 0 ? null : hits / asked)} of requests in the last ${span} were answered from the cache.`,
    times: times(points),
    series: [{ label: 'Hit ratio', color: 'accent', kind: 'area', values: ratios(points) }],
  };
}

/** Hit ratio per interval, for the plot and the tile. */
export function ratios(points: readonly Point[]): readonly (number | null)[] {
  return points.map((point) => {
    const asked = cacheable(point);
    return asked === 0 ? null : (point.hits + point.stale) / asked;
  });
}

function cacheable(point: Point): number {
  return point.hits + point.stale + point.misses;
}

/** Bytes to clients against bytes from upstreams; what lies between was saved. */
export function bytesPlot(points: readonly Point[], span: string): PlotContent {
  const served = sum(points, (point) => point.bytesServed);
  const fetched = sum(points, (point) => point.bytesFetched);
  return {
    summary: `${formatBytes(served)} served to clients and ${formatBytes(fetched)} fetched from upstreams in the last ${span}; ${formatBytes(Math.max(0, served - fetched))} saved.`,
    times: times(points),
    series: [
      { label: 'Served to clients', color: 'accent', kind: 'area', values: points.map((point) => point.bytesServed) },
      {
        label: 'Fetched from upstreams',
        color: 'fetched',
        kind: 'line',
        values: points.map((point) => point.bytesFetched),
      },
    ],
  };
}

function bar(label: string, color: string, points: readonly Point[], value: (point: Point) => number): PlotSeries {
  return { label, color, kind: 'bar', values: points.map(value) };
}

function times(points: readonly Point[]): readonly number[] {
  return points.map((point) => point.at);
}

function sum(points: readonly Point[], value: (point: Point) => number): number {
  return points.reduce((total, point) => total + value(point), 0);
}
