import type { RigidCycle, RigidJob } from './rigid-cycle.js';

/**
 * EASY backfill: the first that does not fit has a reservation at its shadow time, the earliest estimated end at which it
 * fits; others start before it where they end by then, or use only what it leaves free then.
 *
 * @param candidates  those that wait, in the order in which they are tried: that of the queue for EASY, shortest estimate
 *   first for SJBF
 * @see Lifka, "The ANL/IBM SP scheduling system", JSSPP 1995; Tsafrir et al., "Backfilling using system-generated
 *   predictions rather than user runtime estimates", IEEE TPDS 18 (2007), for SJBF
 */
export function easy<J extends RigidJob>(cycle: RigidCycle<J>, candidates: Iterable<J> = cycle.queue): J[] {
  const started: J[] = [];
  let { free } = cycle;
  let head: J | undefined;
  for (const job of cycle.queue) {
    if (job.size > free) {
      head = job;
      break;
    }
    started.push(job);
    free -= job.size;
  }
  if (head === undefined || free === 0) return started;
  const began = new Set(started);
  const { shadow, atShadow } = shadowTime(cycle, started, free, head.size);
  let extra = atShadow - head.size;
  for (const job of candidates) {
    if (job.size > free || job === head || began.has(job)) continue;
    if (cycle.now + job.estimateMs > shadow) {
      if (job.size > extra) continue;
      extra -= job.size;
    }
    started.push(job);
    free -= job.size;
    if (free === 0) break;
  }
  return started;
}

/** When the head fits by the estimates, never before now, and how much is free then with all that end until then. */
function shadowTime(
  { now, running }: RigidCycle,
  started: readonly RigidJob[],
  free: number,
  wanted: number,
): { shadow: number; atShadow: number } {
  const own = started.map((job) => ({ job, estimatedEnd: now + job.estimateMs }));
  own.sort((a, b) => a.estimatedEnd - b.estimatedEnd);
  let atShadow = free;
  let shadow = now;
  for (const { job, estimatedEnd } of inOrder(running, own)) {
    if (atShadow >= wanted && estimatedEnd > shadow) break;
    if (atShadow < wanted) shadow = Math.max(now, estimatedEnd);
    atShadow += job.size;
  }
  return { shadow, atShadow };
}

interface Running {
  readonly job: RigidJob;
  readonly estimatedEnd: number;
}

/** Two lists in order of estimated end, as one. */
function* inOrder(running: Iterable<Running>, own: readonly Running[]): Generator<Running> {
  let next = 0;
  for (const one of running) {
    for (; next < own.length && (own[next] as Running).estimatedEnd < one.estimatedEnd; next += 1) {
      yield own[next] as Running;
    }
    yield one;
  }
  yield* own.slice(next);
}
