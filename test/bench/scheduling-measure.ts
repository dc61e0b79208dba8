import { fullCore } from '#libs/scheduling';
import { Seeded } from '../support/seeded.js';
import { configOf, nodeOf, workloadOf } from './scheduling-load.js';
import { quantile } from './statistics.js';

export interface Size {
  pending: number;
  nodes: number;
  queues: number;
  rounds: number;
}

/** Milliseconds of one `step`. */
export interface Spread {
  p50: number;
  p99: number;
}

export interface Figures extends Size {
  /** Starts by all the time that the rounds took, submissions and ends. */
  decisionsPerSecond: number;
  submit: Spread;
  finish: Spread;
  /** A step at which all shares change. */
  reorder: Spread;
  bytesPerPending: number;
}

/** Rounds before those that are measured: a service has long been running when it is asked for the 99th percentile. */
export const WARM_UP = 200;
const REORDERS = 10;

/** A full cluster with so many waiting: each round one ends, one is submitted, and the core decides after each. */
export function measure({ pending, nodes, queues, rounds }: Size): Figures {
  const random = new Seeded(20_261_124);
  const state = new fullCore.State(configOf(queues), 0);
  // By hand: a list of all keys in each round would be collected within the steps that are measured.
  const running: string[] = [];
  let now = 0;
  let count = 0;
  let starts = 0;
  const submit = (): fullCore.CoreEvent => ({ kind: 'submitted', workload: workloadOf(count++, queues, now, random) });
  const finish = (): fullCore.CoreEvent => {
    const at = random.between(0, running.length - 1);
    const id = running[at] as string;
    running[at] = running.at(-1) as string;
    running.pop();
    return { kind: 'released', id };
  };
  const timed = (events: fullCore.CoreEvent[]): number => {
    const before = process.hrtime.bigint();
    const { actions } = fullCore.step(state, events, now);
    const ms = Number(process.hrtime.bigint() - before) / 1e6;
    for (const action of actions) {
      if (action.kind !== 'start') continue;
      running.push(action.id);
      starts += 1;
    }
    return ms;
  };
  timed(Array.from({ length: nodes }, (_, at) => ({ kind: 'node-added' as const, flavor: 'a100', node: nodeOf(at) })));
  // Until the nodes are full, then until so many wait.
  while (state.waiting.size < Math.min(100, pending)) timed(Array.from({ length: 1_000 }, submit));
  const empty = heap();
  while (state.waiting.size < pending)
    timed(Array.from({ length: Math.min(5_000, pending - state.waiting.size) }, submit));
  const bytesPerPending = Math.round((heap() - empty) / pending);
  const [submits, finishes]: [number[], number[]] = [[], []];
  for (let round = -WARM_UP; round < rounds; round += 1) {
    if (round === 0) starts = 0;
    now += 50;
    const [finished, submitted] = [timed([finish()]), timed([submit()])];
    if (round < 0) continue;
    finishes.push(finished);
    submits.push(submitted);
  }
  const spent = [...submits, ...finishes].reduce((sum, ms) => sum + ms, 0);
  const decisionsPerSecond = Math.round(starts / (spent / 1_000));
  const reorders = Array.from({ length: REORDERS }, () => {
    now = state.shares.nextSampleAt();
    return timed([{ kind: 'tick' }]);
  });
  return {
    ...{ pending, nodes, queues, rounds, decisionsPerSecond, bytesPerPending },
    ...{ submit: spreadOf(submits), finish: spreadOf(finishes), reorder: spreadOf(reorders) },
  };
}

const spreadOf = (samples: readonly number[]): Spread => ({
  p50: quantile(samples, 0.5),
  p99: quantile(samples, 0.99),
});

function heap(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
