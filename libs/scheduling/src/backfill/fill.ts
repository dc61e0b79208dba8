import { within } from './amounts.js';
import type { Candidate } from './candidate.js';
import { byAge, byDuration, type CandidateIndex, type ShapeLine } from './candidate-index.js';
import type { CapacityProfile } from './capacity-profile.js';

/** So many of a shape that are past their maxWait are tried by age in one cycle, then the shortest. */
const MOST_OLD = 100;

interface Filling {
  readonly now: number;
  readonly profile: CapacityProfile;
  readonly index: CandidateIndex;
}

/**
 * Starts what fits into the profile now, rank by rank: those past their maxWait first, oldest first, then the shortest
 * first. A shape is left at the first one that does not fit, since all longer ones of it do not fit either.
 *
 * @param closed  shapes that are not to be tried
 * @param start  holds the capacity of what it starts
 */
export function fill(
  { now, profile, index }: Filling,
  closed: ReadonlySet<string>,
  start: (candidate: Candidate) => unknown,
): void {
  const open = (line: ShapeLine): boolean => within(line.amounts, profile.freeNow) && !closed.has(line.shape);
  const ranks = new Map<number, ShapeLine[]>();
  for (const line of index.lines()) {
    if (!open(line)) continue;
    const lines = ranks.get(line.rank);
    if (lines === undefined) ranks.set(line.rank, [line]);
    else lines.push(line);
  }
  for (const rank of [...ranks.keys()].sort((a, b) => b - a)) {
    const lines = ranks.get(rank) as ShapeLine[];
    merge(lines, oldOf(now), byAge, (candidate, line) => tryOne(candidate, line, 'next'));
    merge(lines, shortestOf, byDuration, (candidate, line) => tryOne(candidate, line, 'leave'));
  }

  function tryOne(candidate: Candidate, line: ShapeLine, otherwise: 'next' | 'leave'): 'next' | 'leave' {
    if (!open(line)) return 'leave';
    if (!profile.fits(candidate.amounts, candidate.durationMs)) return otherwise;
    start(candidate);
    return 'next';
  }
}

type Next = (line: ShapeLine, after: Candidate | undefined, taken: number) => Candidate | undefined;

const oldOf =
  (now: number): Next =>
  ({ byAge: list, maxWaitMs }, after, taken) => {
    const next = after === undefined ? list.first() : list.after(after);
    return next !== undefined && taken < MOST_OLD && now - next.submittedAt >= maxWaitMs ? next : undefined;
  };

const shortestOf: Next = ({ byDuration: list }, after) => (after === undefined ? list.first() : list.after(after));

/** Shows the candidates of all lines in one order; a line is left when `look` says so. */
function merge(
  lines: readonly ShapeLine[],
  next: Next,
  compare: (a: Candidate, b: Candidate) => number,
  look: (candidate: Candidate, line: ShapeLine) => 'next' | 'leave',
): void {
  const fronts = lines.flatMap((line) => {
    const candidate = next(line, undefined, 0);
    return candidate === undefined ? [] : [{ line, candidate, taken: 0 }];
  });
  // Last one first, so that taking and putting back the first moves little.
  fronts.sort((a, b) => compare(b.candidate, a.candidate));
  for (let front = fronts.pop(); front !== undefined; front = fronts.pop()) {
    if (look(front.candidate, front.line) === 'leave') continue;
    const taken = front.taken + 1;
    const candidate = next(front.line, front.candidate, taken);
    if (candidate === undefined) continue;
    let place = fronts.length;
    while (place > 0 && compare((fronts[place - 1] as { candidate: Candidate }).candidate, candidate) < 0) place -= 1;
    fronts.splice(place, 0, { line: front.line, candidate, taken });
  }
}
