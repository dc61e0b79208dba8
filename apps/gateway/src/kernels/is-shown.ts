import type { Kernel } from '#libs/contracts';

/**
 * Whether the dialect of notebook servers shows a kernel: one that its owner shut down is gone from the answer to the
 * DELETE on, as clients of the dialect take for granted, though its process takes leave; another end is told for a while.
 *
 * @param endedAfter  ms since the epoch
 */
export const isShown = ({ phase, endReason, endedAt }: Kernel, endedAfter: number): boolean =>
  endReason !== 'shut-down' && (phase !== 'ended' || (endedAt ?? 0) >= endedAfter);
