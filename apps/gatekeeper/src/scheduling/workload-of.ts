import type { Flavor, Kernel, SchedulingConfig } from '#libs/contracts';
import type { fullCore } from '#libs/scheduling';
import { LOCAL } from './local-config.js';

type Asked = Pick<Kernel, 'id' | 'owner' | 'project' | 'instrument' | 'priorityClass' | 'requests' | 'kernelspec'> & {
  scheduling: Pick<Kernel['scheduling'], 'queue' | 'flavors' | 'wallSeconds'> & { evictions?: number };
};

/**
 * A kernel as the core sees it.
 *
 * @param config  what an admin has configured; null: the settings alone
 */
export function workloadOf(kernel: Asked, submittedAt: number, config: SchedulingConfig | null): fullCore.CoreWorkload {
  const { id, owner, project, instrument, priorityClass, requests, scheduling, kernelspec } = kernel;
  const { gpu } = requests;
  const queue = queueOf(kernel, config);
  return {
    ...{ id, user: owner, project, instrument, class: priorityClass, offset: 0, queue, submittedAt },
    flavors: flavorsOf(kernel, queue, config),
    request: {
      ...{ cpuMilli: requests.cpuMilli, memoryBytes: requests.memoryBytes },
      ...{ gpuCount: gpu?.count ?? 0, gpuMilli: gpu ? gpu.milli : 0 },
      ...(gpu?.migProfile ? { migProfile: gpu.migProfile } : {}),
    },
    environment: kernelspec,
    wallMs: scheduling.wallSeconds === null ? null : scheduling.wallSeconds * 1_000,
    evictions: scheduling.evictions ?? 0,
  };
}

/** The one that it names, that of its project, or the first. */
function queueOf({ scheduling, project }: Asked, config: SchedulingConfig | null): string {
  if (config === null) return LOCAL.queue;
  const named = config.queues.find(({ name }) => name === project);
  return scheduling.queue ?? named?.name ?? config.queues[0]?.name ?? '';
}

/** Those that it names, else those of its queue that can give what it asks for; without a GPU those of CPUs first. */
function flavorsOf({ scheduling, requests }: Asked, queue: string, config: SchedulingConfig | null): string[] {
  if (config === null) return [LOCAL.flavor];
  if (scheduling.flavors.length > 0) return scheduling.flavors;
  const quota = config.queues.find(({ name }) => name === queue)?.quota ?? {};
  const offered = config.flavors.filter(({ name }) => Object.hasOwn(quota, name));
  const fitting = offered.filter((flavor) => gives(flavor, requests.gpu));
  return fitting.sort((a, b) => Number(a.kind === 'gpu') - Number(b.kind === 'gpu')).map(({ name }) => name);
}

function gives(flavor: Flavor, gpu: Kernel['requests']['gpu']): boolean {
  if (!gpu) return true;
  if (flavor.kind === 'cpu') return false;
  if (gpu.migProfile) return flavor.sharing === `mig:${gpu.migProfile}`;
  const shared = flavor.sharing === 'mps' || flavor.sharing === 'slice';
  return gpu.milli < 1000 ? shared : flavor.sharing === 'whole' || shared;
}
