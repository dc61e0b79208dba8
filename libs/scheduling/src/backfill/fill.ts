import { within } from './amounts.js';
import type { Candidate } from './candidate.js';
import { byAge, byDuration, type CandidateIndex, type ShapeLine } from './candidate-index.js';
import type { CapacityProfile } from './capacity-profile.js';
import { isOverdue } from './patience.js';

interface Filling {
  readonly now: number;
  readonly profile: CapacityProfile;
  readonly index: CandidateIndex;
}

/**
 * The lines that fit into what is free now, by rank.
 *
 * @param shapes  only of these; undefined: of all
 */
export function openLines(
  { profile, index }: Filling,
  closed: ReadonlySet<string>,
  shapes: ReadonlySet<string> | undefined,
): Map<number, ShapeLine[]> {
  const ranks = new Map<number, ShapeLine[]>();
  for (const line of index.lines(shapes)) {
    if (closed.has(line.shape) || !within(line.amounts, profile.freeNow)) continue;
    const lines = ranks.get(line.rank);
    if (lines === undefined) ranks.set(line.rank, [line]);
    else lines.push(line);
  }
  return ranks;
}

/**
 * Starts what the profile has room for: those past their maxWait first, oldest first, then the shortest first. A line is
 * left at its first one that does not fit, since all longer ones of it do not fit either.
 *
 * @param lines  of one rank
 * @param closed  shapes that are not to be tried; `start` may add to it
 * @param start  holds the capacity of what it starts
 */
export function fillRank(
  lines: readonly ShapeLine[],
  { now, profile }: Filling,
  { overduePerShape }: { readonly overduePerShape: number },
  closed: ReadonlySet<string>,
  start: (candidate: Candidate) => unknown,
): void {
  const look =
    (otherwise: 'next' | 'leave') =>
    (candidate: Candidate, { shape, amounts }: ShapeLine): 'next' | 'leave' => {
      if (closed.has(shape) || !within(amounts, profile.freeNow)) return 'leave';
      if (!profile.fits(amounts, candidate.durationMs)) return otherwise;
      start(candidate);
      return 'next';
    };
  // Where the shortest does not fit none does: few lines are left to be sorted.
  const open = lines.filter(({ amounts, byDuration: list }) =>
    profile.fits(amounts, (list.first() as Candidate).durationMs),
  );
  merge(open, overdueAt(now, overduePerShape), byAge, look('next'));
  merge(open, shortest, byDuration, look('leave'));
}

/** The one of a line after another one; `taken` were looked at before. */
type Next = (line: ShapeLine, after: Candidate | undefined, taken: number) => Candidate | undefined;

const overdueAt =
  (now: number, most: number): Next =>
  ({ byAge: list }, after, taken) => {
    const next = after === undefined ? list.first() : list.after(after);
    return next !== undefined && taken < most && isOverdue(next, now) ? next : undefined;
  };

const shortest: Next = ({ byDuration: list }, after) => (after === undefined ? list.first() : list.after(after));

interface Front {
  readonly line: ShapeLine;
  readonly candidate: Candidate;
  readonly taken: number;
}

/** Shows the candidates of all lines in one order; a line is left when `look` says so. */
function merge(
  lines: readonly ShapeLine[],
  next: Next,
  compare: (a: Candidate, b: Candidate) => number,
  look: (candidate: Candidate, line: ShapeLine) => 'next' | 'leave',
): void {
  const fronts: Front[] = lines.flatMap((line) => {
    const candidate = next(line, undefined, 0);
    return candidate === undefined ? [] : [{ line, candidate, taken: 1 }];
  });
  // The first stands last, where taking it moves nothing.
  fronts.sort((a, b) => compare(b.candidate, a.candidate));
  for (let front = fronts.pop(); front !== undefined; front = fronts.pop()) {
    if (look(front.candidate, front.line) === 'leave') continue;
    const candidate = next(front.line, front.candidate, front.taken);
    if (candidate === undefined) continue;
    let place = fronts.length;
    while (place > 0 && compare((fronts[place - 1] as Front).candidate, candidate) < 0) place -= 1;
    fronts.splice(place, 0, { line: front.line, candidate, taken: front.taken + 1 });
  }
}
