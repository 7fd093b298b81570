/** The middle of the readings, or the mean of the two middle ones. */
export function median(readings: readonly number[]): number {
  const sorted = readings.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  const high = sorted[Math.ceil((sorted.length - 1) / 2)] ?? Number.NaN;
  return (low + high) / 2;
}

/** Milliseconds on a clock that never jumps, for spans. */
export function now(): number {
  return performance.now();
}
