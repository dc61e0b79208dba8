import type { Kernel, SchedulingConfig } from '#libs/contracts';
import { type fullCore, offeredFlavors } from '#libs/scheduling';
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
export function queueOf(
  { scheduling, project }: Pick<Asked, 'scheduling' | 'project'>,
  config: SchedulingConfig | null,
): string {
  if (config === null) return LOCAL.queue;
  const named = config.queues.find(({ name }) => name === project);
  return scheduling.queue ?? named?.name ?? config.queues[0]?.name ?? '';
}

/** Those that it names, else those of its queue that can give what it asks for; without a GPU those of CPUs first. */
export function flavorsOf(
  { scheduling, requests }: Pick<Asked, 'scheduling' | 'requests'>,
  queue: string,
  config: SchedulingConfig | null,
): string[] {
  if (config === null) return [LOCAL.flavor];
  if (scheduling.flavors.length > 0) return scheduling.flavors;
  return offeredFlavors(config, queue, requests.gpu ?? null);
}
