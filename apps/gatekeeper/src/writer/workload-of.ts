import type { Kernel } from '#libs/contracts';
import type { Workload } from '#libs/scheduling';

/** A kernel as the core sees it. */
export const workloadOf = ({ id, owner, priorityClass, requests, submittedAt }: Kernel): Workload => ({
  id,
  user: owner,
  priorityClass,
  requests,
  submittedAt,
});
