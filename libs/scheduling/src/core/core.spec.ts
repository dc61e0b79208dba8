import { describe, expect, it } from '@jest/globals';
import { stepFull } from './core.js';
import type { CoreConfig, CoreEvent, CoreWorkload } from './model.js';
import { FullState } from './state.js';

const cap = { workloads: null, gpuMilli: null };
const own = { nominal: 100_000, borrowLimit: 0, lendLimit: null };
const quotas = { t4: { gpuMilli: own, cpuMilli: own } };
const queue = (name: string) =>
  ({ name, parent: null, weight: 1, quotas, state: 'open', perUser: cap, perProject: cap }) as const;
const config: CoreConfig = {
  flavors: ['t4'],
  cohorts: [],
  queues: [queue('a'), queue('b')],
  classes: [{ name: 'batch', rank: 500, maxWaitMs: 1e9, evict: 'requeue', minRuntimeMs: 0, leaseMs: 1_000 }],
  reservations: [],
  halfLifeMs: 86_400_000,
  protectedHeads: 1,
};
const node: CoreEvent = {
  kind: 'node-added',
  flavor: 't4',
  node: { id: 'n', cpuMilli: 8_000, memoryBytes: 0, gpu: { model: 'T4', devices: Array(4).fill('share') } },
};
const submit = (id: string, gpuCount: number, wallMs: number | null, more: Partial<CoreWorkload> = {}): CoreEvent => ({
  kind: 'submitted',
  workload: {
    ...{ id, queue: 'a', user: 'ann', project: 'p', class: 'batch', offset: 0, flavors: ['t4'], wallMs },
    ...{ request: { cpuMilli: 0, memoryBytes: 0, gpuCount, gpuMilli: 1_000 } },
    ...{ submittedAt: 0, lastBusyAt: null, evictions: 0, ...more },
  },
});
const started = (state: FullState, events: CoreEvent[], now: number): string[] =>
  stepFull(state, events, now).actions.flatMap((action) => (action.kind === 'start' ? [action.id] : []));

describe('a step of the full core', () => {
  it('fills what a waiting head leaves, but starts nothing that would delay it', () => {
    const state = new FullState(config, 0);
    expect(started(state, [node, submit('long', 3, 100)], 0)).toEqual(['long']);
    // The head waits for 100; one device is free until then.
    const { actions, reasons, lookAgainAt } = stepFull(
      state,
      [submit('head', 4, 50), submit('short', 1, 90, { submittedAt: 1 }), submit('late', 1, 99, { submittedAt: 2 })],
      10,
    );
    expect(actions.map(({ id }) => id)).toEqual(['short']);
    expect(reasons.map(({ id, reason }) => [id, reason.kind])).toEqual([
      ['head', 'capacity-wait'],
      ['late', 'capacity-wait'],
    ]);
    expect(lookAgainAt).toBe(100);
    expect(
      started(
        state,
        [
          { kind: 'released', id: 'long' },
          { kind: 'released', id: 'short' },
        ],
        100,
      ),
    ).toEqual(['head']);
  });

  it('tells one that would fit now, but for the head, that it waits behind it', () => {
    const state = new FullState(config, 0);
    stepFull(state, [node, submit('long', 3, 100), submit('next', 4, 50)], 0);
    const { reasons } = stepFull(state, [submit('late', 1, 101, { submittedAt: 2 })], 2);
    expect(reasons[1]).toEqual({ id: 'late', behind: 0, reason: { kind: 'behind-head', flavor: 't4', earliest: 150 } });
  });

  it('keeps reserved capacity free from its start on, and gives it to its owner alone', () => {
    const amounts = { gpuMilli: 3_000, cpuMilli: 0, memoryBytes: 0 };
    const reservation = {
      id: 'r',
      flavor: 't4',
      amounts,
      owner: { kind: 'user', name: 'eve' },
      from: 100,
      to: 200,
    } as const;
    const state = new FullState({ ...config, reservations: [reservation] }, 0);
    expect(
      started(state, [node, submit('ends before', 2, 100), submit('ends after', 2, 101, { user: 'bob' })], 0),
    ).toEqual(['ends before']);
    expect(started(state, [{ kind: 'released', id: 'ends before' }], 100)).toEqual([]);
    expect(started(state, [submit('hers', 3, 500, { user: 'eve' }), submit('one', 1, 500)], 100)).toEqual([
      'hers',
      'one',
    ]);
  });

  it('gives the queue that has had less the next place', () => {
    const state = new FullState({ ...config, protectedHeads: 0 }, 0);
    const events = [0, 1, 2, 3].map((at) => submit(`a${at}`, 1, 100, { submittedAt: at }));
    const late = [submit('b0', 1, 100, { queue: 'b', user: 'bob', submittedAt: 9 })];
    expect(started(state, [node, ...events, ...late], 10)).toEqual(['a0', 'b0', 'a1', 'a2']);
  });

  it('says of what was lost with its node, and refuses what it does not know', () => {
    const state = new FullState(config, 0);
    stepFull(state, [node, submit('one', 1, 100)], 0);
    const { actions } = stepFull(state, [{ kind: 'node-removed', id: 'n' }, submit('two', 1, 100, { queue: 'no' })], 1);
    expect(actions).toEqual([
      { kind: 'lost', id: 'one' },
      { kind: 'refuse', id: 'two', because: 'no-queue' },
    ]);
  });
});
