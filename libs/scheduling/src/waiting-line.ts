import type { CoreState, Workload } from './core-state.js';

/**
 * Higher class first, then first come; the id settles ties, so that the order never depends on who was told first. One
 * that waits already keeps its place.
 */
export function enqueue(state: CoreState, workload: Workload): void {
  const place = placeOf(state, workload);
  if (state.waiting[place]?.id !== workload.id) state.waiting.splice(place, 0, workload);
}

/** Index of the workload, or where it would go; its class and submit time never change while it waits. */
function placeOf(state: CoreState, workload: Workload): number {
  let [low, high] = [0, state.waiting.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(state, state.waiting[middle] as Workload, workload)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function before({ limits }: CoreState, a: Workload, b: Workload): boolean {
  const rank = (w: Workload): number => limits.classRanks[w.priorityClass] ?? 0;
  if (rank(a) !== rank(b)) return rank(a) > rank(b);
  return a.submittedAt === b.submittedAt ? a.id < b.id : a.submittedAt < b.submittedAt;
}
