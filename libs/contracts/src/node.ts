import { z } from 'zod';

/** What a device may be given out as: whole only, whole or in shares of milli, or as MIG instances only. */
export const DeviceSharing = z.enum(['whole', 'share', 'mig']);
export type DeviceSharing = z.infer<typeof DeviceSharing>;

/** A node of a cluster, or of a machine, as its launcher sees it. */
export const NodeReport = z.object({
  id: z.string().min(1),
  labels: z.record(z.string(), z.string()).describe('by which its flavor is found'),
  availability: z
    .enum(['open', 'last', 'cordoned'])
    .describe('last: only where no open node will do; cordoned: takes nothing new'),
  cpuMilli: z.int().min(0).describe('for kernels of ours: what can be booked, less what strangers have booked'),
  memoryBytes: z.int().min(0).describe('the same of memory, bytes'),
  gpu: z
    .object({ model: z.string(), devices: z.array(DeviceSharing).describe('one entry for each that strangers leave') })
    .nullable(),
});
export type NodeReport = z.infer<typeof NodeReport>;

/** Where kernels of one environment are to be ready before anybody asks for them. */
export const WarmSpares = z.object({
  environment: z.string(),
  spares: z.array(z.object({ flavor: z.string(), node: z.string(), count: z.int().min(1) })),
});
export type WarmSpares = z.infer<typeof WarmSpares>;

/** Where the scheduling core put a kernel. */
export const KernelPlace = z.object({
  node: z.string().describe('id of the node'),
  flavor: z.string().describe('of the configuration of scheduling'),
  devices: z.array(z.int().min(0)).describe('indexes in the devices of the node, ascending; empty: no GPU'),
  gpuMilli: z.int().min(0).describe('of each device; 1000 is a whole one; 0 for a MIG instance'),
  migProfile: z.string().nullable().describe('the instance on the one device'),
  migStart: z.int().min(0).optional().describe('of that instance: its first memory slice'),
});
export type KernelPlace = z.infer<typeof KernelPlace>;
