import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { poissonCover } from './poisson.js';

/** Fixed point of 80 decimals, so that nothing of the sums is lost. */
const ONE = 10n ** 80n;

/** P(X <= k) for k = 0, 1, ... of a Poisson X with mean numerator / denominator, times ONE; e^mean by its own series. */
function exactSums(numerator: number, denominator: number): bigint[] {
  const [above, under] = [BigInt(numerator), BigInt(denominator)];
  const sums: bigint[] = [];
  let [sum, term] = [0n, ONE];
  for (let i = 1n; term > 0n; i += 1n) {
    sum += term;
    sums.push(sum);
    term = (term * above) / (under * i);
  }
  return sums.map((partial) => (partial * ONE) / sum);
}

describe('the number that covers a Poisson count', () => {
  it.each([
    // By the tables: P(X > 4 | 2) = 0.0527, P(X > 5 | 2) = 0.0166; P(X > 15 | 10) = 0.0487.
    [0, 0.95, 0],
    [0.05, 0.95, 0],
    [0.06, 0.95, 1],
    [2, 0.95, 5],
    [2, 0.94, 4],
    [10, 0.95, 15],
    [10, 0.999, 21],
    [3, 0, 0],
  ])('mean %d, target %d: %d', (mean, target, cover) => {
    expect(poissonCover(mean, target)).toBe(cover);
  });

  it('is the smallest by exact sums', () =>
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 150_000 }), fc.integer({ min: 0, max: 9_999 }), (milli, target) => {
        const wanted = (BigInt(target) * ONE) / 10_000n;
        const exact = exactSums(milli, 1_000).findIndex((sum) => sum >= wanted);
        expect(poissonCover(milli / 1_000, target / 10_000)).toBe(exact);
      }),
      { numRuns: 200 },
    ));

  it('is near mean + 1.645 standard deviations for large means, and finite', () => {
    for (const mean of [1_000, 20_000]) {
      const cover = poissonCover(mean, 0.95);
      expect(Math.abs(cover - (mean + 1.645 * Math.sqrt(mean)))).toBeLessThan(2);
    }
  });
});
