import {
  type Answer,
  BACKFILL_DEFAULTS,
  type BackfillCycle,
  type BackfillOptions,
  type BackfillPlan,
} from './backfill-cycle.js';
import type { Candidate } from './candidate.js';
import { fillRank, openLines } from './fill.js';
import { Heads } from './heads.js';

/**
 * Starts the first ones of the order while they fit; then, rank by rank, whatever moves neither a protected head nor a
 * reservation, shortest first. A head is protected from lower ranks at once, and from shorter ones of its own rank when it
 * is young no more; the first young one is the last head.
 *
 * @see EASY: Lifka, JSSPP 1995; shortest first: Tsafrir et al., IEEE TPDS 18 (2007); protection by age, "selective"
 *   backfill: Srinivasan et al., JSSPP 2002; the measurements: docs/adr/0014
 */
export function planBackfill(cycle: BackfillCycle, options: BackfillOptions = BACKFILL_DEFAULTS): BackfillPlan {
  const { now, profile, index } = cycle;
  const started: Candidate[] = [];
  const closed = new Set<string>();
  const start = (candidate: Candidate): Answer => {
    const { id, amounts, durationMs } = candidate;
    const answer = cycle.start(candidate);
    if (answer === 'started') {
      profile.hold(id, { amounts, from: now, to: now + durationMs });
      index.remove(id);
      started.push(candidate);
    } else closed.add(candidate.shape);
    return answer;
  };
  const heads = new Heads(cycle, options.depth, closed, start);
  try {
    heads.protectFirst();
    const lines = openLines(cycle, closed, heads.areAsBefore() ? cycle.shapes : undefined);
    for (const rank of [...lines.keys()].sort((a, b) => b - a)) {
      heads.protectFromBelow(rank);
      fillRank(lines.get(rank) ?? [], cycle, options, closed, start);
    }
    heads.protectFromBelow(-Infinity);
  } finally {
    heads.release();
  }
  return { started, promised: heads.promised };
}
