import { describe, expect, it } from '@jest/globals';
import { decayed } from './decay.js';
import { FairShare } from './fair-share.js';
import type { CoreConfig } from './model.js';
import { compareKeys, effectiveRank, type OrderKey } from './order.js';

const cap = { workloads: null, gpuMilli: null };
const queue = (name: string, parent: string | null, weight: number) =>
  ({ name, parent, weight, quotas: {}, state: 'open', perUser: cap, perProject: cap }) as const;
const config: CoreConfig = {
  flavors: ['t4'],
  cohorts: [{ name: 'lab', parent: null, weight: 1, quotas: {} }],
  queues: [queue('a', 'lab', 1), queue('b', 'lab', 3), queue('c', null, 1)],
  classes: [],
  reservations: [],
  halfLifeMs: 64_000,
  protectedHeads: 1,
};
const capacity = [8_000, 0, 0];

describe('decayed', () => {
  it('halves in a half-life, and falls in between as the power does', () => {
    expect(decayed(4_096, 64)).toBe(2_048);
    expect(decayed(4_096, 64 * 70)).toBe(0);
    for (let steps = 0; steps < 256; steps += 1) {
      expect(Math.abs(decayed(2 ** 50, steps) / 2 ** 50 - 0.5 ** (steps / 64))).toBeLessThan(1e-6);
    }
  });
});

describe('the fair share', () => {
  it('tends to what is held, and fades with what has ended', () => {
    const shares = new FairShare(config);
    shares.advance(0);
    shares.started('c', 'ann', 't4', [4_000, 0, 0]);
    shares.advance(64_000);
    // Half of it by sampling, and half of the entry penalty of 44.
    expect(shares.userShare('c', 'ann', capacity)).toBeCloseTo((2_022 / 8_000) * 1e9, -6);
    shares.ended('c', 'ann', 't4', [4_000, 0, 0]);
    shares.advance(128_000);
    expect(shares.userShare('c', 'ann', capacity)).toBeCloseTo((1_011 / 8_000) * 1e9, -6);
  });

  it('makes what starts pay at once', () => {
    const shares = new FairShare(config);
    shares.advance(0);
    shares.started('c', 'ann', 't4', [4_000, 0, 0]);
    expect(shares.userShare('c', 'ann', capacity)).toBe((44 / 8_000) * 1e9);
  });

  it('owes a queue of three times the weight three times as much, below its cohort', () => {
    const shares = new FairShare({ ...config, halfLifeMs: 64e9 });
    shares.advance(0);
    shares.started('a', 'ann', 't4', [1_000, 0, 0]);
    shares.started('b', 'bob', 't4', [3_000, 0, 0]);
    const [labA, a] = shares.pathShares('a', capacity) as [number, number];
    const [labB, b] = shares.pathShares('b', capacity) as [number, number];
    expect(labA).toBe(labB);
    expect(Math.abs(a - b) / a).toBeLessThan(0.001);
    expect(shares.pathShares('c', capacity)).toEqual([0]);
  });

  it('is the same once restored', () => {
    const shares = new FairShare(config);
    shares.advance(0);
    shares.started('a', 'ann', 't4', [1_000, 0, 0]);
    const other = new FairShare(config);
    other.restore(JSON.parse(JSON.stringify(shares.snapshot())));
    for (const one of [shares, other]) one.advance(9_000);
    expect(other.snapshot()).toEqual(shares.snapshot());
  });
});

describe('the order', () => {
  const key: OrderKey = {
    ...{ owns: false, rank: 500, borrows: false, shares: [1, 1], usage: 1, offset: 0, submittedAt: 1, id: 'm' },
  };
  // Each goes before `key`, by one word alone, though all words after it speak against it.
  const against = { offset: -50, submittedAt: 9, id: 'z' };
  it.each<[string, Partial<OrderKey>]>([
    ['owns', { owns: true, rank: 100, borrows: true, shares: [9, 9], usage: 9, ...against }],
    ['rank', { rank: 700, borrows: true, shares: [9, 9], usage: 9, ...against }],
    ['cohort', { shares: [0, 9], usage: 9, ...against }],
    ['queue', { shares: [1, 0], usage: 9, ...against }],
    ['usage', { usage: 0, ...against }],
    ['offset', { offset: 1, submittedAt: 9, id: 'z' }],
    ['age', { submittedAt: 0, id: 'z' }],
    ['id', { id: 'a' }],
  ])('looks at %s before what comes after it', (_, better) => {
    expect(compareKeys({ ...key, ...better }, key)).toBeLessThan(0);
    expect(compareKeys(key, { ...key, ...better })).toBeGreaterThan(0);
  });

  it('looks at borrowing before shares', () => {
    expect(compareKeys({ ...key, shares: [9, 9] }, { ...key, borrows: true, shares: [0, 0] })).toBeLessThan(0);
  });

  it('raises by one class for each maxWait, never into the highest', () => {
    const one = (name: string, rank: number) =>
      ({ name, rank, maxWaitMs: 10, evict: 'never', minRuntimeMs: 0, leaseMs: 1 }) as const;
    const [live, batch] = [one('live', 900), one('batch', 500)];
    const classes = [live, one('interactive', 700), batch, one('scavenge', 100)];
    const ranks = [0, 9, 10, 20, 1_000].map((waited) => effectiveRank(batch, classes, waited).rank);
    expect(ranks).toEqual([500, 500, 700, 700, 700]);
    expect(effectiveRank(batch, classes, 3).raisedAfterMs).toBe(10);
    expect(effectiveRank(batch, classes, 10).raisedAfterMs).toBeNull();
    expect(effectiveRank(live, classes, 50)).toEqual({ rank: 900, raisedAfterMs: null });
  });
});
