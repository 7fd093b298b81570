import { lonePositions } from './plot-data.ts';

interface SparklineProps {
  /** One value per interval; null where there is none. */
  readonly values: readonly (number | null)[];
  /** Upper end of the scale. */
  readonly top: number;
}

const width = 96;
const height = 28;

/** The course of a figure at a glance; decoration only, the figure itself stands beside it. */
export function Sparkline({ values, top }: SparklineProps) {
  const path = sparkPath(values, top);
  if (path === '') return null;
  return (
    <svg width={width} height={height} viewBox={`0 0 ${String(width)} ${String(height)}`} aria-hidden="true">
      <path
        d={path}
        fill="none"
        stroke="var(--accent)"
        strokeWidth="1.8"
        strokeLinejoin="round"
        strokeLinecap="round"
      />
    </svg>
  );
}

/** The line as an SVG path; gaps stay gaps, and a value that stands alone is a dot. */
export function sparkPath(values: readonly (number | null)[], top: number): string {
  const step = values.length > 1 ? (width - 4) / (values.length - 1) : 0;
  const lone = new Set(lonePositions(values));
  let path = '';
  let isDown = false;
  for (const [index, value] of values.entries()) {
    if (value === null) {
      isDown = false;
      continue;
    }
    const x = 2 + index * step;
    const y = height - 3 - (top <= 0 ? 0 : Math.min(1, value / top)) * (height - 6);
    // the round end of a line without length is a dot
    path += `${isDown ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}${lone.has(index) ? 'h0' : ''}`;
    isDown = true;
  }
  return path;
}
