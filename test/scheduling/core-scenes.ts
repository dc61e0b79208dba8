import fc from 'fast-check';
import type { fullCore, ShapeRequest } from '#libs/scheduling';

type Config = fullCore.CoreConfig;

/** One input of a step; what its numbers mean depends on what there is by then. */
export interface Deed {
  what:
    | 'submit'
    | 'end'
    | 'leave'
    | 'idle'
    | 'busy'
    | 'kept'
    | 'node'
    | 'gone'
    | 'availability'
    | 'configure'
    | 'typical'
    | 'tick';
  pick: number;
  /** Until the next step; 0: in the same step as the next one. */
  waitMs: number;
}
export interface Scene {
  config: Config;
  deeds: Deed[];
}

const limit = fc.option(fc.constantFrom(0, 1_000, 2_000), { nil: null });
const quota = fc.record({ nominal: fc.constantFrom(0, 1_000, 2_000, 4_000), borrowLimit: limit, lendLimit: limit });
const quotas = fc.record({
  t4: fc.record({ gpuMilli: quota, cpuMilli: quota }),
  cpu: fc.record({ cpuMilli: quota }),
});
const cap = fc.record(
  {
    workloads: fc.integer({ min: 1, max: 4 }),
    gpuMilli: fc.constant(1_500),
  },
  { requiredKeys: [] },
);
const queueState = fc.constantFrom<fullCore.QueueState>('open', 'open', 'open', 'hold', 'drain');
const queue = fc.record({
  weight: fc.integer({ min: 1, max: 3 }),
  quotas,
  state: queueState,
  caps: fc.record({ user: cap, project: cap, instrument: cap }, { requiredKeys: [] }),
});
const reservation = fc.record({
  flavor: fc.constantFrom('t4', 'cpu'),
  amounts: fc.record({
    gpuMilli: fc.constantFrom(0, 1_000),
    cpuMilli: fc.constantFrom(500, 1_000),
    memoryBytes: fc.constant(0),
  }),
  owner: fc.constantFrom<fullCore.ReservationConfig['owner']>(
    { queue: 'q0' },
    { user: 'u1' },
    { queue: 'q1', project: 'p0' },
  ),
  from: fc.integer({ min: 0, max: 2_000 }),
  lasts: fc.integer({ min: 1, max: 2_000 }),
  leadMs: fc.constantFrom(0, 100),
  graceMs: fc.constantFrom(50, 400),
});
const plain = { maxWaitMs: 300, minRuntimeMs: 0, idleMs: 100, halfLifeMs: 640 };
const classes: fullCore.ClassConfig[] = [
  { ...plain, name: 'live', rank: 900, evict: 'never', leaseMs: 500 },
  { ...plain, name: 'interactive', rank: 700, evict: 'reclaim', leaseMs: 400 },
  { ...plain, name: 'batch', rank: 500, maxWaitMs: 200, evict: 'requeue', minRuntimeMs: 60, leaseMs: 900 },
  { ...plain, name: 'scavenge', rank: 100, maxWaitMs: null, evict: 'requeue', leaseMs: 900, halfLifeMs: 6_400 },
];

const pool = (flavor: string, changes: object = {}): fullCore.PoolConfig => ({
  ...{ environment: 'python3', flavor, request: { cpuMilli: 500, memoryBytes: 0 }, min: 1, max: 3, target: 0.9 },
  ...{ coldStartMs: 1_000, budget: {}, ...changes },
});

const config: fc.Arbitrary<Config> = fc
  .record({
    queues: fc.array(queue, { minLength: 1, maxLength: 3 }),
    reservations: fc.array(reservation, { maxLength: 2 }),
    protectedHeads: fc.integer({ min: 0, max: 2 }),
    graceMs: fc.constantFrom(0, 50),
    evictedPerMinute: fc.constantFrom({}, { gpuMilli: 3_000 }),
    pools: fc.constantFrom([], [pool('cpu')], [pool('cpu', { min: 0 }), pool('t4', { budget: { cpuMilli: 1_000 } })]),
  })
  .map(({ queues, reservations, ...rest }) => ({
    ...rest,
    flavors: ['t4', 'cpu'],
    cohorts: [{ name: 'all', parent: null, weight: 1, quotas: {} }],
    queues: queues.map((one, at) => ({ ...one, name: `q${at}`, parent: 'all' })),
    classes,
    reservations: reservations.map(({ lasts, ...one }, at) => ({ ...one, id: `r${at}`, to: one.from + lasts })),
  }));

const deed = fc.record({
  what: fc.constantFrom<Deed['what']>(
    ...([
      'submit',
      'submit',
      'submit',
      'submit',
      'end',
      'end',
      'leave',
      'idle',
      'idle',
      'node',
      'node',
      'gone',
    ] as const),
    ...(['busy', 'kept', 'availability', 'configure', 'typical', 'tick'] as const),
  ),
  pick: fc.nat(9_999),
  waitMs: fc.constantFrom(0, 0, 1, 50, 150, 700),
});
export const arbitraryScene: fc.Arbitrary<Scene> = fc.record({
  config,
  deeds: fc.array(deed, { minLength: 10, maxLength: 60 }),
});

const requests: ShapeRequest[] = [
  { cpuMilli: 500, memoryBytes: 0, gpuCount: 0, gpuMilli: 0 },
  { cpuMilli: 1_000, memoryBytes: 0, gpuCount: 0, gpuMilli: 0 },
  { cpuMilli: 0, memoryBytes: 0, gpuCount: 1, gpuMilli: 300 },
  { cpuMilli: 500, memoryBytes: 0, gpuCount: 1, gpuMilli: 1_000 },
  { cpuMilli: 500, memoryBytes: 0, gpuCount: 2, gpuMilli: 1_000 },
];

/** What a deed tells the core. @param state  read only, so that deeds hit what there is */
export function eventOf({ what, pick }: Deed, at: number, now: number, state: fullCore.State): fullCore.CoreEvent {
  const pickOf = <T>(list: readonly T[], by = 1): T | undefined => list[Math.floor(pick / by) % list.length];
  const running = [...state.running.keys()];
  const waiting = [...state.waiting.workloads()].map(({ id }) => id);
  const nodes = [...state.flavorOfNode.keys()];
  switch (what) {
    case 'submit':
      return { kind: 'submitted', workload: workloadOf(pick, at, now) };
    case 'end':
      return { kind: 'released', id: pickOf(running) ?? 'nobody' };
    case 'leave':
      return { kind: 'released', id: pickOf(waiting) ?? 'nobody' };
    case 'idle':
      return { kind: 'idle', id: pickOf(running) ?? 'nobody', since: now };
    case 'busy':
    case 'kept':
      return { kind: what, id: pickOf(running) ?? 'nobody' };
    case 'node': {
      const devices = pick % 3 === 0 ? 0 : 1 + (pick % 2);
      const node = { id: `n${at}`, cpuMilli: 1_000 + 500 * (pick % 3), memoryBytes: 0 };
      if (devices === 0) return { kind: 'node-added', flavor: 'cpu', node };
      return {
        kind: 'node-added',
        flavor: 't4',
        node: { ...node, gpu: { model: 'T4', devices: Array(devices).fill('share') } },
      };
    }
    case 'gone':
      return { kind: 'node-removed', id: pickOf(nodes) ?? 'nobody' };
    case 'availability':
      return {
        ...{ kind: 'node-changed', id: pickOf(nodes) ?? 'nobody' },
        availability: pickOf(['open', 'last', 'cordoned'] as const, 7) ?? 'open',
      };
    case 'configure': {
      const next = structuredClone(state.config);
      const changed = next.queues[pick % next.queues.length];
      if (changed) changed.state = pickOf(['open', 'hold', 'drain'] as const, 7) ?? 'open';
      return { kind: 'configured', config: next };
    }
    case 'typical': {
      const usual = requests.slice(0, pick % 6);
      return {
        kind: 'typical',
        shapes: usual.map(({ memoryBytes: _, ...shape }, index) => ({ ...shape, count: 1 + (pick % (index + 7)) })),
      };
    }
    case 'tick':
      return { kind: 'tick' };
  }
}

function workloadOf(pick: number, at: number, now: number): fullCore.CoreWorkload {
  const request = requests[pick % requests.length] as ShapeRequest;
  return {
    id: `w${at}`,
    queue: `q${Math.floor(pick / 5) % 3}`,
    user: `u${Math.floor(pick / 15) % 3}`,
    project: `p${pick % 2}`,
    instrument: pick % 11 === 0 ? 'i0' : null,
    class: classes[Math.floor(pick / 45) % classes.length]?.name ?? 'batch',
    offset: (pick % 3) - 1,
    flavors: request.gpuCount > 0 ? ['t4'] : pick % 2 ? ['cpu', 't4'] : ['cpu'],
    request,
    wallMs: pick % 4 === 0 ? null : 100 * (1 + (pick % 7)),
    submittedAt: now,
    environment: pick % 3 === 0 ? null : 'python3',
    evictions: 0,
  };
}
