/** What a plot is made of. PURE. */

export interface PlotSeries {
  readonly label: string;
  /** Name of the colour token, without the dashes: `ok`. */
  readonly color: string;
  readonly kind: 'bar' | 'line' | 'area';
  /** One value per time; null where there is none. */
  readonly values: readonly (number | null)[];
  /** A line goes on over what is not known, to the next value that is. */
  readonly spansGaps?: boolean;
}

type Values = ArrayLike<number | null | undefined>;

/** Where a value stands alone: a line has nothing to draw there, so it gets a dot. */
export function lonePositions(values: Values): number[] {
  return knownPositions(values, (before, after) => !before && !after);
}

/** Where a line goes on over a gap, or begins or ends: dots show what was known there, the line between them was not. */
export function gapEdges(values: Values): number[] {
  return knownPositions(values, (before, after) => !before || !after);
}

/** Positions of values whose neighbours are known, or not, as `accept` wants. */
function knownPositions(values: Values, accept: (before: boolean, after: boolean) => boolean): number[] {
  const isKnown = (index: number): boolean => (values[index] ?? null) !== null;
  return Array.from({ length: values.length }, (_, index) => index).filter(
    (index) => isKnown(index) && accept(isKnown(index - 1), isKnown(index + 1)),
  );
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
