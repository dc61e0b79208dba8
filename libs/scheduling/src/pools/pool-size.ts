import { type FlavorAmounts, type Limits, RESOURCES, type WarmPool } from '#libs/contracts';
import { poissonCover } from './poisson.js';

/** Above this mean even a target near 0 asks for more than the largest `max`. */
const MOST_MEAN = 20_000;

/**
 * How many spares a pool is to hold.
 *
 * @param expected  arrivals during one cold start, by `Demand.expected`: a spare that is taken is missed for so long
 * @param each  what one spare holds
 */
export function poolSize(
  pool: Pick<WarmPool, 'target' | 'min' | 'max' | 'budget'>,
  expected: number,
  each: FlavorAmounts,
): number {
  const wanted = poissonCover(Math.min(expected, MOST_MEAN), pool.target);
  return Math.min(Math.max(wanted, pool.min), pool.max, sparesWithin(pool.budget, each));
}

/** How many spares a budget pays for. Infinity where it bounds nothing that they hold. */
function sparesWithin(budget: Limits, each: FlavorAmounts): number {
  const counts = RESOURCES.map((resource) => {
    const [limit, amount] = [budget[resource], each[resource] ?? 0];
    return limit === undefined || amount === 0 ? Infinity : Math.max(0, Math.floor(limit / amount));
  });
  return Math.min(...counts);
}
