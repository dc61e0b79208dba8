/** Terms that are smaller than this part of the largest change no sum of doubles. */
const NEGLIGIBLE = 1e-20;

/**
 * The smallest k with P(X > k) <= 1 - target for a Poisson X: so many spares cover what is asked for, with that chance.
 *
 * Terms are taken relative to the largest, and their sum stands for e^mean: nothing overflows, and as there is no more
 * than + - * / in it, every machine gets the same k.
 *
 * @param mean  >= 0, finite; takes time in proportion to it
 * @param target  in [0, 1)
 */
export function poissonCover(mean: number, target: number): number {
  if (mean <= 0 || target <= 0) return 0;
  const mode = Math.floor(mean);
  // Smallest first, so that the small ones are not lost beside the large.
  const below: number[] = [];
  for (let [i, term] = [mode, mode / mean]; i > 0 && term > NEGLIGIBLE; i -= 1, term *= i / mean) below.push(term);
  const terms = [...below.reverse(), 1];
  for (let [i, term] = [mode + 1, mean / (mode + 1)]; term > NEGLIGIBLE; i += 1, term *= mean / i) terms.push(term);
  let beyond = 0;
  const beyondEach = terms.map(() => 0);
  for (let at = terms.length - 1; at >= 0; at -= 1) {
    beyondEach[at] = beyond;
    beyond += terms[at] as number;
  }
  return mode - below.length + beyondEach.findIndex((tail) => tail <= (1 - target) * beyond);
}
