import { z } from 'zod';
import { Instant, KernelId } from './ids.js';
import { PriorityClass, WaitExplanation } from './kernel.js';
import { Resources } from './kernelspec.js';
import { SchedulingConfig } from './scheduling-config.js';
import { FlavorAmounts } from './scheduling-quota.js';

/** The configuration of scheduling as it is. Version 0: an admin has configured nothing yet. */
export const SchedulingDocument = z.object({ version: z.int().min(0), config: SchedulingConfig });
export type SchedulingDocument = z.infer<typeof SchedulingDocument>;

/** What a change would do to one kernel. */
export const ForecastEntry = z.object({
  id: KernelId,
  owner: z.string(),
  queue: z.string(),
  priorityClass: PriorityClass,
  text: z.string().describe('where it would start, or why it would wait'),
});
export type ForecastEntry = z.infer<typeof ForecastEntry>;

/** What the very next decision would be under a changed configuration. */
export const SchedulingForecast = z.object({
  starts: z.array(ForecastEntry),
  waits: z.array(ForecastEntry),
  reclaims: z.array(ForecastEntry).describe('idle kernels that would be warned, and ended'),
  evicts: z.array(ForecastEntry).describe('kernels that would have to give their place back'),
});
export type SchedulingForecast = z.infer<typeof SchedulingForecast>;

/** What became of a change, or would become of it. */
export const SchedulingChange = z.object({
  version: z.int().min(0).describe('of the configuration after it'),
  applied: z.boolean(),
  changes: z.array(
    z.object({
      kind: z.enum(['added', 'removed', 'changed']),
      path: z.string(),
      before: z.unknown().optional(),
      after: z.unknown().optional(),
    }),
  ),
  forecast: SchedulingForecast,
});
export type SchedulingChange = z.infer<typeof SchedulingChange>;

/** A change that was made. */
export const AuditRow = z.object({
  version: z.int(),
  at: Instant,
  actor: z.string(),
  action: z.string().describe('what was asked, e.g. `queues` or `hold gpu`'),
  changes: SchedulingChange.shape.changes,
});
export type AuditRow = z.infer<typeof AuditRow>;

/** What is there and who has it. */
export const SchedulingState = z.object({
  queues: z.array(
    z.object({
      ...{ name: z.string(), cohort: z.string().nullable(), state: z.enum(['open', 'hold', 'drain']) },
      ...{ weight: z.int(), waiting: z.int(), running: z.int() },
      usage: z.array(
        z.object({ flavor: z.string(), resource: z.string(), used: z.int(), nominal: z.int().nullable() }),
      ),
    }),
  ),
  flavors: z.array(
    z.object({
      name: z.string(),
      nodes: z.int(),
      capacity: FlavorAmounts,
      free: FlavorAmounts.describe('less what is booked'),
    }),
  ),
  workloads: z.array(
    z.object({
      ...{ id: KernelId, owner: z.string(), project: z.string().nullable(), queue: z.string() },
      instrument: z.string().nullable().default(null),
      ...{ priorityClass: PriorityClass, phase: z.enum(['waiting', 'running', 'leaving']), requests: Resources },
      ...{
        flavor: z.string().nullable(),
        node: z.string().nullable(),
        submittedAt: Instant,
        startedAt: Instant.nullable(),
      },
      wait: WaitExplanation.nullable(),
    }),
  ),
});
export type SchedulingState = z.infer<typeof SchedulingState>;
