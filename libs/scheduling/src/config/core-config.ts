import type { FlavorAmounts, Limits, SchedulingConfig } from '#libs/contracts';
import { AXES, type CoreConfig, type PoolConfig, type Quota, type Quotas } from '../core/model.js';
import { halfLifeSecondsOf } from './half-life.js';

const SECOND = 1_000;
/** More than any site has, and small enough that sums over a tree stay safe integers. */
const UNBOUNDED: Quota = { nominal: 2 ** 50, borrowLimit: 0, lendLimit: 0 };

/** What a spare of a pool holds; undefined: there is no such profile. */
export type SpareRequest = (profile: string | undefined) => PoolConfig['request'] | undefined;

/**
 * What the core works with, of a configuration without faults.
 *
 * @param requestOf  by profile; pools of one that is not known have no spares
 */
export function coreConfigOf(config: SchedulingConfig, requestOf: SpareRequest = () => undefined): CoreConfig {
  const { policies } = config;
  return {
    flavors: config.flavors.map(({ name }) => name),
    cohorts: config.cohorts.map(({ name, parent, weight }) => ({ name, parent, weight, quotas: {} })),
    queues: config.queues.map(({ name, cohort, weight, state, quota, caps }) => ({
      ...{ name, parent: cohort, weight, state },
      quotas: quotasOf(quota),
      caps: {
        ...(caps.perUser ? { user: caps.perUser } : {}),
        ...(caps.perProject ? { project: caps.perProject } : {}),
        ...(caps.perInstrument ? { instrument: caps.perInstrument } : {}),
      },
    })),
    classes: config.classes.map((one) => ({
      ...{ name: one.name, rank: one.rank, evict: one.evict },
      maxWaitMs: one.maxWaitSeconds === null ? null : one.maxWaitSeconds * SECOND,
      minRuntimeMs: one.minRuntimeSeconds * SECOND,
      leaseMs: one.leaseSeconds * SECOND,
      idleMs: one.idleSeconds * SECOND,
      halfLifeMs: halfLifeSecondsOf(policies.halfLifeSeconds, one.name) * SECOND,
    })),
    reservations: config.reservations.flatMap((one) =>
      Object.entries(one.amounts).map(([flavor, amounts]) => ({
        ...{ id: `${one.name} ${flavor}`, flavor, amounts: amountsOf(amounts) },
        owner: { queue: one.owner.queue, ...(one.owner.user === undefined ? {} : { user: one.owner.user }) },
        ...{ from: Date.parse(one.start), to: Date.parse(one.end) },
        ...{ leadMs: one.leadSeconds * SECOND, graceMs: one.graceSeconds * SECOND },
      })),
    ),
    pools: config.pools.flatMap(({ environment, flavor, profile, min, max, target, budget, coldStartSeconds }) => {
      const request = requestOf(profile);
      if (!request) return [];
      return [
        {
          environment,
          flavor,
          request,
          min,
          max,
          target,
          budget: boundsOf(budget),
          coldStartMs: coldStartSeconds * SECOND,
        },
      ];
    }),
    protectedHeads: policies.backfillDepth,
    graceMs: policies.graceSeconds * SECOND,
    evictedPerMinute: boundsOf(policies.preemptionPerMinute),
  };
}

/** A resource that a quota does not name is not bounded. */
const quotasOf = (quota: SchedulingConfig['queues'][number]['quota']): Quotas =>
  Object.fromEntries(
    Object.entries(quota).map(([flavor, shares]) => [
      flavor,
      Object.fromEntries(AXES.map((axis) => [axis, shares[axis] ?? UNBOUNDED])),
    ]),
  );

const amountsOf = (amounts: FlavorAmounts): Record<(typeof AXES)[number], number> => ({
  gpuMilli: amounts.gpuMilli ?? 0,
  cpuMilli: amounts.cpuMilli ?? 0,
  memoryBytes: amounts.memoryBytes ?? 0,
});

const boundsOf = (limits: Limits): CoreConfig['evictedPerMinute'] =>
  Object.fromEntries(AXES.flatMap((axis) => (limits[axis] === undefined ? [] : [[axis, limits[axis]]])));
