import type { Starts } from './replay.js';
import type { Trace } from './swf.js';

/** Shorter runs count as so long: a slowdown is about people, and they do not tell 1 s from 10. */
const BOUND_MS = 10_000;

export interface TraceMetrics {
  /** Mean of (wait + run) / run with runs of 10 s at least, never below 1. */
  readonly meanBoundedSlowdown: number;
  readonly meanWaitMs: number;
  /** Percentiles: the smallest wait that so many jobs do not pass. */
  readonly p50WaitMs: number;
  readonly p95WaitMs: number;
  readonly longestWaitMs: number;
  /** From the time origin of the trace to the last end. */
  readonly makespanMs: number;
  /** Work by processors x makespan, 0 to 1. */
  readonly utilisation: number;
  readonly sumOfStartsMs: number;
}

/** @see Feitelson et al., "Theory and practice in parallel job scheduling", JSSPP 1997, for bounded slowdown */
export function traceMetrics({ processors, jobs }: Trace, starts: Starts): TraceMetrics {
  const waits: number[] = [];
  let [slowdown, wait, work, sum, last] = [0, 0, 0, 0, 0];
  for (const { index, submitMs, runMs, size } of jobs) {
    const start = starts[index] as number;
    const waited = start - submitMs;
    waits.push(waited);
    wait += waited;
    slowdown += Math.max(1, (waited + runMs) / Math.max(runMs, BOUND_MS));
    work += size * runMs;
    sum += start;
    last = Math.max(last, start + runMs);
  }
  waits.sort((a, b) => a - b);
  const makespanMs = last;
  return {
    meanBoundedSlowdown: slowdown / jobs.length,
    meanWaitMs: wait / jobs.length,
    p50WaitMs: percentile(waits, 0.5),
    p95WaitMs: percentile(waits, 0.95),
    longestWaitMs: waits.at(-1) ?? 0,
    makespanMs,
    utilisation: work / (processors * makespanMs),
    sumOfStartsMs: sum,
  };
}

/** All start times, one a line: what a digest of a replay is made of. */
export const startLines = (starts: Starts): string => starts.join('\n');

/** Nearest rank. 0 for none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
