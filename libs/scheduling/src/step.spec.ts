import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type KernelId, PriorityClass } from '#libs/contracts';
import { type CoreState, emptyState, type Limits, restore, snapshot, type Workload } from './core-state.js';
import { firstComePolicy } from './first-come.policy.js';
import { type CoreEvent, step } from './step.js';

const classRanks = { live: 900, interactive: 700, batch: 500, scavenge: 100 };
const limits: Limits = { cpuMilli: 4_000, memoryBytes: 8_000, maxKernels: 5, maxKernelsPerUser: 3, classRanks };

const nothing = { heldMs: [], since: () => null };
const idOf = (n: number): KernelId => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}` as KernelId;
const arbitraryWorkload = fc.record<Workload>({
  id: fc.integer({ min: 0, max: 40 }).map(idOf),
  user: fc.constantFrom('ada', 'bob', 'eve'),
  priorityClass: fc.constantFrom(...PriorityClass.options),
  requests: fc.record({
    cpuMilli: fc.integer({ min: 0, max: 3_000 }),
    memoryBytes: fc.integer({ min: 0, max: 6_000 }),
  }),
  submittedAt: fc.integer({ min: 0, max: 5 }),
});
const arbitraryEvent: fc.Arbitrary<CoreEvent> = fc.oneof(
  { weight: 3, arbitrary: arbitraryWorkload.map((workload) => ({ kind: 'submitted' as const, workload })) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 40 }).map((n) => ({ kind: 'released' as const, id: idOf(n) })) },
);
/** Steps of a life in which an id is used once: as the gatekeeper tells it, repeats apart. */
const arbitraryLog = fc.array(fc.array(arbitraryEvent, { maxLength: 5 }), { maxLength: 30 }).map((steps) => {
  const seen = new Map<KernelId, Workload>();
  return steps.map((events) =>
    events.map((event): CoreEvent => {
      if (event.kind !== 'submitted') return event;
      const first = seen.get(event.workload.id) ?? event.workload;
      seen.set(first.id, first);
      return { kind: 'submitted', workload: first };
    }),
  );
});

const orderKey = ({ priorityClass, submittedAt, id }: Workload): string =>
  [9_999 - classRanks[priorityClass], submittedAt, id].join('/');

/** What a spec knows by itself of who runs, from the events and actions alone. */
class Ledger {
  readonly known = new Map<KernelId, Workload>();
  readonly running = new Set<KernelId>();
  readonly released = new Set<KernelId>();

  hear(events: readonly CoreEvent[]): void {
    for (const event of events) {
      if (event.kind === 'released') {
        if (this.known.delete(event.id)) this.released.add(event.id);
        this.running.delete(event.id);
      } else if ('workload' in event) this.known.set(event.workload.id, event.workload);
    }
  }
  get held(): Workload[] {
    return [...this.running].map((id) => this.known.get(id) as Workload);
  }
  get waiting(): Workload[] {
    const waiting = [...this.known.values()].filter(({ id }) => !this.running.has(id));
    return waiting.sort((a, b) => (orderKey(a) < orderKey(b) ? -1 : 1));
  }
  sum = (key: 'cpuMilli' | 'memoryBytes'): number =>
    this.held.reduce((total, { requests }) => total + requests[key], 0);
  ofUser = (user: string): number => this.held.filter((workload) => workload.user === user).length;
  fits = ({ requests }: Workload): boolean =>
    this.running.size < limits.maxKernels &&
    this.sum('cpuMilli') + requests.cpuMilli <= limits.cpuMilli &&
    this.sum('memoryBytes') + requests.memoryBytes <= limits.memoryBytes;
}

/** Runs a log and shows the ledger after each admission and after each step. */
function replay(
  log: readonly CoreEvent[][],
  look: { afterAction?(ledger: Ledger): void; afterStep?(ledger: Ledger, state: CoreState): void },
): void {
  const ledger = new Ledger();
  let state = emptyState(limits);
  for (const [now, events] of log.entries()) {
    ledger.hear(events);
    const result = step(state, events, now);
    state = result.state;
    for (const { id } of result.actions) {
      expect(ledger.known.has(id) && !ledger.running.has(id)).toBe(true);
      ledger.running.add(id);
      look.afterAction?.(ledger);
    }
    look.afterStep?.(ledger, state);
  }
}
const forAllLogs = (check: (log: CoreEvent[][]) => void): void =>
  fc.assert(fc.property(arbitraryLog, check), { numRuns: 120 });

const actionsOf = (log: readonly CoreEvent[][]): unknown[] => {
  const state = emptyState(limits);
  return log.map((events, now) => step(state, events, now).actions);
};

describe('the core', () => {
  it('never passes capacity or a cap, after any action', () =>
    forAllLogs((log) =>
      replay(log, {
        afterAction: (ledger) => {
          expect(ledger.sum('cpuMilli')).toBeLessThanOrEqual(limits.cpuMilli);
          expect(ledger.sum('memoryBytes')).toBeLessThanOrEqual(limits.memoryBytes);
          expect(ledger.running.size).toBeLessThanOrEqual(limits.maxKernels);
          for (const user of ['ada', 'bob', 'eve'])
            expect(ledger.ofUser(user)).toBeLessThanOrEqual(limits.maxKernelsPerUser);
        },
      }),
    ));

  it('loses nobody: each workload waits, runs or was released, and what is booked is the sum over running', () =>
    forAllLogs((log) =>
      replay(log, {
        afterStep: (ledger, state) => {
          expect(state.waiting.map(({ id }) => id)).toEqual(ledger.waiting.map(({ id }) => id));
          expect(new Set(state.running.keys())).toEqual(ledger.running);
          expect(state.used).toEqual({ cpuMilli: ledger.sum('cpuMilli'), memoryBytes: ledger.sum('memoryBytes') });
        },
      }),
    ));

  it('leaves nothing waiting that fits, but behind a head that lacks capacity or over its user’s cap', () =>
    forAllLogs((log) =>
      replay(log, {
        afterStep: (ledger) => {
          const head = ledger.waiting.find(({ user }) => ledger.ofUser(user) < limits.maxKernelsPerUser);
          expect(head !== undefined && ledger.fits(head)).toBe(false);
        },
      }),
    ));

  it('lets nobody pass one of the same or a higher class that only lacks capacity', () =>
    forAllLogs((log) =>
      replay(log, {
        afterAction: (ledger) => {
          const last = ledger.known.get([...ledger.running].at(-1) as KernelId) as Workload;
          const passed = ledger.waiting.filter((other) => orderKey(other) < orderKey(last));
          for (const { user } of passed) expect(ledger.ofUser(user)).toBeGreaterThanOrEqual(limits.maxKernelsPerUser);
        },
      }),
    ));

  it('decides the same for the same log', () => forAllLogs((log) => expect(actionsOf(log)).toEqual(actionsOf(log))));

  it('decides the same in whatever order one step is told of its arrivals', () =>
    fc.assert(
      fc.property(fc.uniqueArray(arbitraryWorkload, { selector: ({ id }) => id, maxLength: 12 }), (workloads) => {
        const events = workloads.map((workload) => ({ kind: 'submitted' as const, workload }));
        expect(actionsOf([events.toReversed()])).toEqual(actionsOf([events]));
      }),
    ));

  it('goes on after snapshot and restore as if there had been none', () =>
    forAllLogs((log) => {
      const kept = emptyState(limits);
      let restored = emptyState(limits);
      for (const [now, events] of log.entries()) {
        restored = restore(JSON.parse(JSON.stringify(snapshot(restored))));
        expect(step(restored, events, now)).toEqual(step(kept, events, now));
      }
    }));

  it('explains exactly those who wait, with their place, and changes nothing by it', () =>
    forAllLogs((log) =>
      replay(log, {
        afterStep: (_, state) => {
          const before = snapshot(state);
          const told = state.waiting.map(({ id }) => firstComePolicy.explain(state, id, nothing, 0));
          expect(told.map((wait) => [wait?.position, wait?.of])).toEqual(
            told.map((_wait, index) => [index + 1, told.length]),
          );
          for (const id of state.running.keys()) expect(firstComePolicy.explain(state, id, nothing, 0)).toBeNull();
          expect(snapshot(state)).toEqual(before);
        },
      }),
    ));

  it('admits again what was released and submitted anew in one step', () => {
    const workload: Workload = { ...fc.sample(arbitraryWorkload, 1)[0] } as Workload;
    const state = emptyState(limits);
    step(state, [{ kind: 'submitted', workload }], 0);
    const { actions } = step(
      state,
      [
        { kind: 'released', id: workload.id },
        { kind: 'submitted', workload },
      ],
      1,
    );
    expect(actions).toEqual([{ kind: 'admit', id: workload.id }]);
  });

  it('takes over who runs already, even beyond a capacity that was lowered since', () => {
    const state = emptyState({ ...limits, maxKernels: 1 });
    const [first, second, third] = [1, 2, 3].map((n) => ({
      id: idOf(n),
      user: `user ${n}`,
      priorityClass: 'batch' as const,
      requests: { cpuMilli: 1, memoryBytes: 1 },
      submittedAt: n,
    })) as [Workload, Workload, Workload];
    const running = [first, second].map((workload) => ({ kind: 'running' as const, workload }));
    expect(step(state, [...running, { kind: 'submitted', workload: third }], 0).actions).toEqual([]);
    expect(step(state, [{ kind: 'released', id: first.id }], 1).actions).toEqual([]);
    expect(step(state, [{ kind: 'released', id: second.id }], 2).actions).toEqual([{ kind: 'admit', id: third.id }]);
  });
});
