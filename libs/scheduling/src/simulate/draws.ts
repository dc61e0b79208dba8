import type { Random } from './random.js';

/** A number above 0, so that its logarithm is finite. */
const positive = (random: Random): number => 1 - random.next();

/** The gap between events that come at random, so many on average. */
export const exponential = (random: Random, mean: number): number => -mean * Math.log(positive(random));

/** @param sigma  of the logarithm; half of the draws are below the median */
export function lognormal(random: Random, median: number, sigma: number): number {
  const radius = Math.sqrt(-2 * Math.log(positive(random)));
  return median * Math.exp(sigma * radius * Math.cos(2 * Math.PI * random.next()));
}

/**
 * A heavy tail (Lomax, or Pareto II): no mean where shape is 1 or less.
 *
 * @param most  longer ones count as that
 */
export const heavyTailed = (random: Random, scale: number, shape: number, most: number): number =>
  Math.min(most, scale * (positive(random) ** (-1 / shape) - 1));

/** One of the options, each as likely as its weight says. */
export function weighted<T extends { readonly weight: number }>(random: Random, options: readonly T[]): T {
  let left = random.next() * options.reduce((sum, { weight }) => sum + weight, 0);
  for (const option of options) {
    left -= option.weight;
    if (left < 0) return option;
  }
  return options.at(-1) as T;
}
