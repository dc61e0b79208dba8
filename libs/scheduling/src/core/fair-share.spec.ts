import { describe, expect, it } from '@jest/globals';
import { decayed } from './decay.js';
import { FairShare } from './fair-share.js';
import type { CoreConfig } from './model.js';
import { effectiveRank } from './order.js';
import { compareTurns, type Turn } from './turn.js';

const queue = (name: string, parent: string | null, weight: number) =>
  ({ name, parent, weight, quotas: {}, state: 'open', caps: {} }) as const;
const classOf = (name: string, rank: number) =>
  ({ name, rank, maxWaitMs: 10, evict: 'never', minRuntimeMs: 0, leaseMs: 1, idleMs: 0, halfLifeMs: 64_000 }) as const;
const config: CoreConfig = {
  flavors: ['t4'],
  cohorts: [{ name: 'lab', parent: null, weight: 1, quotas: {} }],
  queues: [queue('a', 'lab', 1), queue('b', 'lab', 3), queue('c', null, 1)],
  classes: [classOf('batch', 500)],
  ...{ reservations: [], pools: [], protectedHeads: 1, graceMs: 0, evictedPerMinute: {} },
};
const usage = (queue: string, user: string, gpuMilli: number, halfLifeMs = 64_000) =>
  ({ queue, user, flavor: 't4', amounts: [gpuMilli, 0, 0], halfLifeMs }) as const;
const shareOf = (of: CoreConfig = config): FairShare => {
  const shares = new FairShare(of);
  shares.setCapacity([8_000, 0, 0]);
  shares.advance(0);
  return shares;
};

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
    const shares = shareOf();
    shares.started(usage('c', 'ann', 4_000));
    shares.advance(64_000);
    // Half of it by sampling, and half of the entry penalty of 44.
    expect(shares.userShare('c', 'ann')).toBeCloseTo((2_022 / 8_000) * 1e9, -6);
    shares.ended(usage('c', 'ann', 4_000));
    shares.advance(128_000);
    expect(shares.userShare('c', 'ann')).toBeCloseTo((1_011 / 8_000) * 1e9, -6);
  });

  it('makes what starts pay at once', () => {
    const shares = shareOf();
    shares.started(usage('c', 'ann', 4_000));
    expect(shares.userShare('c', 'ann')).toBe((44 / 8_000) * 1e9);
  });

  it('owes a queue of three times the weight three times as much, below its cohort', () => {
    const slow = { ...classOf('batch', 500), halfLifeMs: 64e9 };
    const shares = shareOf({ ...config, classes: [slow] });
    shares.started(usage('a', 'ann', 1_000, 64e9));
    shares.started(usage('b', 'bob', 3_000, 64e9));
    const [labA, a] = shares.pathShares('a') as [number, number];
    const [labB, b] = shares.pathShares('b') as [number, number];
    expect(labA).toBe(labB);
    expect(Math.abs(a - b) / a).toBeLessThan(0.001);
    expect(shares.pathShares('c')).toEqual([0]);
  });

  it('is the same once restored', () => {
    const shares = shareOf();
    shares.started(usage('a', 'ann', 1_000));
    const other = shareOf();
    other.started(usage('a', 'ann', 1_000), false);
    other.restore(JSON.parse(JSON.stringify(shares.snapshot())));
    for (const one of [shares, other]) one.advance(9_000);
    expect(other.snapshot()).toEqual(shares.snapshot());
  });
});

type Key = Omit<Turn, 'pending'> & { rank: number; offset: number; submittedAt: number; id: string };

describe('the order', () => {
  const turn = ({ rank = 500, offset = 0, submittedAt = 1, id = 'm', ...more }: Partial<Key> = {}): Turn => {
    const pending = { workload: { offset, submittedAt, id }, group: { rank } } as unknown as Turn['pending'];
    return { ...{ owns: false, borrows: false, shares: [1, 1], usage: 1 }, ...more, pending };
  };
  // Each goes before `key`, by one word alone, though all words after it speak against it.
  const against = { offset: -50, submittedAt: 9, id: 'z' };
  it.each<[string, Partial<Key>]>([
    ['owns', { owns: true, rank: 100, borrows: true, shares: [9, 9], usage: 9, ...against }],
    ['rank', { rank: 700, borrows: true, shares: [9, 9], usage: 9, ...against }],
    ['cohort', { shares: [0, 9], usage: 9, ...against }],
    ['queue', { shares: [1, 0], usage: 9, ...against }],
    ['usage', { usage: 0, ...against }],
    ['offset', { offset: 1, submittedAt: 9, id: 'z' }],
    ['age', { submittedAt: 0, id: 'z' }],
    ['id', { id: 'a' }],
  ])('looks at %s before what comes after it', (_, better) => {
    expect(compareTurns(turn(better), turn())).toBeLessThan(0);
    expect(compareTurns(turn(), turn(better))).toBeGreaterThan(0);
  });

  it('looks at borrowing before shares', () => {
    expect(compareTurns(turn({ shares: [9, 9] }), turn({ borrows: true, shares: [0, 0] }))).toBeLessThan(0);
  });

  it('raises by one class for each maxWait, never into the highest', () => {
    const [live, batch] = [classOf('live', 900), classOf('batch', 500)];
    const classes = [live, classOf('interactive', 700), batch, classOf('scavenge', 100)];
    const ranks = [0, 9, 10, 20, 1_000].map((waited) => effectiveRank(batch, classes, waited).rank);
    expect(ranks).toEqual([500, 500, 700, 700, 700]);
    expect(effectiveRank(batch, classes, 3).raisedAfterMs).toBe(10);
    expect(effectiveRank(batch, classes, 10).raisedAfterMs).toBeNull();
    expect(effectiveRank(live, classes, 50)).toEqual({ rank: 900, raisedAfterMs: null });
  });
});
