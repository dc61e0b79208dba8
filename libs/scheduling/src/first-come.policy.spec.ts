import { describe, expect, it } from '@jest/globals';
import type { KernelId } from '#libs/contracts';
import { type CoreState, emptyState, type Limits, type Workload } from './core-state.js';
import { firstComePolicy } from './first-come.policy.js';
import { step } from './step.js';

const GiB = 1024 ** 3;
const limits: Limits = {
  cpuMilli: 8_000,
  memoryBytes: 8 * GiB,
  maxKernels: 4,
  maxKernelsPerUser: 10,
  classRanks: { live: 900, interactive: 700, batch: 500, scavenge: 100 },
};
let count = 0;
function workload(user: string, changes: Partial<Workload> = {}): Workload {
  count += 1;
  const requests = { cpuMilli: 500, memoryBytes: GiB / 4 };
  const id = `00000000-0000-4000-8000-${String(count).padStart(12, '0')}` as KernelId;
  return { id, user, priorityClass: 'interactive', requests, submittedAt: count, ...changes };
}
function submit(state: CoreState, ...workloads: Workload[]): string[] {
  const events = workloads.map((w) => ({ kind: 'submitted' as const, workload: w }));
  return step(state, events, 0).actions.map(({ id }) => id);
}
const wait = (state: CoreState, { id }: Workload) =>
  firstComePolicy.explain(state, id, { heldMs: [], since: () => null }, 0);
const needs = (gib: number): Partial<Workload> => ({ requests: { cpuMilli: 100, memoryBytes: gib * GiB } });

describe('first come', () => {
  it('starts the higher class first when a place is free for one', () => {
    const state = emptyState({ ...limits, maxKernels: 1 });
    const [batch, live] = [workload('ada', { priorityClass: 'batch' }), workload('bob', { priorityClass: 'live' })];
    expect(submit(state, batch, live)).toEqual([live.id]);
  });

  it('holds small ones back behind a large one that came first', () => {
    const state = emptyState(limits);
    const [first, large, small] = [workload('ada', needs(6)), workload('bob', needs(4)), workload('eve', needs(1))];
    expect(submit(state, first, large, small)).toEqual([first.id]);
    expect(step(state, [{ kind: 'released', id: first.id }], 1).actions.map(({ id }) => id)).toEqual([
      large.id,
      small.id,
    ]);
  });

  it('passes over a user at the cap', () => {
    const state = emptyState({ ...limits, maxKernelsPerUser: 1 });
    const [ada, again, bob] = [workload('ada'), workload('ada'), workload('bob')];
    expect(submit(state, ada, again, bob)).toEqual([ada.id, bob.id]);
    expect(wait(state, again)).toEqual({
      position: 1,
      of: 1,
      reason: 'user-cap',
      text: 'Queued: position 1 of 1. ada has as many kernels as one user may have at once (1); shut one down to start this one.',
      expectedStart: null,
    });
  });

  it('says that the places are taken, and whose turn comes before', () => {
    const state = emptyState(limits);
    const all = Array.from({ length: 9 }, () => workload('ada'));
    submit(state, ...all);
    expect(wait(state, all[4] as Workload)?.text).toBe(
      'Queued: position 1 of 5. All 4 kernel places are taken; the next free place is yours. Expected start: unknown.',
    );
    expect(wait(state, all[5] as Workload)).toMatchObject({ reason: 'capacity', position: 2, of: 5 });
    expect(wait(state, all[5] as Workload)?.text).toBe(
      'Queued: position 2 of 5. All 4 kernel places are taken; the next free place is yours after 1 other. Expected start: unknown.',
    );
    expect(wait(state, all[6] as Workload)?.text).toContain('after 2 others.');
    expect(wait(state, all[0] as Workload)).toBeNull();
  });

  it('says how much memory or CPU is asked for and how much is free', () => {
    const state = emptyState(limits);
    const [first, second] = [workload('ada', needs(6)), workload('bob', needs(4))];
    submit(state, first, second);
    expect(wait(state, second)?.text).toBe(
      'Queued: position 1 of 1. It needs 4.0 GiB, and 2.0 GiB of 8.0 GiB of memory are free; it starts when enough is free. Expected start: unknown.',
    );
    const cpu = emptyState(limits);
    const hungry = { requests: { cpuMilli: 5_500, memoryBytes: 0 } };
    const [third, fourth] = [workload('ada', hungry), workload('bob', hungry)];
    submit(cpu, third, fourth);
    expect(wait(cpu, fourth)?.text).toContain('It needs 5.5, and 2.5 of 8 CPUs are free');
  });

  it('says that the head of the queue is what holds it back', () => {
    const state = emptyState(limits);
    const [first, large, small] = [workload('ada', needs(6)), workload('bob', needs(4)), workload('eve', needs(1))];
    submit(state, first, large, small);
    expect(wait(state, small)).toMatchObject({ reason: 'behind-head', position: 2, of: 2 });
    expect(wait(state, small)?.text).toBe(
      'Queued: position 2 of 2. The first in the queue needs more memory than is free; this one starts after 1 other. Expected start: unknown.',
    );
  });

  it('knows what can never fit, and which limit forbids it', () => {
    const { neverFits } = firstComePolicy;
    expect(neverFits({ cpuMilli: 8_000, memoryBytes: 8 * GiB }, limits)).toBeUndefined();
    expect(neverFits({ cpuMilli: 8_001, memoryBytes: 1 }, limits)).toEqual({
      resource: 'cpuMilli',
      requested: 8_001,
      limit: 8_000,
    });
    expect(neverFits({ cpuMilli: 1, memoryBytes: 9 * GiB }, limits)?.resource).toBe('memoryBytes');
  });

  it('counts how many like one would start now', () => {
    const state = emptyState(limits);
    expect(firstComePolicy.startableNow(state, { cpuMilli: 3_000, memoryBytes: 0 })).toBe(2);
    expect(firstComePolicy.startableNow(state, { cpuMilli: 0, memoryBytes: 0 })).toBe(4);
    submit(state, workload('ada', needs(6)), workload('bob', needs(4)));
    expect(firstComePolicy.startableNow(state, { cpuMilli: 0, memoryBytes: 0 })).toBe(0);
  });
});
