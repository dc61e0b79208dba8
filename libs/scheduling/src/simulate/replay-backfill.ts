import * as fullCore from '../core/index.js';
import type { ReplayPolicy } from './replay.js';
import type { TraceJob } from './swf.js';

interface ReplayBackfillOptions {
  readonly maxWaitMs: number;
  /** Heads that are protected. */
  readonly depth?: number;
  /** Is told of each cycle's heads. */
  readonly onPromised?: (promised: readonly fullCore.Promised[], now: number) => void;
}

const UNBOUNDED = { nominal: 2 ** 50, borrowLimit: 0, lendLimit: 0 };
/** Longer than any trace: nobody's past counts. */
const FOREVER_MS = 64e12;

/** The core over a trace: one flavor of one node, one queue, one class; processors are its CPU. */
export function replayBackfill(
  processors: number,
  { maxWaitMs, depth = 1, onPromised }: ReplayBackfillOptions,
): ReplayPolicy {
  const quotas = { all: { gpuMilli: UNBOUNDED, cpuMilli: UNBOUNDED, memoryBytes: UNBOUNDED } };
  const once = { evict: 'never', minRuntimeMs: 0, leaseMs: 1, idleMs: 0, halfLifeMs: FOREVER_MS } as const;
  const config: fullCore.CoreConfig = {
    ...{ flavors: ['all'], cohorts: [], reservations: [], pools: [], graceMs: 0, evictedPerMinute: {} },
    queues: [{ name: 'all', parent: null, weight: 1, state: 'open', caps: {}, quotas }],
    classes: [{ name: 'all', rank: 0, maxWaitMs, ...once }],
    protectedHeads: depth,
  };
  const state = new fullCore.State(config, 0);
  const jobs = new Map<string, TraceJob>();
  const node = { id: 'all', cpuMilli: processors, memoryBytes: 0 };
  let events: fullCore.CoreEvent[] = [{ kind: 'node-added', flavor: 'all', node }];

  return {
    arrived(job) {
      const workload = workloadOf(job);
      jobs.set(workload.id, job);
      events.push({ kind: 'submitted', workload });
    },
    ended(job) {
      events.push({ kind: 'released', id: idOf(job) });
    },
    cycle(now) {
      const { actions } = fullCore.step(state, events, now);
      events = [];
      onPromised?.(state.pool('all').promised, now);
      return actions.flatMap((one) => (one.kind === 'start' ? [jobs.get(one.id) as TraceJob] : []));
    },
  };
}

/** Names sort as the jobs do, so that ties go to the first come. */
const idOf = ({ index }: TraceJob): string => String(index).padStart(8, '0');

const workloadOf = (job: TraceJob): fullCore.CoreWorkload => ({
  ...{ id: idOf(job), queue: 'all', user: 'all', project: null, instrument: null, class: 'all', offset: 0 },
  ...{ flavors: ['all'], request: { cpuMilli: job.size, memoryBytes: 0, gpuCount: 0, gpuMilli: 0 } },
  ...{ environment: null, wallMs: job.estimateMs, submittedAt: job.submitMs, evictions: 0 },
});
