import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { gapEdges, lonePositions, stack } from './plot-data.ts';
import type { PlotSeries } from './plot-data.ts';
import { formatHour } from '../format.ts';

const height = 150;
const dayMs = 86_400_000;
const binarySteps = Array.from({ length: 50 }, (_, power) => 2 ** power);

export interface PlotInput {
  readonly times: readonly number[];
  readonly series: readonly PlotSeries[];
  readonly isStacked?: boolean;
  readonly top?: number;
  /** Values are bytes, so the scale steps in powers of two. */
  readonly isBytes?: boolean;
  readonly format: (value: number) => string;
}

export interface DrawnPlot {
  update(input: PlotInput): void;
  resize(): void;
  destroy(): void;
}

/** Draws into `holder`, in the colours of the current theme; tells which interval the pointer is over. */
export function drawPlot(holder: HTMLElement, input: PlotInput, onPoint: (index: number | null) => void): DrawnPlot {
  const plot = new uPlot(plotOptions(holder, input, onPoint), plotData(input), holder);
  return {
    update: (next) => {
      plot.setData(plotData(next));
    },
    resize: () => {
      if (holder.clientWidth > 0) plot.setSize({ width: holder.clientWidth, height });
    },
    destroy: () => {
      plot.destroy();
    },
  };
}

/** Stacked series are drawn from the top of the pile down, so the last comes first. */
function plotData(input: PlotInput): uPlot.AlignedData {
  const times = input.times.map((time) => time / 1000);
  const values = input.isStacked === true ? [...stack(input.series)].reverse() : input.series.map((one) => one.values);
  return [times, ...values.map((one) => [...one])];
}

function plotOptions(holder: HTMLElement, input: PlotInput, onPoint: (index: number | null) => void): uPlot.Options {
  const drawn = input.isStacked === true ? [...input.series].reverse() : input.series;
  return {
    width: Math.max(120, holder.clientWidth),
    height,
    legend: { show: false },
    padding: [8, 4, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { y: { range: (_plot, _low, high) => [0, input.top ?? niceTop(high)] } },
    axes: [timeAxis(holder, input), valueAxis(holder, input)],
    series: [{}, ...drawn.map((one) => seriesOptions(holder, one))],
    hooks: {
      setCursor: [
        (plot) => {
          onPoint(plot.cursor.idx ?? null);
        },
      ],
    },
  };
}

function seriesOptions(holder: HTMLElement, one: PlotSeries): uPlot.Series {
  const dots = one.spansGaps === true ? gapEdges : lonePositions;
  const color = tokenColor(holder, one.color);
  if (one.kind === 'bar') {
    const paths = uPlot.paths.bars?.({ size: [0.82, 26], align: 1 });
    return {
      label: one.label,
      fill: color,
      width: 0,
      points: { show: false },
      ...(paths === undefined ? {} : { paths }),
    };
  }
  return {
    label: one.label,
    stroke: color,
    width: 2,
    spanGaps: one.spansGaps ?? false,
    points: {
      show: false,
      size: 6,
      fill: color,
      stroke: color,
      filter: (plot, position) => dots(plot.data[position] ?? []),
    },
    ...(one.kind === 'area' ? { fill: withAlpha(color) } : {}),
  };
}

function timeAxis(holder: HTMLElement, input: PlotInput): uPlot.Axis {
  const span = (input.times.at(-1) ?? 0) - (input.times[0] ?? 0);
  const day = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric' });
  return {
    ...axisLook(holder),
    size: 26,
    space: 64,
    values: (_plot, splits) => splits.map((at) => (span > 2 * dayMs ? day.format(at * 1000) : formatHour(at * 1000))),
  };
}

function valueAxis(holder: HTMLElement, input: PlotInput): uPlot.Axis {
  return {
    ...axisLook(holder),
    size: 62,
    space: 34,
    ...(input.isBytes === true ? { incrs: binarySteps } : {}),
    values: (_plot, splits) => splits.map((value) => input.format(value)),
  };
}

function axisLook(holder: HTMLElement): uPlot.Axis {
  return {
    stroke: tokenColor(holder, 'text-muted'),
    font: `12px ${getComputedStyle(holder).fontFamily}`,
    grid: { stroke: tokenColor(holder, 'line'), width: 1 },
    ticks: { show: false },
  };
}

function niceTop(high: number | null): number {
  return high === null || high <= 0 ? 1 : high * 1.08;
}

/** Resolves a colour token for the canvas, which knows neither variables nor `light-dark()`. */
function tokenColor(holder: HTMLElement, token: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--${token})`;
  holder.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}

function withAlpha(color: string): string {
  return `color-mix(in srgb, ${color} 22%, transparent)`;
}
