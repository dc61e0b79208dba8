import { z } from 'zod';

/** The devices that a kernel asks for, all on one node. */
export const GpuRequest = z.object({
  count: z.int().min(1).max(64).default(1).describe('devices'),
  milli: z
    .int()
    .min(1)
    .max(1000)
    .default(1000)
    .describe('of each, in thousandths; less than 1000 is a share, of one device only'),
  migProfile: z.string().min(1).nullable().default(null).describe('one MIG instance, by the name that NVIDIA gives'),
});
export type GpuRequest = z.infer<typeof GpuRequest>;

/** What a kernel of an environment asks of the machine. Requests are what is booked, limits what is enforced. */
export const Resources = z.object({
  cpuMilli: z.int().min(0).describe('CPU booked, in millicores'),
  memoryBytes: z.int().min(0).describe('memory booked, in bytes'),
  gpu: GpuRequest.optional().describe('absent: none'),
});
export type Resources = z.infer<typeof Resources>;

export const ResourceLimits = z.object({
  cpuMilli: z.int().positive().nullable().describe('CPU limit in millicores, null: none'),
  memoryBytes: z.int().positive().nullable().describe('memory limit in bytes, null: none'),
});
export type ResourceLimits = z.infer<typeof ResourceLimits>;

/** A named size of kernel. */
export const Profile = z.object({
  requests: Resources,
  limits: ResourceLimits.extend({
    gpus: z
      .int()
      .min(0)
      .optional()
      .describe('most devices that `KERNEL_GPUS` may ask for; absent: as many as its queue may use'),
  }),
  queue: z.string().optional().describe('where its kernels wait; absent: the queue of their project, else the first'),
  flavors: z
    .array(z.string())
    .optional()
    .describe('where they may run, tried in this order; absent: wherever they fit'),
});
export type Profile = z.infer<typeof Profile>;

/** How the process of a kernel is made on the launcher's own machine. */
export const ProcessCommand = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('python'), python: z.string().describe('interpreter with ipykernel in it') }),
  z.object({
    kind: z.literal('generic'),
    argv: z.array(z.string()).min(1),
    interruptMode: z.enum(['signal', 'message']),
    resourceDir: z.string(),
    claimable: z.boolean().optional().describe('it speaks the claim protocol, so it can be started ahead'),
  }),
]);
export type ProcessCommand = z.infer<typeof ProcessCommand>;

/** What a pod's kernel is made from. */
export const ImageCommand = z.object({
  kind: z.literal('image'),
  image: z.string().describe('a container image with a Python and ipykernel in it, and nothing of ours'),
  python: z.string().describe('that Python, by its path in the image or its name'),
});
export type ImageCommand = z.infer<typeof ImageCommand>;

/** How a kernel is made. */
export const KernelCommand = z.discriminatedUnion('kind', [...ProcessCommand.options, ImageCommand]);
export type KernelCommand = z.infer<typeof KernelCommand>;

/** The `spec` part of a kernelspec model, as Jupyter defines kernel.json. */
export const KernelSpecFile = z.looseObject({
  argv: z.array(z.string()),
  display_name: z.string(),
  language: z.string().default(''),
  interrupt_mode: z.enum(['signal', 'message']).default('signal'),
  env: z.record(z.string(), z.string()).default({}),
  metadata: z.record(z.string(), z.unknown()).default({}),
});
export type KernelSpecFile = z.infer<typeof KernelSpecFile>;

/** One entry of `GET /api/kernelspecs`; resource values are URL paths under `/kernelspecs/`. */
export const KernelSpecModel = z.object({
  name: z.string(),
  spec: KernelSpecFile,
  resources: z.record(z.string(), z.string()),
});
export type KernelSpecModel = z.infer<typeof KernelSpecModel>;
