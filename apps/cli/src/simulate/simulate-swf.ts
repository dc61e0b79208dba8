import { createHash } from 'node:crypto';
import type { SchedulingConfig } from '#libs/contracts';
import {
  type Level,
  type ReplayPolicy,
  readSwf,
  replay,
  replayBackfill,
  replayEasy,
  replayFirstComeFirstServed,
  replayShortestFirst,
  type Starts,
  startLines,
  type Trace,
  traceMetrics,
} from '#libs/scheduling';
import { readAs } from './read-text.js';
import type { Simulation } from './simulation.js';

export interface SwfSimulation {
  readonly trace: string;
  readonly policy: string;
  readonly config: SchedulingConfig;
  /** Whose limits hold: a trace has no classes. */
  readonly class: string;
  /** Of the machine; absent: as the trace says. */
  readonly processors?: number;
  /** Submit times are multiplied by it. */
  readonly factor: number;
}

const policies: Record<string, (processors: number, simulation: SwfSimulation) => ReplayPolicy> = {
  fcfs: replayFirstComeFirstServed,
  easy: replayEasy,
  sjbf: replayShortestFirst,
  beamgate: (processors, simulation) =>
    replayBackfill(processors, { maxWaitMs: maxWaitMs(simulation), depth: simulation.config.policies.backfillDepth }),
};
export const SWF_POLICIES = Object.keys(policies);

/** @throws Error that names the file, and the line where one is no job */
export function simulateSwf(simulation: SwfSimulation): Simulation {
  const { trace: file, policy, factor } = simulation;
  const make = policies[policy];
  if (!make) throw new Error(`--policy ${policy}: of traces in SWF one of ${SWF_POLICIES.join(', ')}`);
  const trace = readAs(file, (text) => {
    const processors = simulation.processors ?? Number(/^;\s*MaxProcs:\s*(\d+)/m.exec(text)?.[1] ?? Number.NaN);
    if (!(processors > 0)) throw new Error('does not say MaxProcs; name the size of the machine by --processors');
    return readSwf(text, { processors, arrivalFactor: factor });
  });
  const { processors, jobs, dropped } = trace;
  if (jobs.length === 0) throw new Error(`${file}: holds no job that ran and fits on ${processors} processors`);
  const starts = replay(trace, make(processors, simulation));
  const metrics = { jobs: jobs.length, dropped, ...traceMetrics(trace, starts) };
  const ours = { class: simulation.class, 'max wait, s': maxWaitMs(simulation) / 1_000 };
  const depth = { 'backfill depth': simulation.config.policies.backfillDepth };
  const { allocated, unallocated } = levels(trace, starts);
  return {
    metrics,
    details: { starts, startsSha256: createHash('sha256').update(startLines(starts)).digest('hex') },
    report: {
      title: `${file} under ${policy}`,
      parameters: { trace: file, policy, processors, factor, ...(policy === 'beamgate' ? { ...ours, ...depth } : {}) },
      figures: metrics,
      from: 0,
      to: metrics.makespanMs,
      capacity: processors,
      allocated,
      unallocated,
      waits: { all: jobs.map(({ index, submitMs }) => (starts[index] as number) - submitMs) },
    },
  };
}

function maxWaitMs({ config, class: name }: SwfSimulation): number {
  const found = config.classes.find((one) => one.name === name);
  if (!found) throw new Error(`--class ${name}: of ${config.classes.map((one) => one.name).join(', ')}`);
  return (found.maxWaitSeconds ?? Infinity) * 1_000;
}

/** Processors in use, and idle ones by whether anybody waits then. */
function levels({ processors, jobs }: Trace, starts: Starts): Pick<Simulation['report'], 'allocated' | 'unallocated'> {
  const changes = jobs.flatMap(({ index, submitMs, runMs, size }) => {
    const start = starts[index] as number;
    return [
      { at: submitMs, used: 0, waiting: 1 },
      { at: start, used: size, waiting: -1 },
      { at: start + runMs, used: -size, waiting: 0 },
    ];
  });
  changes.sort((a, b) => a.at - b.at);
  const allocated: Level[] = [];
  const [wanted, unwanted]: [Level[], Level[]] = [[], []];
  let [used, waiting] = [0, 0];
  for (const [index, change] of changes.entries()) {
    const { at } = change;
    used += change.used;
    waiting += change.waiting;
    if (changes[index + 1]?.at === at) continue;
    allocated.push({ at, amount: used });
    wanted.push({ at, amount: waiting > 0 ? processors - used : 0 });
    unwanted.push({ at, amount: waiting > 0 ? 0 : processors - used });
  }
  return { allocated, unallocated: { 'jobs wait': wanted, 'nobody waits': unwanted } };
}
