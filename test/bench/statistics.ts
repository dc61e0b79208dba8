/** The value below which a share of the samples lies; nearest rank. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** One figure over the repeats: the median of them, and the least and greatest. */
export interface Figure {
  median: number;
  min: number;
  max: number;
  /** One value per repeat. */
  repeats: number[];
}

export const figure = (repeats: number[]): Figure => ({
  median: median(repeats),
  min: Math.min(...repeats),
  max: Math.max(...repeats),
  repeats,
});
