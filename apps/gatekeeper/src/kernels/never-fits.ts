import { NeverFits } from '#libs/contracts';
import { fullCore } from '#libs/scheduling';

const VARIABLES = { gpuMilli: 'KERNEL_GPUS', cpuMilli: 'KERNEL_CPUS', memoryBytes: 'KERNEL_MEMORY' } as const;

/** The refusal of a kernel for which waiting is of no use: what it asks for, what there is, and what would lower it. */
export function neverFits(core: fullCore.State, workload: fullCore.CoreWorkload, never: fullCore.Never): NeverFits {
  const text = fullCore.neverFitsText(core, workload, never);
  const found =
    never.code === 'UserCap' ? { ...never, most: never.limit } : fullCore.ceilingOf(core, workload, never.limit);
  const variable = found && found.axis !== 'workloads' ? VARIABLES[found.axis] : undefined;
  return new NeverFits(
    `The kernel ${text}.${variable === undefined ? '' : ` Lower ${variable}, or take a smaller profile.`}`,
    {
      requested: found ? { [found.axis]: found.asked } : workload.request,
      limit: found ? { [found.axis]: found.most } : {},
    },
  );
}
