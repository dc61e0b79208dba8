import type { Flavor, SchedulingConfig } from '#libs/contracts';

/** What is asked of a GPU. */
export interface OfferedGpu {
  /** Of each device; 1000 is a whole one. */
  readonly milli: number;
  readonly migProfile?: string | null | undefined;
}

/** The flavors of a queue that can give what is asked for; without a GPU those of CPUs first. */
export function offeredFlavors(config: SchedulingConfig, queue: string, gpu: OfferedGpu | null): string[] {
  const quota = config.queues.find(({ name }) => name === queue)?.quota ?? {};
  const offered = config.flavors.filter((flavor) => Object.hasOwn(quota, flavor.name) && gives(flavor, gpu));
  return offered.sort((a, b) => Number(a.kind === 'gpu') - Number(b.kind === 'gpu')).map(({ name }) => name);
}

function gives(flavor: Flavor, gpu: OfferedGpu | null): boolean {
  if (!gpu) return true;
  if (flavor.kind === 'cpu') return false;
  if (gpu.migProfile) return flavor.sharing === `mig:${gpu.migProfile}`;
  const shared = flavor.sharing === 'mps' || flavor.sharing === 'slice';
  return gpu.milli < 1000 ? shared : flavor.sharing === 'whole' || shared;
}
