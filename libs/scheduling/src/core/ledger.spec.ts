import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Ledger } from './ledger.js';
import type { CohortConfig, QueueConfig, Quota } from './model.js';

const gpu = (nominal: number, borrowLimit: number | null = null, lendLimit: number | null = null) => ({
  t4: { gpuMilli: { nominal, borrowLimit, lendLimit } },
});
const queue = (name: string, parent: string | null, quotas: CohortConfig['quotas']): QueueConfig => ({
  ...{ name, parent, weight: 1, quotas, state: 'open', caps: {} },
});
const cohort = (name: string, parent: string | null, quotas: CohortConfig['quotas'] = {}): CohortConfig => ({
  ...{ name, parent, weight: 1, quotas },
});
const ask = (milli: number) => [milli, 0, 0];

describe('the ledger', () => {
  it('tells own quota from borrowed, and what lacks', () => {
    const ledger = new Ledger({
      flavors: ['t4'],
      cohorts: [cohort('all', null)],
      queues: [queue('a', 'all', gpu(4, 2)), queue('b', 'all', gpu(4, null, 3))],
    });
    expect(ledger.fitsQuota('a', 't4', ask(4))).toBe('nominal');
    expect(ledger.fitsQuota('a', 't4', ask(6))).toBe('borrow');
    expect(ledger.fitsQuota('a', 't4', ask(7))).toEqual({ axis: 'gpuMilli', missing: 1 });
    ledger.take('a', 't4', ask(6));
    expect(ledger.fitsQuota('b', 't4', ask(2))).toBe('nominal');
    expect(ledger.fitsQuota('b', 't4', ask(3))).toEqual({ axis: 'gpuMilli', missing: 1 });
    ledger.release('a', 't4', ask(6));
    expect(ledger.fitsQuota('b', 't4', ask(8))).toBe('borrow');
  });

  it('keeps what is not lent', () => {
    const ledger = new Ledger({
      flavors: ['t4'],
      cohorts: [cohort('all', null)],
      queues: [queue('a', 'all', gpu(0)), queue('b', 'all', gpu(4, null, 1))],
    });
    expect(ledger.fitsQuota('a', 't4', ask(2))).toEqual({ axis: 'gpuMilli', missing: 1 });
    ledger.take('b', 't4', ask(3));
    expect(ledger.fitsQuota('a', 't4', ask(1))).toBe('borrow');
  });

  it('knows what never fits, and flavors and queues that are not there', () => {
    const ledger = new Ledger({ flavors: ['t4'], cohorts: [], queues: [queue('a', null, gpu(4))] });
    ledger.take('a', 't4', ask(4));
    expect(ledger.everFits('a', 't4', ask(4))).toBe(true);
    expect(ledger.everFits('a', 't4', ask(5))).toBe(false);
    expect(ledger.everFits('a', 'h200', ask(1))).toBe(false);
    expect(ledger.fitsQuota('b', 't4', ask(1))).toEqual({ axis: 'gpuMilli', missing: 1 });
  });

  it('refuses a tree that is none', () => {
    const tree =
      (...cohorts: CohortConfig[]) =>
      () =>
        new Ledger({ flavors: [], cohorts, queues: [] });
    expect(tree(cohort('a', 'b'))).toThrow(RangeError);
    expect(tree(cohort('a', 'b'), cohort('b', 'a'))).toThrow(RangeError);
  });

  const limit = fc.option(fc.integer({ min: 0, max: 6 }), { nil: null });
  const quota = fc.record({ nominal: fc.integer({ min: 0, max: 8 }), borrowLimit: limit, lendLimit: limit });
  const scene = fc.record({
    // A cohort's parent is one before it.
    cohorts: fc.array(fc.record({ parent: fc.nat(9), quota }), { minLength: 1, maxLength: 4 }),
    queues: fc.array(fc.record({ parent: fc.nat(9), quota }), { minLength: 1, maxLength: 5 }),
    deeds: fc.array(fc.record({ queue: fc.nat(9), milli: fc.integer({ min: 1, max: 5 }), end: fc.boolean() })),
  });

  it('never lets anybody pass own quota and borrowing limit, nor what others lend', () => {
    fc.assert(
      fc.property(scene, ({ cohorts: rows, queues: leaves, deeds }) => {
        const quotas = ({ quota: row }: { quota: Quota }) => ({ t4: { gpuMilli: row } });
        const cohorts = rows.map((row, at) => cohort(`c${at}`, at === 0 ? null : `c${row.parent % at}`, quotas(row)));
        const queues = leaves.map((row, at) => queue(`q${at}`, `c${row.parent % cohorts.length}`, quotas(row)));
        const ledger = new Ledger({ flavors: ['t4'], cohorts, queues });
        const running: { queue: string; milli: number }[] = [];
        for (const deed of deeds) {
          const name = (queues[deed.queue % queues.length] as QueueConfig).name;
          const answer = ledger.fitsQuota(name, 't4', ask(deed.milli));
          const with_ = [...running, { queue: name, milli: deed.milli }];
          expect(typeof answer === 'string').toBe(naivelyLegal(cohorts, queues, with_));
          if (typeof answer === 'string') {
            ledger.take(name, 't4', ask(deed.milli));
            running.push({ queue: name, milli: deed.milli });
          }
          if (!deed.end || running.length === 0) continue;
          const [ended] = running.splice(deed.milli % running.length, 1) as [{ queue: string; milli: number }];
          ledger.release(ended.queue, 't4', ask(ended.milli));
        }
        for (const { name } of queues) {
          const held = running.filter((one) => one.queue === name).reduce((sum, { milli }) => sum + milli, 0);
          expect(ledger.allocated(name)[0]).toBe(held);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

/** From the list of what runs alone, top down: what each subtree takes from above it, and whether that is within its limits. */
function naivelyLegal(
  cohorts: readonly CohortConfig[],
  queues: readonly QueueConfig[],
  running: readonly { queue: string; milli: number }[],
): boolean {
  const isQueue = new Set<CohortConfig>(queues);
  const below = ({ name }: CohortConfig) => [...cohorts, ...queues].filter(({ parent }) => parent === name);
  const children = (one: CohortConfig) => (isQueue.has(one) ? [] : below(one));
  const quotaOf = ({ quotas }: CohortConfig) => quotas['t4']?.gpuMilli as Quota;
  const lent = (one: CohortConfig): number => Math.min(all(one), quotaOf(one).lendLimit ?? Infinity);
  const all = (one: CohortConfig): number =>
    children(one).reduce((sum, child) => sum + lent(child), quotaOf(one).nominal);
  const fromAbove = (one: CohortConfig): number => Math.max(0, uses(one) - (all(one) - lent(one)));
  const uses = (one: CohortConfig): number =>
    isQueue.has(one)
      ? running.filter(({ queue: name }) => name === one.name).reduce((sum, { milli }) => sum + milli, 0)
      : children(one).reduce((sum, child) => sum + fromAbove(child), 0);
  const legal = (one: CohortConfig): boolean =>
    uses(one) <= (one.parent === null ? all(one) : all(one) + (quotaOf(one).borrowLimit ?? Infinity));
  return [...cohorts, ...queues].every(legal);
}
