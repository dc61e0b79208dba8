import type { Cycle } from './cycle.js';
import { Filling } from './filling.js';
import type { Given } from './given.js';
import type { RankLine } from './line.js';
import { openLines } from './openings.js';
import { mayEvict } from './preempt.js';

/**
 * Starts, rank by rank, whatever moves neither a protected head nor a reservation: the queue with the least share first,
 * in it those past their maxWait oldest first, then the shortest. A line is left at its first one that does not fit,
 * since all longer ones of it do not fit either.
 *
 * @see EASY: Lifka, JSSPP 1995; shortest first: Tsafrir et al., IEEE TPDS 18 (2007); the measurements: docs/adr/0014
 */
export function backfill(cycle: Cycle): void {
  const { kinds } = cycle.state.waiting;
  const ranks = new Set<number>();
  for (const kind of kinds.values()) for (const rank of kind.ranks.keys()) ranks.add(rank);
  // Who fits only until the heads are protected from its rank may yet make others go.
  const given: Given = { closed: new Set(), full: new Set(), refused: new Set(), mayEvict: mayEvict(cycle.state) };
  const before = given.mayEvict ? openLines(cycle, given) : undefined;
  for (const rank of [...ranks].sort((a, b) => b - a)) {
    for (const heads of cycle.heads.values()) heads.protectFromBelow(rank);
    const lines: readonly RankLine[] = (before ?? openLines(cycle, given, rank)).get(rank) ?? [];
    if (lines.length > 0) new Filling(cycle, rank, lines, given).run();
  }
}
