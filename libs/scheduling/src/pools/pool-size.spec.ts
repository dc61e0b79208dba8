import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { WarmPool } from '#libs/contracts';
import { poolSize } from './pool-size.js';

const pool = (rest: object = {}): WarmPool => WarmPool.parse({ environment: 'python3', flavor: 'a100', ...rest });
const each = { gpuMilli: 250, cpuMilli: 2_000 };

describe('the size of a pool', () => {
  it('covers what a cold start brings, 95 % of the times', () => {
    expect(poolSize(pool(), 0, each)).toBe(0);
    expect(poolSize(pool(), 2, each)).toBe(5);
    expect(poolSize(pool({ target: 0.5 }), 2, each)).toBe(2);
  });

  it('keeps to min, max and budget; the budget is above min', () => {
    expect(poolSize(pool({ min: 3 }), 0, each)).toBe(3);
    expect(poolSize(pool({ max: 4 }), 2, each)).toBe(4);
    expect(poolSize(pool({ min: 3, budget: { gpuMilli: 700 } }), 2, each)).toBe(2);
    expect(poolSize(pool({ budget: { gpuMilli: 5_000, cpuMilli: 7_999 } }), 2, each)).toBe(3);
    expect(poolSize(pool({ budget: { memoryBytes: 1 } }), 2, each)).toBe(5);
    expect(poolSize(pool({ max: 10_000 }), 1e12, each)).toBe(10_000);
  });

  it('never shrinks as more is asked for', () =>
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 500, noNaN: true }),
        fc.double({ min: 0, max: 50, noNaN: true }),
        (a, more) => {
          const large = pool({ max: 1_000 });
          expect(poolSize(large, a + more, each)).toBeGreaterThanOrEqual(poolSize(large, a, each));
        },
      ),
    ));
});
