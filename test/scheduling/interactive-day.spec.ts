import { type DayOptions, type DayResult, fullCore, interactiveDay, replayDay, seededRandom } from '#libs/scheduling';
import { say } from '../support/say.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const UNBOUNDED = { nominal: 2 ** 50, borrowLimit: 0, lendLimit: 0 };
/** Three GPUs are kept for the beamline; the rest is lent from one to the other. */
const queue = (name: string, gpus: number, lendLimit: number | null): fullCore.QueueConfig => ({
  ...{ name, parent: 'site', weight: 1, state: 'open', caps: {} },
  quotas: {
    a100: {
      gpuMilli: { nominal: gpus * 1_000, borrowLimit: null, lendLimit },
      cpuMilli: UNBOUNDED,
      memoryBytes: UNBOUNDED,
    },
  },
});
const often = { minRuntimeMs: 0, leaseMs: 8 * HOUR, halfLifeMs: 24 * HOUR, maxWaitMs: null } as const;
const configOf = (evicts: boolean, idleMs: number): fullCore.CoreConfig => ({
  ...{
    flavors: ['a100'],
    cohorts: [{ name: 'site', parent: null, weight: 1, quotas: {} }],
    reservations: [],
    pools: [],
  },
  queues: [queue('live', 3, 0), queue('people', 30, null), queue('night', 7, null)],
  classes: [
    { ...often, name: 'live', rank: 900, evict: 'never', idleMs },
    { ...often, name: 'interactive', rank: 700, evict: evicts ? 'reclaim' : 'never', idleMs },
    { ...often, name: 'batch', rank: 500, evict: evicts ? 'requeue' : 'never', idleMs, maxWaitMs: 24 * HOUR },
  ],
  ...{ protectedHeads: 1, graceMs: 30_000, evictedPerMinute: {} },
});
const gpu = { model: 'A100', devices: Array.from({ length: 8 }, () => 'share' as const) };
const day: Omit<DayOptions, 'config' | 'cullMs'> = {
  flavor: 'a100',
  nodes: [0, 1, 2, 3, 4].map((at) => ({ id: `n${at}`, cpuMilli: 128_000, memoryBytes: 2 ** 40, gpu })),
  routes: {
    session: { queue: 'people', class: 'interactive' },
    beamline: { queue: 'live', class: 'live' },
    reprocessing: { queue: 'night', class: 'batch' },
  },
};
const p95 = (waits: readonly number[]): number =>
  [...waits].sort((a, b) => a - b)[Math.ceil(0.95 * waits.length) - 1] ?? 0;
const told = (name: string, { waits, idleGpuHours, evictions, culled }: DayResult): void =>
  say(
    `${name}: waits p95 live ${p95(waits.beamline)} ms, interactive ${p95(waits.session)} ms of ${waits.session.length} starts; ` +
      `${idleGpuHours.toFixed(0)} GPU hours idle; ${JSON.stringify(evictions)}, ${culled} culled`,
  );

it('serves a day of people, beamlines and a night of 50,000 jobs on 40 GPUs', () => {
  const events = interactiveDay(seededRandom(42));
  const plain = replayDay(events, { ...day, config: configOf(false, HOUR), cullMs: HOUR });
  const ours = replayDay(events, { ...day, config: configOf(true, 5 * MINUTE), cullMs: 5 * MINUTE });
  told('plain culling at 60 min', plain);
  told('ours, idle 5 min', ours);
  for (const { waits, unstarted } of [plain, ours])
    expect([waits.beamline.length, waits.reprocessing.length >= 50_000, unstarted]).toEqual([720, true, 0]);
  expect(p95(ours.waits.beamline)).toBeLessThanOrEqual(5_000);
  expect(p95(ours.waits.session)).toBeLessThanOrEqual(60_000);
  expect(ours.idleGpuHours).toBeLessThanOrEqual(0.4 * plain.idleGpuHours);
  const { reclaimed, requeued, useless } = ours.evictions;
  expect(requeued).toBeGreaterThan(0);
  expect(useless).toBeLessThan(0.01 * (reclaimed + requeued));
});
