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

const Label = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be a name of at most 63 of a-z, 0-9 and -');
const Absolute = z.string().regex(/^\/./, 'must be an absolute path, and not all');

/** By which the agent tells the kernel in its pod from itself. */
const AGENT_UID = 10_001;
export const KernelUid = z
  .int()
  .positive()
  .refine((uid) => uid !== AGENT_UID, `must not be ${AGENT_UID}, which is the agent's`);

/** A volume of kernels: what it is made of is one of `claim`, `hostPath` and `nfs`. */
const PodVolume = z
  .strictObject({
    name: Label.describe('of the volume in the pod'),
    claim: z.string().min(1).exactOptional().describe('PersistentVolumeClaim of the namespace'),
    hostPath: Absolute.exactOptional().describe('folder of the node'),
    nfs: z.strictObject({ server: z.string().min(1), path: Absolute }).exactOptional(),
    mountPath: Absolute.describe('where the kernel sees it'),
    readOnly: z.boolean().default(false),
    subPath: z.string().min(1).exactOptional().describe('folder of the volume, relative'),
  })
  .refine(
    ({ claim, hostPath, nfs }) => [claim, hostPath, nfs].filter((source) => source !== undefined).length === 1,
    'must have one of claim, hostPath and nfs',
  );
export const PodVolumes = z
  .array(PodVolume)
  .refine((volumes) => new Set(volumes.map(({ name }) => name)).size === volumes.length, 'must have names of their own')
  .refine(
    (volumes) => new Set(volumes.map(({ mountPath }) => mountPath)).size === volumes.length,
    'must have mount paths of their own',
  );

/** As whom a kernel runs in its pod, and what it sees. */
export const PodIdentity = z.strictObject({
  uid: KernelUid,
  gid: z.int().positive(),
  groups: z.array(z.int().positive()).default([]),
  volumes: PodVolumes.default([]),
});

/** The same for all kernels of a project. */
export const PodProjects = z.record(Label, PodIdentity.extend({ namespace: Label.exactOptional() }));
