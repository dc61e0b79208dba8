/** Ended kernels that must have held a place for longer than one has so far, before anything is said of its rest. */
const LEAST_OBSERVED = 8;

/** Chance that a place held for `elapsedMs` is free after `moreMs` more: 0 to 1, growing with `moreMs`. */
export type FreedWithin = (elapsedMs: number, moreMs: number) => number;

/**
 * How long places are held, learnt from those that were given back and from those still held (which say only "longer
 * than this"): without the latter, the short ones that end first would be all that is seen.
 *
 * @param heldMs  of kernels that have ended
 * @param stillMs  of kernels that run, so far
 * @returns a function that gives 0 where fewer than 8 ended kernels held longer than `elapsedMs`: nothing grounds more
 * @see Kaplan & Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958), section 2
 */
export function freedWithin(heldMs: readonly number[], stillMs: readonly number[]): FreedWithin {
  const ended = [...heldMs].sort((a, b) => a - b);
  const running = [...stillMs].sort((a, b) => a - b);
  // Share of places held beyond ended[i], for each i; ties multiply to the same as one step would.
  const beyond: number[] = [];
  let share = 1;
  for (const [index, held] of ended.entries()) {
    const atRisk = ended.length - index + running.length - countBelow(running, held);
    share *= 1 - 1 / atRisk;
    beyond.push(share);
  }
  const survival = (ms: number): number => {
    const over = countBelow(ended, ms + 1);
    return over === 0 ? 1 : (beyond[over - 1] as number);
  };
  return (elapsedMs, moreMs) => {
    const longer = ended.length - countBelow(ended, elapsedMs + 1);
    return longer < LEAST_OBSERVED ? 0 : 1 - survival(elapsedMs + moreMs) / survival(elapsedMs);
  };
}

/** How many of the sorted integers are smaller than `bound`. */
function countBelow(sorted: readonly number[], bound: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
