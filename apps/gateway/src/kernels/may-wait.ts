import type { Kernel } from '#libs/contracts';

/** Whether there can be an explanation of why it is not there yet. */
export const mayWait = ({ phase }: Kernel): boolean => ['queued', 'admitted', 'launching', 'starting'].includes(phase);
