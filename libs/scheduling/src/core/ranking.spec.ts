import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stepFull } from './core.js';
import type { Pending } from './line.js';
import type { CoreConfig, CoreEvent } from './model.js';
import { FullState } from './state.js';
import { compareTurns, turnOf } from './turn.js';

const own = (nominal: number) => ({ nominal, borrowLimit: null, lendLimit: null });
const cohort = (name: string, parent: string | null, weight = 1) => ({ name, parent, weight, quotas: {} });
/** Queues at three depths of the tree, some with less quota of their own than they may use. */
const config: CoreConfig = {
  flavors: ['t4', 'cpu'],
  cohorts: [cohort('site', null), cohort('a', 'site'), cohort('b', 'site', 2), cohort('deep', 'a')],
  queues: Array.from({ length: 12 }, (_, at) => ({
    ...{ name: `q${at}`, parent: ['site', 'a', 'b', 'deep'][at % 4] as string, weight: 1 + (at % 3) },
    ...{ state: 'open', caps: {} },
    quotas: { t4: { gpuMilli: own(1_000 * (at % 3)) }, cpu: { cpuMilli: own(1_000 * (at % 2)) } },
  })),
  classes: [
    ['live', 900, null],
    ['interactive', 700, 400],
    ['batch', 500, 200],
  ].map(([name, rank, maxWaitMs]) => ({
    ...{ name: name as string, rank: rank as number, maxWaitMs: maxWaitMs as number | null, evict: 'never' },
    ...{ minRuntimeMs: 0, leaseMs: 1_000, idleMs: 10, halfLifeMs: 6_400 },
  })),
  pools: [],
  reservations: [
    {
      ...{ id: 'r', flavor: 't4', amounts: { gpuMilli: 1_000, cpuMilli: 0, memoryBytes: 0 }, owner: { user: 'u1' } },
      ...{ from: 300, to: 900, leadMs: 0, graceMs: 10 },
    },
  ],
  graceMs: 0,
  evictedPerMinute: {},
  protectedHeads: 1,
};
const nodes: CoreEvent[] = [
  {
    kind: 'node-added',
    flavor: 't4',
    node: { id: 't', cpuMilli: 0, memoryBytes: 0, gpu: { model: 'T4', devices: Array(6).fill('share') } },
  },
  { kind: 'node-added', flavor: 'cpu', node: { id: 'c', cpuMilli: 4_000, memoryBytes: 0 } },
];

const arbitraryDeeds = fc.array(
  fc.record({
    what: fc.constantFrom('submit', 'submit', 'submit', 'submit', 'submit', 'end', 'leave', 'wait'),
    pick: fc.nat(99_999),
  }),
  { minLength: 20, maxLength: 120 },
);

function eventOf(state: FullState, what: string, pick: number, at: number): CoreEvent {
  if (what === 'end') return { kind: 'released', id: [...state.running.keys()][pick % 7] ?? 'nobody' };
  if (what === 'leave') return { kind: 'released', id: [...state.waiting.workloads()][pick % 7]?.id ?? 'nobody' };
  if (what === 'wait') return { kind: 'tick' };
  const gpu = pick % 3 > 0;
  const gpuMilli = 500 * (1 + (pick % 2));
  return {
    kind: 'submitted',
    workload: {
      ...{
        id: `w${at}`,
        queue: `q${pick % 12}`,
        user: `u${Math.floor(pick / 12) % 4}`,
        project: null,
        instrument: null,
      },
      ...{ class: config.classes[Math.floor(pick / 48) % 3]?.name as string, offset: pick % 2, environment: null },
      flavors: gpu ? ['t4'] : Math.floor(pick / 144) % 2 ? ['cpu'] : ['cpu', 't4'],
      request: { cpuMilli: gpu ? 0 : gpuMilli, memoryBytes: 0, gpuCount: gpu ? 1 : 0, gpuMilli: gpu ? gpuMilli : 0 },
      ...{ wallMs: 100 + (pick % 500), submittedAt: state.now, evictions: 0 },
    },
  };
}

/** All that wait, one after the other. */
function inOrder({ ranking }: FullState): string[] {
  const order: string[] = [];
  for (let next = ranking.first(() => true); next; next = ranking.first(() => true)) {
    order.push(next.workload.id);
    ranking.pass(next);
  }
  ranking.restore();
  return order;
}

function byComparing(state: FullState): string[] {
  const all = [...state.waiting.workloads()].map(({ id }) => state.waiting.get(id) as Pending);
  const turns = all.map((one) => turnOf(state, one, state.shares.pathShares(one.workload.queue)));
  return turns.sort(compareTurns).map(({ pending }) => pending.workload.id);
}

describe('the ranking', () => {
  it('is the order by comparing all, whatever has happened since it was made', () =>
    fc.assert(
      fc.property(arbitraryDeeds, (deeds) => {
        const state = new FullState(config, 0);
        stepFull(state, nodes, 0);
        for (const [at, { what, pick }] of deeds.entries()) {
          stepFull(state, [eventOf(state, what, pick, at)], state.now + (what === 'wait' ? pick % 150 : pick % 3));
          if (at % 4 === 0) expect(inOrder(state)).toEqual(byComparing(state));
        }
        expect(inOrder(state)).toEqual(byComparing(state));
      }),
      { numRuns: 200 },
    ));

  it('leaves out closed lines, asks and groups until the cycle is over', () => {
    const state = new FullState(config, 0);
    for (let at = 0; at < 60; at += 1) stepFull(state, [eventOf(state, 'submit', at * 37, at)], at);
    const all = byComparing(state);
    const of = (id: string) => (state.waiting.get(id) as Pending).group;
    const [line, ask, group] = [of('w0').ask.line, of('w1').ask, of('w2')];
    state.ranking.closeLine(line);
    state.ranking.closeAsk(ask);
    state.ranking.closeGroup(group);
    const isLeft = (id: string) => of(id).ask.line !== line && of(id).ask !== ask && of(id) !== group;
    expect(inOrder(state)).toEqual(all.filter(isLeft));
    expect(all.filter(isLeft).length).toBeLessThan(all.length);
    expect(inOrder(state)).toEqual(all);
  });
});
