import { z } from 'zod';

/** A name in `queues.yaml`: paths are made of them, so they hold no dots. */
export const ConfigName = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$/, 'is letters, digits, - and _, from 1 to 64 of them');

/** What is counted, in the order in which it is told. */
export const RESOURCES = ['gpuMilli', 'cpuMilli', 'memoryBytes'] as const;
export type Resource = (typeof RESOURCES)[number];

/** Integers; no sign is asked for here, so that a negative amount is told beside all other faults. */
const amount = (of: string) => z.int().describe(of).optional();
const GPU = 'thousandths of a device';
const CPU = 'millicores';
const MEMORY = 'bytes';

/** An amount of each resource; absent: none. */
export const FlavorAmounts = z.strictObject({
  gpuMilli: amount(GPU),
  cpuMilli: amount(CPU),
  memoryBytes: amount(MEMORY),
});
export type FlavorAmounts = z.infer<typeof FlavorAmounts>;

/** An upper bound of each resource; absent: unbounded. */
export const Limits = z.strictObject({ gpuMilli: amount(GPU), cpuMilli: amount(CPU), memoryBytes: amount(MEMORY) });
export type Limits = z.infer<typeof Limits>;

/** What one may hold at once; absent: unbounded. */
export const Cap = Limits.extend({ workloads: z.int().min(1).describe('kernels and jobs').optional() });
export type Cap = z.infer<typeof Cap>;

const share = (unit: string) =>
  z
    .strictObject({
      nominal: z.int().describe(`what the queue is owed, in ${unit}`),
      borrowLimit: z
        .int()
        .nullable()
        .default(null)
        .describe(`what it may use of its cohort beyond that, in ${unit}; null: all that is lent`),
      lendLimit: z
        .int()
        .nullable()
        .default(null)
        .describe(`what others may use of it while it is idle, in ${unit}; null: all of it`),
    })
    .optional();

/** What a queue may use of one flavor; a resource that is absent is not bounded. */
export const Quota = z.strictObject({ gpuMilli: share(GPU), cpuMilli: share(CPU), memoryBytes: share(MEMORY) });
export type Quota = z.infer<typeof Quota>;
