import { z } from 'zod';
import { ConfigName } from './scheduling-quota.js';

/** How a device is given out: alone, as instances of one MIG profile, by MPS, or in time slices (which isolate nothing). */
export const Sharing = z.union([z.enum(['whole', 'mps', 'slice']), z.templateLiteral(['mig:', z.string().min(1)])], {
  error: 'is one of whole, mps, slice, mig:PROFILE',
});
export type Sharing = z.infer<typeof Sharing>;

const nodeSelector = z
  .record(z.string().min(1).max(317), z.string().max(63))
  .default({})
  .describe('labels that a node of the flavor has, all of them');

const CpuFlavor = z.strictObject({
  name: ConfigName,
  kind: z.literal('cpu'),
  model: z.string().min(1).max(64).optional().describe('processor, for people'),
  nodeSelector,
});

const GpuFlavor = z.strictObject({
  name: ConfigName,
  kind: z.literal('gpu'),
  model: z.string().min(1).max(64).describe('as nodes name it, memory in it where it comes with several: A100-40'),
  sharing: Sharing.default('whole').describe('whole, mig:PROFILE by the name that NVIDIA gives, mps, or slice'),
  quantumMilli: z
    .int()
    .min(1)
    .max(1_000)
    .default(1_000)
    .describe('smallest part of a device that is given out by mps and slice, in thousandths'),
  nodeSelector,
});

/** A kind of hardware that is accounted for by itself. */
export const Flavor = z.discriminatedUnion('kind', [CpuFlavor, GpuFlavor]);
export type Flavor = z.infer<typeof Flavor>;
