import type { DayLevels, DayOutcome } from './day-recorder.js';
import { columnMeans, type Level } from './level.js';
import { percentile } from './trace-metrics.js';

/** The figures of a day, by name. */
export function dayFigures(outcome: DayOutcome): Record<string, number> {
  const { waits, evictions, gpuMilli, cpuMilli, fairnessError, refused, unstarted } = outcome;
  const figures: Record<string, number> = {};
  for (const [name, all] of Object.entries(waits)) {
    const sorted = all.toSorted((a, b) => a - b);
    const seconds = (share: number): number => percentile(sorted, share) / 1_000;
    figures[`${name} starts`] = sorted.length;
    figures[`${name} wait p50, s`] = seconds(0.5);
    figures[`${name} wait p95, s`] = seconds(0.95);
    figures[`${name} longest wait, s`] = seconds(1);
  }
  const { reclaimed, requeued, useless } = evictions;
  return {
    ...figures,
    ...shares('GPU', gpuMilli, outcome),
    ...shares('CPU', cpuMilli, outcome),
    ...{ reclaimed, requeued, 'useless evictions': useless, 'fairness error': fairnessError, refused, unstarted },
  };
}

/** Percent of what was there; nothing where nothing was. */
function shares(
  name: string,
  { total, allocated, unallocated }: DayLevels,
  { from, to }: DayOutcome,
): Record<string, number> {
  const mean = (levels: readonly Level[]): number => columnMeans(levels, from, to, 1)[0] ?? 0;
  const all = mean(total);
  if (!(all > 0)) return {};
  const percent = (levels: readonly Level[]): number => (100 * mean(levels)) / all;
  const causes = Object.entries(unallocated).map(([cause, levels]) => [`${name} free, ${cause}, %`, percent(levels)]);
  return { [`${name} allocated, %`]: percent(allocated), ...Object.fromEntries(causes) };
}
