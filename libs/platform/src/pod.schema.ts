import { z } from 'zod';

/** A taint that a pod bears, in the cluster's own words. */
export const Toleration = z.strictObject({
  key: z.string().exactOptional(),
  operator: z.enum(['Exists', 'Equal']).default('Equal'),
  value: z.string().exactOptional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).exactOptional(),
  tolerationSeconds: z.int().min(0).exactOptional(),
});

/** Names of extended resources by what is asked for. */
export const DeviceResources = z.record(
  z.string().min(1),
  z
    .string()
    .regex(/^[a-z0-9.-]+\/[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, 'must be the domain/name of a resource'),
);
