import { expect, it } from '@jest/globals';
import type { CoreAction } from './actions.js';
import { stepFull } from './core.js';
import type { CoreConfig, CoreEvent, CoreWorkload, PoolConfig } from './model.js';
import { restoreFull, snapshotFull } from './snapshot.js';
import { FullState } from './state.js';

const MINUTE = 60_000;
const own = { nominal: 2 ** 40, borrowLimit: 0, lendLimit: null };
const pool: PoolConfig = {
  ...{ environment: 'python3', flavor: 'cpu', request: { cpuMilli: 500, memoryBytes: 0 } },
  ...{ min: 2, max: 6, target: 0.95, coldStartMs: 10_000, budget: {} },
};
const config = (...pools: PoolConfig[]): CoreConfig => ({
  flavors: ['cpu'],
  cohorts: [],
  queues: [{ name: 'a', parent: null, weight: 1, quotas: { cpu: { cpuMilli: own } }, state: 'open', caps: {} }],
  classes: [
    {
      ...{ name: 'interactive', rank: 700, maxWaitMs: null, evict: 'never', minRuntimeMs: 0, leaseMs: 1_000 },
      ...{ idleMs: 10, halfLifeMs: 86_400_000 },
    },
  ],
  pools,
  reservations: [],
  graceMs: 5,
  evictedPerMinute: {},
  protectedHeads: 1,
});
const node = (id: string, cpuMilli = 2_000): CoreEvent => ({
  kind: 'node-added',
  flavor: 'cpu',
  node: { id, cpuMilli, memoryBytes: 0 },
});
const submit = (id: string, cpuMilli: number, submittedAt: number, more: Partial<CoreWorkload> = {}): CoreEvent => ({
  kind: 'submitted',
  workload: {
    ...{ id, queue: 'a', user: 'ann', project: null, class: 'interactive', offset: 0, flavors: ['cpu'], wallMs: null },
    ...{ request: { cpuMilli, memoryBytes: 0, gpuCount: 0, gpuMilli: 0 } },
    ...{ submittedAt, instrument: null, environment: 'python3', evictions: 0, ...more },
  },
});
const warm = (actions: readonly CoreAction[]) =>
  Object.fromEntries(actions.flatMap((one) => (one.kind === 'warm' ? [[one.node, one.count]] : [])));
const nodeOf = (actions: readonly CoreAction[], id: string) =>
  actions.flatMap((one) => (one.kind === 'start' && one.id === id ? [one.node] : []))[0];

it('keeps the least number of spares where there is room, and tells it once', () => {
  const state = new FullState(config(pool), 0);
  expect(warm(stepFull(state, [], 0).actions)).toEqual({});
  expect(warm(stepFull(state, [node('n1', 500)], 1).actions)).toEqual({ n1: 1 });
  expect(warm(stepFull(state, [node('n2', 800)], 2).actions)).toEqual({ n2: 1 });
  expect(stepFull(state, [node('n3')], 3).actions).toEqual([]);
});

it('starts where a spare stands, and fills its place anew', () => {
  const state = new FullState(config({ ...pool, min: 1, max: 1 }), 0);
  expect(warm(stepFull(state, [node('n1')], 0).actions)).toEqual({ n1: 1 });
  // Without a spare it would go where nothing is left over.
  expect(warm(stepFull(state, [node('n2', 500)], 1).actions)).toEqual({});
  const { actions } = stepFull(state, [submit('one', 500, 2)], 2);
  expect(actions).toContainEqual({ kind: 'start', id: 'one', flavor: 'cpu', node: 'n1', devices: [], warm: true });
  expect(warm(actions)).toEqual({ n1: 0, n2: 1 });
  expect(stepFull(state, [submit('two', 500, 3, { environment: null })], 3).actions).toContainEqual({
    ...{ kind: 'start', id: 'two', flavor: 'cpu', node: 'n2', devices: [] },
  });
});

it('is no hindrance: who wants the room of a spare gets it, and the spare goes', () => {
  const state = new FullState(config(pool), 0);
  expect(warm(stepFull(state, [node('n1')], 0).actions)).toEqual({ n1: 2 });
  const { actions, reasons } = stepFull(state, [submit('wide', 2_000, 1, { environment: 'other' })], 1);
  expect(nodeOf(actions, 'wide')).toBe('n1');
  expect(warm(actions)).toEqual({ n1: 0 });
  expect(reasons).toEqual([]);
  expect(warm(stepFull(state, [{ kind: 'released', id: 'wide' }], 2).actions)).toEqual({ n1: 2 });
});

it('gives a spare to whoever asks for the same, and to nobody else', () => {
  const state = new FullState(config({ ...pool, min: 1, max: 1 }), 0);
  stepFull(state, [node('n1')], 0);
  stepFull(state, [submit('other', 500, 1, { environment: 'other' }), submit('wider', 600, 1)], 1);
  expect([...state.spares.all()].map(({ on }) => [...on])).toEqual([[['n1', 1]]]);
  // What is left has room for the spare or for somebody: the spare is taken, and no new one stands.
  const { actions } = stepFull(state, [submit('same', 500, 2), submit('more', 400, 2, { environment: null })], 2);
  expect(nodeOf(actions, 'same')).toBe('n1');
  expect(warm(actions)).toEqual({ n1: 0 });
});

it('grows with what is asked for, up to the most and the budget, and shrinks by itself', () => {
  for (const [changes, most] of [
    [{}, 6],
    [{ budget: { cpuMilli: 1_500 } }, 3],
  ] as const) {
    const state = new FullState(config({ ...pool, min: 0, ...changes }), 0);
    expect(warm(stepFull(state, [node('n1', 100_000)], 0).actions)).toEqual({});
    const rush = Array.from({ length: 1_000 }, (_, at) => submit(`k${at}`, 10, 1, { user: `u${at}` }));
    const { actions, lookAgainAt } = stepFull(state, rush, 1);
    expect(warm(actions)).toEqual({ n1: most });
    expect(lookAgainAt).toBe(1 + MINUTE);
    expect(warm(stepFull(state, [], 1 + 600 * MINUTE).actions)).toEqual({ n1: 0 });
  }
});

it('does not count as asked for again who was there before it', () => {
  const state = new FullState(config({ ...pool, min: 0 }), 50);
  const before = Array.from({ length: 1_000 }, (_, at) => submit(`k${at}`, 10, 49));
  expect(warm(stepFull(state, [node('n1', 100_000), ...before], 50).actions)).toEqual({});
});

it('goes on from a snapshot, and after a change of its pools', () => {
  const state = new FullState(config(pool), 0);
  stepFull(state, [node('n1'), node('n2'), submit('one', 500, 1)], 1);
  const other = restoreFull(JSON.parse(JSON.stringify(snapshotFull(state))));
  const next = [submit('two', 500, 2), submit('three', 500, 2)];
  expect(stepFull(other, next, 2)).toEqual(stepFull(state, next, 2));
  expect(snapshotFull(other)).toEqual(snapshotFull(state));
  const fewer = stepFull(state, [{ kind: 'configured', config: config({ ...pool, min: 0, max: 0 }) }], 3).actions;
  expect(Object.values(warm(fewer)).every((count) => count === 0)).toBe(true);
  expect(Object.keys(warm(fewer))).not.toEqual([]);
});
