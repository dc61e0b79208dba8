import { percentile } from '../simulate/trace-metrics.js';
import type { Ask } from './history.js';

/**
 * How long each would run, whenever it starts, ms; Infinity: to the end of the log. One that ended by itself as long as it
 * did; one that the scheduler ended, or that ran on, for good: nobody knows its end. One that never started as long as half
 * of its class. Nobody runs beyond its wall limit.
 */
export function runLengths(asks: readonly Ask[]): (ask: Ask) => number {
  const byClass = new Map<string, number[]>();
  for (const { workload, run } of asks) {
    if (run?.endedBy !== 'itself' || run.endedAt === null) continue;
    const known = byClass.get(workload.class);
    if (known) known.push(run.endedAt - run.startedAt);
    else byClass.set(workload.class, [run.endedAt - run.startedAt]);
  }
  for (const lengths of byClass.values()) lengths.sort((a, b) => a - b);
  const usual = (name: string): number => {
    const lengths = byClass.get(name);
    return lengths ? percentile(lengths, 0.5) : Infinity;
  };
  return ({ workload, run }) => {
    const natural = run === null ? usual(workload.class) : run.endedBy === 'itself' ? endOf(run) : Infinity;
    return Math.min(natural, workload.wallMs ?? Infinity);
  };
}

const endOf = ({ startedAt, endedAt }: NonNullable<Ask['run']>): number => (endedAt ?? Infinity) - startedAt;
