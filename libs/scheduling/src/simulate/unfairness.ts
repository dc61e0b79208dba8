import type { FullState } from '../core/state.js';

/** Of `FairShare`: a whole due share. */
const WHOLE = 1_000_000_000;

/**
 * How far apart queues of one cohort are that wait at the same time, in due shares: of what they hold and held of late. 0:
 * all have the same part of what they are owed. Undefined: no two of them wait.
 */
export function unfairness(state: FullState): number | undefined {
  const byParent = new Map<string | null, { least: number; most: number; count: number }>();
  for (const [name, line] of state.waiting.lines) {
    const queue = state.queue(name);
    if (queue?.state !== 'open' || line.size === 0) continue;
    const share = state.shares.pathShares(name).at(-1) ?? 0;
    const known = byParent.get(queue.parent) ?? { least: share, most: share, count: 0 };
    const { least, most, count } = known;
    byParent.set(queue.parent, { least: Math.min(least, share), most: Math.max(most, share), count: count + 1 });
  }
  const apart = [...byParent.values()].flatMap(({ least, most, count }) => (count > 1 ? [(most - least) / WHOLE] : []));
  return apart.length > 0 ? Math.max(...apart) : undefined;
}
