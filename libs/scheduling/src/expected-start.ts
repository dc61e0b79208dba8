import type { KernelId, WaitExplanation } from '#libs/contracts';
import { freedWithin } from './survival.js';

/** What there is of one flavor, and who holds it: amounts of each resource, places last, in one order. */
export interface There {
  readonly capacity: readonly number[];
  readonly running: readonly { readonly id: string; readonly amounts: readonly number[] }[];
}

/** What a forecast stands on; the core itself knows no past. */
export interface Ground {
  /** How long kernels held their places that have ended, milliseconds. */
  heldMs: readonly number[];
  /** Since when a running kernel holds its place, ms since the epoch; null where that is not known. */
  since(id: KernelId): number | null;
}

/** The band leaves out one start in ten on either side. */
const EARLY = 0.1;
const LATE = 0.9;
const ROUNDING = 1e-9;
/** Running kernels times places that must come free: beyond it the answer would hold up the scheduler. */
const MOST_WORK = 50_000;

/**
 * When a workload that lacks capacity starts: from the tenth to the ninetieth percentile of the moment at which enough
 * running kernels have ended for it and all ahead of it. Each kernel's end is drawn from how long places are held,
 * given how long it has held its own; ends are independent. Kernels ahead that start and end meanwhile are not counted,
 * so far back in the queue the band is rather late than early.
 *
 * @param ahead  those that start before it
 * @param now  milliseconds since the epoch, an integer
 * @returns null where nothing grounds a band
 * @see freedWithin; Poisson-binomial distribution: Wang, "On the number of successes in independent trials", Statistica
 *   Sinica 3 (1993)
 */
export function expectedStart(
  there: There,
  ahead: readonly (readonly number[])[],
  own: readonly number[],
  ground: Ground,
  now: number,
): WaitExplanation['expectedStart'] {
  const { running } = there;
  const needed = endsNeeded(there, [...ahead, own]);
  if (needed.most < 1 || needed.most > running.length || running.length * needed.most > MOST_WORK) return null;
  const elapsed = running.flatMap(({ id }) => {
    const since = ground.since(id as KernelId);
    return since === null ? [] : [Math.max(0, now - since)];
  });
  const freed = freedWithin(ground.heldMs, elapsed);
  const longest = Math.max(0, ...ground.heldMs);
  const after = (ends: number, chance: number): number | undefined =>
    firstAt(
      longest,
      (ms) =>
        atLeast(
          ends,
          elapsed.map((sofar) => freed(sofar, ms)),
        ) >=
        chance - ROUNDING,
    );
  const earliest = after(needed.fewest, EARLY);
  const latest = after(needed.most, LATE);
  return earliest === undefined || latest === undefined ? null : { earliest: now + earliest, latest: now + latest };
}

/** Running kernels that must end before all these fit: if the largest end first, and if the smallest do. */
function endsNeeded(
  { capacity, running }: There,
  asked: readonly (readonly number[])[],
): { fewest: number; most: number } {
  const needs = capacity.map((all, axis) => {
    const each = running.map(({ amounts }) => amounts[axis] as number).sort((a, b) => a - b);
    const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
    const short = sum(each) + sum(asked.map((amounts) => amounts[axis] as number)) - all;
    return { fewest: countTo(short, each.toReversed()), most: countTo(short, each) };
  });
  return {
    fewest: Math.max(...needs.map(({ fewest }) => fewest)),
    most: Math.max(...needs.map(({ most }) => most)),
  };
}

/** How many of the numbers, taken in order, sum to `total`; one more than there are where all do not. */
function countTo(total: number, numbers: readonly number[]): number {
  let sum = 0;
  let count = 0;
  while (sum < total) {
    if (count === numbers.length) return count + 1;
    sum += numbers[count] as number;
    count += 1;
  }
  return count;
}

/** Chance that at least `wanted` of independent things happen, each with its own chance. */
function atLeast(wanted: number, chances: readonly number[]): number {
  // exactly[n]: chance that n have happened so far; the last place holds "or more".
  const exactly = [1, ...new Array<number>(wanted).fill(0)];
  for (const chance of chances) {
    for (let n = wanted; n > 0; n -= 1) {
      const stays = n === wanted ? 1 : 1 - chance;
      exactly[n] = (exactly[n] as number) * stays + (exactly[n - 1] as number) * chance;
    }
    exactly[0] = (exactly[0] as number) * (1 - chance);
  }
  return exactly[wanted] as number;
}

/** The first whole number up to `last` of which `holds` is true; what holds once, holds from there on. */
function firstAt(last: number, holds: (at: number) => boolean): number | undefined {
  if (!holds(last)) return undefined;
  let [low, high] = [0, last];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
