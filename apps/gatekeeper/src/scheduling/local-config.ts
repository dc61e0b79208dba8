import { DEFAULT_CLASSES } from '#libs/contracts';
import { type fullCore, halfLifeSecondsOf } from '#libs/scheduling';
import type { GatekeeperConfig } from '../gatekeeper-parts.js';

/** Of the queue and the flavor that there are where an admin has configured none. */
export const LOCAL = { queue: 'default', flavor: 'local' } as const;

const SECOND = 1_000;
const UNBOUNDED: fullCore.Quota = { nominal: 2 ** 50, borrowLimit: 0, lendLimit: 0 };

/** One queue over one flavor, as the settings alone say. */
export function localConfig({ scheduling, reclaim }: GatekeeperConfig): fullCore.CoreConfig {
  const quota = { gpuMilli: UNBOUNDED, cpuMilli: UNBOUNDED, memoryBytes: UNBOUNDED };
  const known = new Map(DEFAULT_CLASSES.map((one) => [one.name, one]));
  const classes = Object.entries(scheduling.classRanks).map(([name, rank]): fullCore.ClassConfig => {
    const one = known.get(name);
    return {
      ...{ name, rank, maxWaitMs: one?.maxWaitSeconds == null ? null : one.maxWaitSeconds * SECOND },
      ...{ evict: reclaim.enabled ? 'reclaim' : 'never', minRuntimeMs: 0, idleMs: reclaim.idleSeconds * SECOND },
      leaseMs: (one?.leaseSeconds ?? 28_800) * SECOND,
      halfLifeMs: halfLifeSecondsOf({}, name) * SECOND,
    };
  });
  const caps = { user: { workloads: scheduling.maxKernelsPerUser } };
  return {
    ...{ flavors: [LOCAL.flavor], cohorts: [], reservations: [], pools: [], classes },
    queues: [{ name: LOCAL.queue, parent: null, weight: 1, state: 'open', quotas: { [LOCAL.flavor]: quota }, caps }],
    ...{ protectedHeads: 1, graceMs: reclaim.warningSeconds * SECOND, evictedPerMinute: {} },
  };
}
