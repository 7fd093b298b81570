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

type QuotaCourse = Dashboard['quotas'][number];
type QuotaPoint = QuotaCourse['points'][number];

/** More lines than this can't be told apart. */
const quotaColors = ['accent', 'fetched', 'denied', 'warn', 'bad'] as const;

/** Pulls left per upstream, as it last said in each interval; undefined when none said anything. */
export function quotaPlot(
  points: readonly Point[],
  courses: Dashboard['quotas'],
  span: string,
): (PlotContent & { readonly top: number }) | undefined {
  const told = courses.filter((course) => course.points.length > 0);
  const shown = [...told].sort((a, b) => lowestShare(a) - lowestShare(b)).slice(0, quotaColors.length);
  if (shown.length === 0) return undefined;
  const more = told.length - shown.length;
  return {
    summary: `${shown.map((course) => quotaSentence(course, span)).join(' ')}${more === 0 ? '' : ` ${formatCount(more)} more are not drawn.`}`,
    times: times(points),
    top: Math.max(1, ...shown.flatMap((course) => course.points.map(({ limit }) => limit))),
    series: shown.map((course, index) => ({
      label: course.upstream,
      color: quotaColors[index] ?? 'accent',
      kind: 'line',
      spansGaps: true,
      values: remainingAt(points, course),
    })),
  };
}

function remainingAt(points: readonly Point[], course: QuotaCourse): readonly (number | null)[] {
  const remaining = new Map(course.points.map((point) => [point.at, point.remaining]));
  return points.map(({ at }) => remaining.get(at) ?? null);
}

function quotaSentence({ upstream, points }: QuotaCourse, span: string): string {
  const last = points.at(-1);
  const lowest = Math.min(...points.map(({ remaining }) => remaining));
  const left = last === undefined ? '' : `${formatCount(last.remaining)} of ${formatCount(last.limit)} pulls left`;
  return `${upstream}: ${left} when it last told, at least ${formatCount(lowest)} in the last ${span}.`;
}

function lowestShare({ points }: QuotaCourse): number {
  return Math.min(...points.map(({ remaining, limit }: QuotaPoint) => (limit <= 0 ? 0 : remaining / limit)));
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
