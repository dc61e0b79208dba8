import type { ImageCommand, LaunchSpec } from '#libs/contracts';

/** What is launched in a pod, as far as it can't be changed any more once the pod is made. */
export type PodLaunch = Pick<LaunchSpec, 'limits' | 'requests'> & { command: ImageCommand };

/** Pods of one key can stand for each other. */
export const keyOf = ({ command, limits, requests }: PodLaunch): string =>
  JSON.stringify([
    [command.image, command.python],
    [limits.cpuMilli, limits.memoryBytes],
    [requests?.cpuMilli, requests?.memoryBytes],
  ]);
