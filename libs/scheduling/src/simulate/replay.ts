import { SortedList } from '../backfill/sorted-list.js';
import type { Trace, TraceJob } from './swf.js';

/** Decides a replay. Keeps what it needs to know of those that wait and run by itself. */
export interface ReplayPolicy {
  arrived(job: TraceJob): void;
  /** It has ended, which may be before its estimate. */
  ended(job: TraceJob): void;
  /** @returns those that start now */
  cycle(now: number): Iterable<TraceJob>;
}

/** When each job started, ms, by the index of the job. */
export type Starts = readonly number[];

/**
 * Replays a trace: at an instant first all ends, then all arrivals, then one cycle.
 *
 * @throws Error when the policy starts more than there is, or leaves jobs waiting for ever
 */
export function replay({ processors, jobs }: Trace, policy: ReplayPolicy): Starts {
  const starts = jobs.map(() => -1);
  const ends = new SortedList<{ at: number; job: TraceJob }>((a, b) => a.at - b.at || a.job.index - b.job.index);
  let free = processors;
  let arriving = 0;
  for (;;) {
    const now = Math.min(jobs[arriving]?.submitMs ?? Infinity, ends.first()?.at ?? Infinity);
    if (now === Infinity) break;
    for (let end = ends.first(); end !== undefined && end.at <= now; end = ends.first()) {
      ends.delete(end);
      free += end.job.size;
      policy.ended(end.job);
    }
    for (let job = jobs[arriving]; job !== undefined && job.submitMs <= now; job = jobs[arriving]) {
      arriving += 1;
      policy.arrived(job);
    }
    for (const job of policy.cycle(now)) {
      free -= job.size;
      if (free < 0 || starts[job.index] !== -1) throw new Error(`job ${job.index} can't start at ${now}`);
      starts[job.index] = now;
      ends.add({ at: now + job.runMs, job });
    }
  }
  const waiting = starts.indexOf(-1);
  if (waiting >= 0) throw new Error(`job ${waiting} never started`);
  return starts;
}
