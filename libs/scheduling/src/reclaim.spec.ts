import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type KernelId, PriorityClass } from '#libs/contracts';
import { type CoreState, emptyState, type Held, type Limits, restore, snapshot, type Workload } from './core-state.js';
import { fits } from './fits.js';
import { type CoreEvent, step } from './step.js';

const classRanks = { live: 900, interactive: 700, batch: 500, scavenge: 100 };
const reclaim = { enabled: true, idleSeconds: 10 };
const limits: Limits = {
  cpuMilli: 4_000,
  memoryBytes: 8_000,
  maxKernels: 6,
  maxKernelsPerUser: 6,
  classRanks,
  reclaim,
};
const NOW = 100_000;

const idOf = (n: number): KernelId => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}` as KernelId;
const aWorkload = (n: number, changes: Partial<Workload> = {}): Workload => ({
  id: idOf(n),
  user: 'ada',
  priorityClass: 'interactive',
  requests: { cpuMilli: 1_000, memoryBytes: 1_000 },
  submittedAt: n,
  ...changes,
});
const run = (state: CoreState, events: CoreEvent[], now = NOW) => step(state, events, now);
const running = (workload: Workload): CoreEvent => ({ kind: 'running', workload });
const submitted = (workload: Workload): CoreEvent => ({ kind: 'submitted', workload });
const idle = (n: number, since: number | null): CoreEvent => ({ kind: 'idle', id: idOf(n), since });

describe('reclaim', () => {
  const full = [1, 2, 3, 4].map((n) => running(aWorkload(n)));

  it('wants the kernel that is idle longest, once something waits, and says so once', () => {
    const state = emptyState(limits);
    expect(run(state, [...full, idle(1, 50_000), idle(2, 40_000)]).actions).toEqual([]);
    expect(run(state, [submitted(aWorkload(9))]).actions).toEqual([{ kind: 'want', id: idOf(2) }]);
    expect(run(state, [{ kind: 'warned', id: idOf(2), until: 130_000 }]).actions).toEqual([]);
    expect(state.running.get(idOf(2))).toMatchObject({ wanted: true, warnedUntil: 130_000 });
    expect(run(state, [{ kind: 'released', id: idOf(2) }]).actions).toEqual([{ kind: 'admit', id: idOf(9) }]);
  });

  it('tells when to look again, where time alone decides', () => {
    const state = emptyState(limits);
    const first = run(state, [...full, idle(1, 95_000), submitted(aWorkload(9))]);
    expect([first.actions, first.lookAgainAt]).toEqual([[], 105_000]);
    const second = run(state, [{ kind: 'looked' }], 105_000);
    expect([second.actions, second.lookAgainAt]).toEqual([[{ kind: 'want', id: idOf(1) }], null]);
  });

  it('leaves one that is used, and takes the next', () => {
    const state = emptyState(limits);
    run(state, [...full, idle(1, 10_000), idle(2, 20_000), submitted(aWorkload(9))]);
    expect(run(state, [idle(1, null)]).actions).toEqual([
      { kind: 'spare', id: idOf(1) },
      { kind: 'want', id: idOf(2) },
    ]);
  });

  it('wants nothing more when nothing waits, or when it is off', () => {
    const state = emptyState(limits);
    run(state, [...full, idle(1, 10_000), submitted(aWorkload(9))]);
    expect(run(state, [{ kind: 'released', id: idOf(9) }]).actions).toEqual([{ kind: 'spare', id: idOf(1) }]);
    const off = emptyState({ ...limits, reclaim: { ...reclaim, enabled: false } });
    expect(run(off, [...full, idle(1, 10_000), submitted(aWorkload(9))]).actions).toEqual([]);
  });

  it('touches none where all together would not make room', () => {
    const state = emptyState(limits);
    const large = aWorkload(9, { requests: { cpuMilli: 3_000, memoryBytes: 0 } });
    expect(run(state, [...full, idle(1, 0), idle(2, 0), submitted(large)]).actions).toEqual([]);
    expect(run(state, [idle(3, 0)]).actions.map(({ kind }) => kind)).toEqual(['want', 'want', 'want']);
  });

  it('spares what turns out not to be needed', () => {
    const state = emptyState(limits);
    const small = aWorkload(5, { requests: { cpuMilli: 0, memoryBytes: 10 } });
    run(state, [...full, running(small), idle(5, 0), idle(1, 1_000)]);
    expect(run(state, [submitted(aWorkload(9))]).actions).toEqual([{ kind: 'want', id: idOf(1) }]);
  });

  it('is remembered by a snapshot', () => {
    const state = emptyState(limits);
    run(state, [...full, idle(1, 10_000), submitted(aWorkload(9)), { kind: 'warned', id: idOf(1), until: 5 }]);
    expect(restore(JSON.parse(JSON.stringify(snapshot(state))))).toEqual(state);
  });

  const arbitraryState = fc
    .array(
      fc.record({
        priorityClass: fc.constantFrom(...PriorityClass.options),
        requests: fc.record({ cpuMilli: fc.nat(2_000), memoryBytes: fc.nat(3_000) }),
        since: fc.option(fc.nat(NOW)),
      }),
      { minLength: 1, maxLength: 8 },
    )
    .map((kernels) => {
      const state = emptyState(limits);
      for (const [n, { since, ...changes }] of kernels.entries())
        run(state, [running(aWorkload(n, changes)), idle(n, since)]);
      return state;
    });
  const arbitraryNewcomer = fc
    .record({
      priorityClass: fc.constantFrom(...PriorityClass.options),
      requests: fc.record({ cpuMilli: fc.nat(4_000), memoryBytes: fc.nat(8_000) }),
    })
    .map((changes) => aWorkload(99, changes));
  const rank = ({ priorityClass }: Workload): number => classRanks[priorityClass];
  const without = (state: CoreState, gone: readonly Held[]): CoreState => {
    const left = restore(snapshot(state));
    run(
      left,
      gone.map(({ id }) => ({ kind: 'released', id })),
    );
    return left;
  };

  it('wants only kernels of no higher class that are idle for long enough, and exactly enough of them', () =>
    fc.assert(
      fc.property(arbitraryState, arbitraryNewcomer, (state, newcomer) => {
        run(state, [submitted(newcomer)]);
        const wanted = [...state.running.values()].filter((held) => held.wanted);
        for (const held of wanted) {
          expect(held.idleSince ?? NOW).toBeLessThanOrEqual(NOW - 10_000);
          expect(rank(held)).toBeLessThanOrEqual(rank(newcomer));
        }
        if (wanted.length === 0) return;
        expect(without(state, wanted).running.has(newcomer.id)).toBe(true);
        for (const held of wanted) {
          const others = wanted.filter((other) => other !== held);
          const left = restore({ ...snapshot(state), waiting: [] });
          run(
            left,
            others.map(({ id }) => ({ kind: 'released', id })),
          );
          expect(fits(left, newcomer.requests)).toBe(false);
        }
      }),
    ));

  it('decides alike whatever the order in which it is told of idle kernels', () =>
    fc.assert(
      fc.property(arbitraryState, arbitraryNewcomer, fc.infiniteStream(fc.nat()), (state, newcomer, chance) => {
        const told = [...state.running.values()].map(({ id, idleSince }) => ({
          kind: 'idle' as const,
          id,
          since: idleSince,
        }));
        const shuffled = told
          .map((event) => ({ event, key: chance.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ event }) => event);
        const other = restore(snapshot(state));
        const first = run(state, [...told, submitted(newcomer)]);
        expect(run(other, [submitted(newcomer), ...shuffled]).actions).toEqual(first.actions);
      }),
    ));
});
