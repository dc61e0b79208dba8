import { describe, expect, it } from '@jest/globals';
import { stepFull } from '../core/core.js';
import type { CoreConfig, CoreEvent, CoreWorkload } from '../core/model.js';
import { FullState } from '../core/state.js';
import { dayFigures } from './day-figures.js';
import { DayRecorder } from './day-recorder.js';

const open = { nominal: 100_000, borrowLimit: 0, lendLimit: null };
const quotas = { t4: { gpuMilli: open, cpuMilli: open } };
const often = { maxWaitMs: null, minRuntimeMs: 0, leaseMs: 10_000, idleMs: 10, halfLifeMs: 86_400_000 };
const config: CoreConfig = {
  ...{
    flavors: ['t4'],
    cohorts: [],
    pools: [],
    reservations: [],
    graceMs: 50,
    evictedPerMinute: {},
    protectedHeads: 1,
  },
  queues: [{ name: 'a', parent: null, weight: 1, quotas, state: 'open', caps: {} }],
  classes: [
    { name: 'batch', rank: 500, evict: 'requeue', ...often },
    { name: 'live', rank: 900, evict: 'never', ...often },
  ],
};
const node = (id: string, devices: number): CoreEvent => ({
  ...{ kind: 'node-added', flavor: 't4' },
  node: { id, cpuMilli: 8_000, memoryBytes: 0, gpu: { model: 'T4', devices: Array(devices).fill('whole') } },
});
const submit = (id: string, gpuCount: number, more: Partial<CoreWorkload> = {}): CoreEvent => ({
  kind: 'submitted',
  workload: {
    ...{ id, queue: 'a', user: 'ann', project: null, instrument: null, class: 'batch', offset: 0, flavors: ['t4'] },
    ...{ request: { cpuMilli: 0, memoryBytes: 0, gpuCount, gpuMilli: 1_000 }, environment: null, wallMs: 1_000 },
    ...{ submittedAt: 0, evictions: 0, ...more },
  },
});
const released = (id: string): CoreEvent => ({ kind: 'released', id });

/** A core that is watched, as of the last step. */
function watched(changes: Partial<CoreConfig> = {}) {
  const state = new FullState({ ...config, ...changes }, 0);
  const recorder = new DayRecorder();
  const step = (now: number, ...events: CoreEvent[]): void =>
    recorder.stepped(state, stepFull(state, events, now), now);
  const free = (): Record<string, number> => {
    const { unallocated } = recorder.outcome(state.now).gpuMilli;
    const last = Object.entries(unallocated).map(([cause, levels]) => [cause, levels.at(-1)?.amount ?? 0] as const);
    return Object.fromEntries(last.filter(([, amount]) => amount > 0));
  };
  return { recorder, step, free };
}

describe('what is free, by cause', () => {
  it('is there for who asks', () => {
    const { step, free } = watched();
    step(0, node('n', 4), submit('one', 1));
    expect(free()).toEqual({ 'nobody asks': 3_000 });
  });

  it('is kept for the next in line', () => {
    const { step, free } = watched();
    step(0, node('n', 4), submit('one', 3), submit('two', 4, { submittedAt: 1 }));
    expect(free()).toEqual({ 'kept for the next in line': 1_000 });
  });

  it('is fragmented', () => {
    const { step, free } = watched();
    step(0, node('n', 2), node('m', 2), submit('a', 1), submit('b', 1));
    step(1, node('o', 2), submit('c', 2), submit('d', 1));
    step(2, released('a'), submit('e', 2, { submittedAt: 2 }));
    step(3, submit('f', 2, { submittedAt: 3 }));
    const sum = Object.values(free()).reduce((all, one) => all + one, 0);
    expect(free()['fragmented'] ?? 0).toBe(sum);
    expect(sum).toBeGreaterThan(0);
  });

  it('is beyond a quota', () => {
    const [queue] = config.queues;
    const little = { t4: { gpuMilli: { ...open, nominal: 1_000 }, cpuMilli: open } };
    const { step, free } = watched({ queues: queue ? [{ ...queue, quotas: little }] : [] });
    step(0, node('n', 4), submit('one', 1), submit('two', 1));
    expect(free()).toEqual({ 'quota, cap or hold': 3_000 });
  });

  it('is reserved, as far as its owner does not use it', () => {
    const amounts = { gpuMilli: 2_000, cpuMilli: 0, memoryBytes: 0 };
    const of = { id: 'r', flavor: 't4', amounts, owner: { user: 'bob' }, from: 0, to: 500, leadMs: 0, graceMs: 500 };
    const { step, free } = watched({ reservations: [of] });
    step(0, node('n', 4), submit('his', 1, { user: 'bob' }));
    expect(free()).toEqual({ reserved: 1_000, 'nobody asks': 2_000 });
    step(500);
    expect(free()).toEqual({ 'nobody asks': 3_000 });
  });

  it('is on its way from one that has left to whom it left for', () => {
    const { step, free, recorder } = watched();
    step(0, node('n', 2), submit('one', 1), submit('two', 1));
    step(10, submit('urgent', 2, { class: 'live', submittedAt: 10 }));
    step(20, released('one'));
    expect(free()).toEqual({ 'on its way to who goes first': 1_000 });
    recorder.evicted('requeue', 'urgent', 20);
    expect(recorder.outcome(20).evictions).toEqual({ reclaimed: 0, requeued: 1, useless: 1 });
    step(30, released('two'));
    expect(free()).toEqual({});
    expect(recorder.outcome(30).evictions.useless).toBe(0);
  });
});

it('gives figures of the time that is asked about', () => {
  const state = new FullState(config, 0);
  const recorder = new DayRecorder(100);
  const step = (now: number, ...events: CoreEvent[]): void =>
    recorder.stepped(state, stepFull(state, events, now), now);
  step(0, node('n', 2), submit('early', 1));
  step(150, submit('late', 2, { submittedAt: 120 }), submit('refused', 1, { queue: 'none' }));
  step(200, released('early'));
  const outcome = recorder.outcome(300);
  expect(outcome.starts).toEqual([
    {
      id: 'late',
      user: 'ann',
      queue: 'a',
      class: 'batch',
      at: 200,
      waitMs: 80,
      flavor: 't4',
      node: 'n',
      devices: [0, 1],
    },
  ]);
  // Half for half of the time, then all.
  expect(dayFigures(outcome)).toMatchObject({
    ...{ 'batch starts': 1, 'batch longest wait, s': 0.08, 'GPU allocated, %': 75, refused: 1, unstarted: 0 },
    ...{ 'GPU free, nobody asks, %': 12.5, 'GPU free, kept for the next in line, %': 12.5 },
  });
});
