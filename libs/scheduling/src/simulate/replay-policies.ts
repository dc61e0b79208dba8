import { easy } from '../backfill/easy.js';
import { firstComeFirstServed } from '../backfill/first-come-first-served.js';
import type { RigidCycle } from '../backfill/rigid-cycle.js';
import { SortedList } from '../backfill/sorted-list.js';
import type { ReplayPolicy } from './replay.js';
import type { TraceJob } from './swf.js';

type Cycle = RigidCycle<TraceJob>;
type Running = { readonly job: TraceJob; readonly estimatedEnd: number };
const byEstimatedEnd = (a: Running, b: Running): number =>
  a.estimatedEnd - b.estimatedEnd || a.job.size - b.job.size || a.job.index - b.job.index;
const byEstimate = (a: TraceJob, b: TraceJob): number => a.estimateMs - b.estimateMs || a.index - b.index;

/** Keeps, over a replay, what a textbook policy looks at. */
class RigidReplay implements ReplayPolicy {
  readonly #queue = new SortedList<TraceJob>((a, b) => a.index - b.index);
  readonly #shortest = new SortedList<TraceJob>(byEstimate);
  readonly #running = new SortedList<Running>(byEstimatedEnd);
  readonly #runningOf = new Map<TraceJob, Running>();
  readonly #decide: (cycle: Cycle, shortest: Iterable<TraceJob>) => TraceJob[];
  #free: number;

  constructor(processors: number, decide: (cycle: Cycle, shortest: Iterable<TraceJob>) => TraceJob[]) {
    this.#free = processors;
    this.#decide = decide;
  }

  arrived(job: TraceJob): void {
    this.#queue.add(job);
    this.#shortest.add(job);
  }

  ended(job: TraceJob): void {
    this.#running.delete(this.#runningOf.get(job) as Running);
    this.#runningOf.delete(job);
    this.#free += job.size;
  }

  cycle(now: number): TraceJob[] {
    const cycle = { now, free: this.#free, queue: this.#queue, running: this.#running };
    const started = this.#decide(cycle, this.#shortest);
    for (const job of started) {
      this.#queue.delete(job);
      this.#shortest.delete(job);
      const running = { job, estimatedEnd: now + job.estimateMs };
      this.#running.add(running);
      this.#runningOf.set(job, running);
      this.#free -= job.size;
    }
    return started;
  }
}

export const replayFirstComeFirstServed = (processors: number): ReplayPolicy =>
  new RigidReplay(processors, firstComeFirstServed);

export const replayEasy = (processors: number): ReplayPolicy => new RigidReplay(processors, (cycle) => easy(cycle));

/** EASY with those tried first whose estimates are shortest. */
export const replayShortestFirst = (processors: number): ReplayPolicy => new RigidReplay(processors, easy);
