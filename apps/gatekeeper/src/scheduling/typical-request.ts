import type { SchedulingConfig } from '#libs/contracts';
import type { TypicalSet } from '#libs/scheduling';
import type { Admission } from '#libs/store';
import { flavorsOf, queueOf } from './workload-of.js';

/** What was asked for, as placement weighs it: of the GPU models that its flavors are of. */
export function typicalRequest(
  { requests, project, scheduling }: Admission,
  config: SchedulingConfig,
): Omit<TypicalSet[number], 'count'> {
  const { cpuMilli, gpu } = requests;
  if (!gpu) return { cpuMilli, gpuCount: 0, gpuMilli: 0, gpuModels: [] };
  const asked = { requests, project, scheduling };
  const flavors = flavorsOf(asked, queueOf(asked, config), config);
  const gpuModels = config.flavors.flatMap((one) =>
    one.kind === 'gpu' && flavors.includes(one.name) ? [one.model] : [],
  );
  const mig = gpu.migProfile ? { migProfile: gpu.migProfile } : {};
  return { cpuMilli, gpuCount: gpu.count, gpuMilli: gpu.milli, gpuModels, ...mig };
}
