import { expect, it } from '@jest/globals';
import { stepFull } from './core.js';
import type { CoreConfig, CoreEvent } from './model.js';
import { restoreFull, snapshotFull } from './snapshot.js';
import { FullState } from './state.js';

const often = { minRuntimeMs: 0, leaseMs: 1_000, idleMs: 10, halfLifeMs: 86_400_000 };
const open = { nominal: 100_000, borrowLimit: 0, lendLimit: null };
const quotas = { t4: { gpuMilli: open, cpuMilli: open } };
const config: CoreConfig = {
  ...{ flavors: ['t4'], cohorts: [], pools: [], reservations: [], graceMs: 5, evictedPerMinute: {}, protectedHeads: 1 },
  queues: [{ name: 'a', parent: null, weight: 1, quotas, state: 'open', caps: {} }],
  classes: [{ name: 'batch', rank: 500, maxWaitMs: null, evict: 'never', ...often }],
};
/** Of almost the same rank, the first before the second. */
const NODES = ['n9', 'n0'];
const nodes = NODES.map(
  (id): CoreEvent => ({
    kind: 'node-added',
    flavor: 't4',
    node: { id, cpuMilli: 8_000, memoryBytes: 0, gpu: { model: 'T4', devices: ['share'] } },
  }),
);
const submit = (id: string, gpuMilli: number): CoreEvent => ({
  kind: 'submitted',
  workload: {
    ...{ id, queue: 'a', user: 'ann', project: null, instrument: null, class: 'batch', offset: 0, flavors: ['t4'] },
    ...{ request: { cpuMilli: 0, memoryBytes: 0, gpuCount: 1, gpuMilli }, environment: null, wallMs: null },
    ...{ submittedAt: 0, evictions: 0 },
  },
});
const whole: CoreEvent = { kind: 'typical', shapes: [{ cpuMilli: 0, gpuCount: 1, gpuMilli: 1_000, count: 9 }] };

/** Half of the second node is taken, the first is free: where the next half goes. */
function nextHalf(typical: CoreEvent[], also = (state: FullState): FullState => state): string[] {
  let state = new FullState(config, 0);
  stepFull(state, [...typical, ...nodes, submit('1 large', 600), submit('2 half', 500)], 0);
  stepFull(state, [{ kind: 'released', id: '1 large' }], 1);
  state = also(state);
  const { actions } = stepFull(state, [submit('next', 500)], 2);
  return actions.flatMap((action) => (action.kind === 'start' ? [action.node] : []));
}

it('leaves whole what usually is asked for whole', () => {
  expect(nextHalf([])).toEqual(['n9']);
  expect(nextHalf([whole])).toEqual(['n0']);
  expect(nextHalf([whole, { kind: 'typical', shapes: [] }])).toEqual(['n9']);
});

it('holds for nodes of before and after, and when it is stored and read back', () => {
  const late = (state: FullState): FullState => {
    stepFull(state, [whole], 1);
    return state;
  };
  expect(nextHalf([], late)).toEqual(['n0']);
  const stored = (state: FullState): FullState => restoreFull(JSON.parse(JSON.stringify(snapshotFull(state))));
  expect(nextHalf([whole], stored)).toEqual(['n0']);
  expect(nextHalf([], (state) => stored(late(state)))).toEqual(['n0']);
});
