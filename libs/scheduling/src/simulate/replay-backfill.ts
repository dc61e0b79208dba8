import { BACKFILL_DEFAULTS, type BackfillOptions, type Promised } from '../backfill/backfill-cycle.js';
import type { Candidate } from '../backfill/candidate.js';
import { CandidateIndex } from '../backfill/candidate-index.js';
import { CapacityProfile } from '../backfill/capacity-profile.js';
import { planBackfill } from '../backfill/plan-backfill.js';
import { SortedList } from '../backfill/sorted-list.js';
import type { ReplayPolicy } from './replay.js';
import type { TraceJob } from './swf.js';

interface ReplayBackfillOptions extends Partial<BackfillOptions> {
  readonly maxWaitMs: number;
  /** Is told of each cycle's heads. */
  readonly onPromised?: (promised: readonly Promised[], now: number) => void;
}

/** Our backfill as the core runs it, over a trace: one flavor, one queue in submit order, one rank. */
export function replayBackfill(
  processors: number,
  { maxWaitMs, onPromised, ...options }: ReplayBackfillOptions,
): ReplayPolicy {
  const profile = new CapacityProfile([processors], 0);
  const index = new CandidateIndex();
  const queue = new SortedList<TraceJob>((a, b) => a.index - b.index);
  const jobs = new Map<string, TraceJob>();
  const arrived = new Set<string>();
  let freed = false;
  let promised: readonly Promised[] = [];

  return {
    arrived(job) {
      const candidate = candidateOf(job, maxWaitMs);
      jobs.set(candidate.id, job);
      index.add(candidate);
      queue.add(job);
      arrived.add(candidate.shape);
    },
    ended(job) {
      profile.release(idOf(job));
      freed = true;
    },
    cycle(now) {
      profile.advance(now);
      const plan = planBackfill(
        {
          now,
          profile,
          index,
          order: inOrder(queue, maxWaitMs),
          promised,
          ...(freed ? {} : { shapes: arrived }),
          start: ({ id }) => {
            queue.delete(jobs.get(id) as TraceJob);
            return 'started';
          },
        },
        { ...BACKFILL_DEFAULTS, ...options },
      );
      promised = plan.promised;
      arrived.clear();
      freed = false;
      onPromised?.(promised, now);
      return plan.started.map(({ id }) => jobs.get(id) as TraceJob);
    },
  };
}

/** The first of those that still wait, again and again past it. */
function* inOrder(queue: SortedList<TraceJob>, maxWaitMs: number): Generator<Candidate> {
  for (let job = queue.first(); job !== undefined; job = queue.after(job)) yield candidateOf(job, maxWaitMs);
}

/** Names sort as the jobs do, so that ties go to the first come. */
const idOf = ({ index }: TraceJob): string => String(index).padStart(8, '0');

const candidateOf = (job: TraceJob, maxWaitMs: number): Candidate => ({
  id: idOf(job),
  shape: String(job.size),
  amounts: [job.size],
  durationMs: job.estimateMs,
  rank: 0,
  submittedAt: job.submitMs,
  maxWaitMs,
});
