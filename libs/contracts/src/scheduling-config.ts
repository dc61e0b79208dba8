import { z } from 'zod';
import { DEFAULT_CLASSES, SchedulingClass } from './scheduling-class.js';
import { Flavor } from './scheduling-flavor.js';
import { Cap, ConfigName, FlavorAmounts, Limits, Quota } from './scheduling-quota.js';

/** A node of the tree within which queues lend and borrow. */
export const Cohort = z.strictObject({
  name: ConfigName,
  parent: ConfigName.nullable().default(null).describe('cohort above it; null: it is a root'),
  weight: z.int().min(1).max(1_000_000).default(1).describe('share among its siblings; 2 is owed twice as much as 1'),
});
export type Cohort = z.infer<typeof Cohort>;

/** Where workloads wait: a leaf of the tree. */
export const Queue = z.strictObject({
  name: ConfigName,
  cohort: ConfigName.nullable().default(null).describe('whom it lends to and borrows from; null: nobody'),
  quota: z.record(ConfigName, Quota).default({}).describe('by name of flavor; a flavor that is absent is not offered'),
  weight: z.int().min(1).max(1_000_000).default(1).describe('share among its siblings; 2 is owed twice as much as 1'),
  caps: z
    .strictObject({
      perUser: Cap.describe('of what one user may hold in this queue').optional(),
      perProject: Cap.describe('of what one project may hold in this queue').optional(),
      perInstrument: Cap.describe('of what one instrument may hold in this queue').optional(),
    })
    .default({}),
  state: z
    .enum(['open', 'hold', 'drain'])
    .default('open')
    .describe('hold: starts nothing new; drain: refuses submissions too; neither ends what runs'),
});
export type Queue = z.infer<typeof Queue>;

const Time = z.iso.datetime({ offset: true });

/** Capacity that is kept for somebody from one moment to another, such as a beamtime. */
export const Reservation = z.strictObject({
  name: ConfigName,
  start: Time.describe('ISO 8601 with Z or offset; part of the reservation'),
  end: Time.describe('ISO 8601 with Z or offset; no part of the reservation'),
  amounts: z.record(ConfigName, FlavorAmounts).describe('what is kept, by name of flavor'),
  owner: z.strictObject({
    queue: ConfigName.describe('whose workloads may use it'),
    user: z.string().min(1).max(256).optional().describe('the only user who may; absent: everybody in the queue'),
  }),
  leadSeconds: z
    .int()
    .min(0)
    .default(900)
    .describe('seconds before the start at which what may be reclaimed and is still there is reclaimed'),
  graceSeconds: z
    .int()
    .min(0)
    .default(1_800)
    .describe('seconds after the start when unused capacity is lent again, to work that may be evicted'),
});
export type Reservation = z.infer<typeof Reservation>;

/** Kernels that are started ahead, for one environment on one flavor. */
export const WarmPool = z.strictObject({
  environment: z.string().min(1).max(256).describe('name of the environment whose kernels are kept ready'),
  flavor: ConfigName,
  profile: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe('profile of the spares, and of the kernels that can take them; absent: `defaultProfile` of the settings'),
  min: z.int().min(0).max(10_000).default(0).describe('spares that are always kept, as the budget allows'),
  max: z.int().min(0).max(10_000).default(10).describe('spares that are never passed'),
  target: z
    .number()
    .min(0)
    .max(0.9999)
    .default(0.95)
    .describe('chance that no more kernels are asked for during a cold start than there are spares'),
  coldStartSeconds: z
    .int()
    .min(1)
    .max(3_600)
    .default(10)
    .describe('seconds that a start without a spare takes, and so the replacement of one that was taken'),
  budget: Limits.default({}).describe('what all spares of the pool may hold together; absent: no bound but max'),
});
export type WarmPool = z.infer<typeof WarmPool>;

const HalfLife = z.int().min(60).max(31_536_000);

/** What holds for all queues. */
export const SchedulingPolicies = z.strictObject({
  halfLifeSeconds: z
    .record(ConfigName, HalfLife)
    .default({})
    .describe(
      'by name of class: seconds after which past use counts half; a class that is absent: 86400 where it is live or interactive, else 604800',
    ),
  backfillDepth: z.int().min(1).max(50).default(1).describe('waiting heads per flavor that backfill may not delay'),
  preemptionPerMinute: Limits.default({ gpuMilli: 8_000, cpuMilli: 64_000 }).describe(
    'capacity that may be evicted in any one minute; absent: no bound',
  ),
  graceSeconds: z.int().min(0).max(86_400).default(120).describe('seconds between the warning and an eviction'),
});
export type SchedulingPolicies = z.infer<typeof SchedulingPolicies>;

/**
 * The declarative configuration of scheduling, `queues.yaml`. What only the whole can tell (unknown names, cycles, sums)
 * is found by `configFaults` of libs/scheduling.
 */
export const SchedulingConfig = z.strictObject({
  flavors: z.array(Flavor).default([]),
  cohorts: z.array(Cohort).default([]),
  queues: z.array(Queue).default([]),
  classes: z.array(SchedulingClass).default(() => DEFAULT_CLASSES.map((one) => ({ ...one }))),
  reservations: z.array(Reservation).default([]),
  pools: z.array(WarmPool).default([]),
  policies: SchedulingPolicies.prefault({}),
});
export type SchedulingConfig = z.infer<typeof SchedulingConfig>;
