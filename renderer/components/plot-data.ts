/** What a plot is made of. PURE. */

export interface PlotSeries {
  readonly label: string;
  /** Name of the colour token, without the dashes: `ok`. */
  readonly color: string;
  readonly kind: 'bar' | 'line' | 'area';
  /** One value per time; null where there is none. */
  readonly values: readonly (number | null)[];
}

/** Stacks bars: each series becomes the sum of itself and all before it, so that drawing from last to first piles them up. */
export function stack(series: readonly PlotSeries[]): readonly (readonly (number | null)[])[] {
  const sums: (number | null)[][] = [];
  for (const [position, one] of series.entries()) {
    const below = sums[position - 1];
    sums.push(one.values.map((value, index) => (value ?? 0) + (below?.[index] ?? 0)));
  }
  return sums;
}
