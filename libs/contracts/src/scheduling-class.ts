import { z } from 'zod';
import { ConfigName } from './scheduling-quota.js';

/** How urgent work is, and what may be done to it for more urgent work. */
export const SchedulingClass = z.strictObject({
  name: ConfigName,
  rank: z.int().min(0).max(1_000).describe('higher goes first'),
  maxWaitSeconds: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('seconds of waiting after which it counts as the next higher class, never as live; null: never'),
  evict: z
    .enum(['never', 'reclaim', 'requeue'])
    .default('never')
    .describe('reclaim: ended for good after a warning, when idle; requeue: ended and put back in its queue'),
  minRuntimeSeconds: z.int().min(0).default(0).describe('seconds from its start within which nothing evicts it'),
  leaseSeconds: z
    .int()
    .min(1)
    .default(28_800)
    .describe('seconds that it is planned to hold what it has where it names no wall limit; renewed while in use'),
  idleSeconds: z.int().min(0).default(1_800).describe('seconds of idleness after which it may be reclaimed'),
});
export type SchedulingClass = z.infer<typeof SchedulingClass>;

const MINUTE = 60;
const HOUR = 3_600;
const HALF_AN_HOUR = 1_800;

/** What there is where the configuration names no classes. */
export const DEFAULT_CLASSES: readonly SchedulingClass[] = [
  {
    name: 'live',
    rank: 900,
    maxWaitSeconds: null,
    evict: 'never',
    minRuntimeSeconds: 0,
    leaseSeconds: 8 * HOUR,
    idleSeconds: HALF_AN_HOUR,
  },
  {
    name: 'interactive',
    rank: 700,
    maxWaitSeconds: 10 * MINUTE,
    evict: 'reclaim',
    minRuntimeSeconds: 10 * MINUTE,
    leaseSeconds: 8 * HOUR,
    idleSeconds: HALF_AN_HOUR,
  },
  {
    name: 'batch',
    rank: 500,
    maxWaitSeconds: 24 * HOUR,
    evict: 'requeue',
    minRuntimeSeconds: 5 * MINUTE,
    leaseSeconds: 24 * HOUR,
    idleSeconds: HALF_AN_HOUR,
  },
  {
    name: 'scavenge',
    rank: 100,
    maxWaitSeconds: 168 * HOUR,
    evict: 'requeue',
    minRuntimeSeconds: 0,
    leaseSeconds: 4 * HOUR,
    idleSeconds: HALF_AN_HOUR,
  },
];
