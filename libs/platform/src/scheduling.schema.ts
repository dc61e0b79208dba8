import { availableParallelism, totalmem } from 'node:os';
import { z } from 'zod';
import { NodeReport } from '#libs/contracts';

/** What may be booked, and by whom, as long as no queues are configured. */
export const schedulingShape = {
  cpuMilli: z
    .int()
    .positive()
    .default(() => availableParallelism() * 1000 * 16)
    .describe('CPU that may be booked, millicores; interactive kernels are mostly idle, so 16 times the machine'),
  memoryBytes: z
    .int()
    .positive()
    .default(() => Math.floor(totalmem() * 0.9))
    .describe('Memory that may be booked, bytes'),
  maxKernels: z.int().positive().default(10_000).describe('Kernels at once; more wait'),
  maxKernelsPerUser: z.int().positive().default(10_000).describe('Kernels of one user at once; more wait'),
  classRanks: z
    .record(z.string(), z.int())
    .default({ live: 900, interactive: 700, batch: 500, scavenge: 100 })
    .describe('Rank of each priority class; higher goes first'),
  defaultClass: z
    .enum(['live', 'interactive', 'batch', 'scavenge'])
    .default('interactive')
    .describe('Class of kernels'),
  adminOnlyClasses: z.array(z.string()).default(['live']).describe('Classes that only admins may ask for'),
  nodes: z
    .array(
      NodeReport.extend({
        labels: NodeReport.shape.labels.default({}),
        availability: NodeReport.shape.availability.default('open'),
        gpu: NodeReport.shape.gpu.default(null),
      }),
    )
    .default([])
    .describe('Nodes, and devices, of this machine as queues see them; only once queues are configured'),
  maxQueued: z.int().positive().default(100_000).describe('Kernels that may wait; more are refused'),
};
