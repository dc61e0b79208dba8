import type { RigidCycle, RigidJob } from './rigid-cycle.js';

/** The first of the queue starts while it fits; nobody passes it. */
export function firstComeFirstServed<J extends RigidJob>({ queue, free }: RigidCycle<J>): J[] {
  const started: J[] = [];
  let left = free;
  for (const job of queue) {
    if (job.size > left) break;
    started.push(job);
    left -= job.size;
  }
  return started;
}
