/** Steps of the table in one half-life. */
export const STEPS = 64;
const SCALE = 2 ** 20;
/** 0.5^(1/64) in units of 2^-60: the table is made of it in whole numbers, alike on every machine. */
const ONE_STEP = 1_140_502_249_370_840_087n;

const table: readonly number[] = (() => {
  const factors: number[] = [];
  for (let at = 1n << 60n; factors.length < STEPS; at = (at * ONE_STEP) >> 60n) factors.push(Number(at >> 40n));
  return factors;
})();

/**
 * An amount after so many steps of 1/64 half-life, rounded down: after 64 it is half.
 *
 * @param amount  a safe integer >= 0
 */
export function decayed(amount: number, steps: number): number {
  const halvings = Math.floor(steps / STEPS);
  const left = halvings > 60 ? 0 : Math.floor(amount / 2 ** halvings);
  const factor = table[steps % STEPS] as number;
  // In two parts, neither of which leaves the safe integers.
  return Math.floor(left / SCALE) * factor + Math.floor(((left % SCALE) * factor) / SCALE);
}
