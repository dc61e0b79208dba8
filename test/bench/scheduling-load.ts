import type { fullCore, NodeSpec } from '#libs/scheduling';
import type { Seeded } from '../support/seeded.js';

const HOUR = 3_600_000;
const UNBOUNDED = { nominal: 2 ** 50, borrowLimit: 0, lendLimit: 0 };

/** GPU nodes of one, two, four and eight devices, as clusters have them. */
export function nodeOf(index: number): NodeSpec {
  const devices = [1, 2, 2, 4, 8, 8][index % 6] as number;
  const gpu = { model: 'A100', devices: Array.from({ length: devices }, () => 'share' as const) };
  return { id: `node-${index}`, cpuMilli: 16_000 * devices, memoryBytes: 2 ** 37, gpu };
}

export function configOf(queues: number): fullCore.CoreConfig {
  const quotas = { a100: { gpuMilli: UNBOUNDED, cpuMilli: UNBOUNDED, memoryBytes: UNBOUNDED } };
  const of = { evict: 'never', minRuntimeMs: 0, leaseMs: 8 * HOUR, idleMs: HOUR, halfLifeMs: 24 * HOUR } as const;
  return {
    flavors: ['a100'],
    cohorts: [{ name: 'site', parent: null, weight: 1, quotas: {} }],
    queues: Array.from({ length: queues }, (_, at) => ({
      ...{ name: `queue-${at}`, parent: 'site', weight: 1 + (at % 3), quotas, state: 'open' as const, caps: {} },
    })),
    classes: [
      { name: 'interactive', rank: 700, maxWaitMs: 24 * HOUR, ...of },
      { name: 'batch', rank: 500, maxWaitMs: 24 * HOUR, ...of },
    ],
    ...{ reservations: [], pools: [], protectedHeads: 1, graceMs: 0, evictedPerMinute: {} },
  };
}

/** 200 users, 36 shapes. */
export function workloadOf(index: number, queues: number, now: number, random: Seeded): fullCore.CoreWorkload {
  const whole = random.between(0, 3 - 1) === 0;
  const gpuCount = whole ? 1 + random.between(0, 4 - 1) : 1;
  return {
    ...{
      id: `w-${index}`,
      queue: `queue-${index % queues}`,
      user: `user-${random.between(0, 200 - 1)}`,
      project: null,
    },
    ...{
      instrument: null,
      class: random.between(0, 10 - 1) === 0 ? 'interactive' : 'batch',
      offset: 0,
      flavors: ['a100'],
    },
    request: {
      cpuMilli: [1_000, 2_000, 4_000, 8_000][random.between(0, 4 - 1)] as number,
      ...{
        memoryBytes: 2 ** 30,
        gpuCount,
        gpuMilli: whole ? 1_000 : ([200, 250, 500, 700, 1_000][random.between(0, 5 - 1)] as number),
      },
    },
    ...{ environment: null, wallMs: 60_000 * (1 + random.between(0, 600 - 1)), submittedAt: now, evictions: 0 },
  };
}
