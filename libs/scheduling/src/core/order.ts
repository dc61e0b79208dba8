import type { ClassConfig } from './model.js';

/**
 * The class's rank, raised to that of the next class up each time `maxWaitMs` has passed, never to that of the highest.
 *
 * @param classes  all of them
 * @returns the rank, and when it is raised next; null: never
 */
export function effectiveRank(
  { rank, maxWaitMs }: ClassConfig,
  classes: readonly ClassConfig[],
  waitedMs: number,
): { rank: number; raisedAfterMs: number | null } {
  if (maxWaitMs === null) return { rank, raisedAfterMs: null };
  const ranks = [...new Set(classes.map((one) => one.rank))].sort((a, b) => a - b);
  const above = ranks.slice(0, -1).filter((one) => one > rank);
  const raises = Math.min(above.length, Math.max(0, Math.floor(waitedMs / Math.max(1, maxWaitMs))));
  return {
    rank: raises === 0 ? rank : (above[raises - 1] as number),
    raisedAfterMs: raises === above.length ? null : (raises + 1) * Math.max(1, maxWaitMs),
  };
}
