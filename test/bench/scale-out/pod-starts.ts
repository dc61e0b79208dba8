import { readFileSync } from 'node:fs';
import { setTimeout as elapse } from 'node:timers/promises';
import { Cluster } from '../../cluster/cluster.js';
import { eventually } from '../../support/processes.js';
import { ScaleOut } from '../../support/scale-out.js';
import { type Starts, startsAtOnce, startsInTurn } from '../start.js';
import { quantile } from '../statistics.js';
import type { Note, Part } from './part.js';

const NAMESPACE = 'kernels';
const MEBI = 1024 * 1024;
const FULL_SECONDS = 300;
const SETTLE_MS = 5000;
/** A kubelet looks so often at what its runtime runs; what it tells the API server, a pod's address too, it knows from there. */
const KUBELET_LOOKS_MS = 1000;

interface Sizes {
  pool: number;
  cold: number;
  /** Starts before those that count: a service that has just come up has compiled little of its code. */
  before: number;
  rounds: number;
}

/** From the POST to the kernel_info_reply of a kernel in a pod: without a pool, from a pool in turn, and all of it at once. */
export const podStarts =
  ({ pool, cold, before, rounds }: Sizes): Part =>
  async (note, say) => {
    const cluster = await Cluster.start();
    try {
      await cluster.makeNamespace(NAMESPACE);
      await cluster.allowBroker(NAMESPACE);
      await withPool(cluster, 0, async (all) => {
        await startsInTurn(all.gateways[0], 'python3', 2);
        const { times, lost } = await startsInTurn(all.gateways[0], 'python3', cold, atAnyMoment);
        if (lost > 0) throw new Error(`${lost} cold starts were lost`);
        note(`cold, image present, p50 of ${cold}`, 'ms', quantile(times, 0.5), { most: 1000 });
        note(`cold, image present, longest of ${cold}`, 'ms', Math.max(...times));
      });
      await withPool(cluster, pool, (all) => fromPool(all, { pool, before, rounds }, note, say));
    } finally {
      await cluster.end();
    }
  };

/** In turn without a pause, each would begin just after the look that let the one before it end: all would take a second. */
const atAnyMoment = (): Promise<void> => elapse(Math.random() * KUBELET_LOOKS_MS);

async function fromPool(all: ScaleOut, sizes: Omit<Sizes, 'cold'>, note: Note, say: (line: string) => void) {
  const { pool, before, rounds } = sizes;
  const [gateway] = all.gateways;
  const first: number[] = [];
  const inTurn: number[] = [];
  const atOnce: number[] = [];
  const add = (to: number[], { times, lost }: Starts): void => {
    if (lost > 0) throw new Error(`${lost} starts were lost`);
    to.push(...times);
  };
  for (let started = 0; started < before; started += pool) {
    await full(all, pool);
    add(first, await startsInTurn(gateway, 'python3', pool));
    say(`before: p50 ${quantile(first.slice(-pool), 0.5).toFixed(1)} ms in turn`);
  }
  for (let round = 0; round < rounds; round += 1) {
    await full(all, pool);
    add(inTurn, await startsInTurn(gateway, 'python3', pool));
    await full(all, pool);
    add(atOnce, await startsAtOnce(gateway, 'python3', pool));
    say(
      `round ${round + 1}: p50 ${quantile(inTurn, 0.5).toFixed(1)} ms in turn, ${quantile(atOnce, 0.5).toFixed(0)} ms at once`,
    );
  }
  note(`warm, in turn, p50 of the first ${pool} of new services`, 'ms', quantile(first.slice(0, pool), 0.5));
  const of = `of ${inTurn.length}`;
  note(`warm, in turn, p50 ${of}`, 'ms', quantile(inTurn, 0.5), { most: 30 });
  note(`warm, in turn, p99 ${of}`, 'ms', quantile(inTurn, 0.99), { most: 120 });
  note(`warm, ${pool} at once from a pool of ${pool}, p95 ${of}`, 'ms', quantile(atOnce, 0.95), { most: 500 });
}

/** Nothing says so but the log, which tells after each pod how many are ready; then what a start leaves to do is done, too. */
async function full(all: ScaleOut, size: number): Promise<void> {
  await eventually(
    `a pool of ${size} is full`,
    () => {
      const lines = readFileSync(all.launcher.logFile, 'utf8').trimEnd().split('\n');
      const last = lines.findLast((line) => /"(warm kernel ready|claiming a warm kernel)"/.test(line)) ?? '';
      return last.includes(`"ready":${size},`) || undefined;
    },
    FULL_SECONDS,
  );
  await elapse(SETTLE_MS);
}

/** The services on pods, with `size` warm ones. */
async function withPool(cluster: Cluster, size: number, work: (all: ScaleOut) => Promise<void>): Promise<void> {
  const requests = { cpuMilli: 10, memoryBytes: 32 * MEBI };
  const all = await ScaleOut.start({
    durable: true,
    config: {
      compute: cluster.compute(NAMESPACE),
      profiles: { small: { requests, limits: { cpuMilli: null, memoryBytes: 400 * MEBI } } },
      pools:
        size === 0 ? { kernelspecs: {} } : { kernelspecs: { python3: { floor: size, ceiling: size } }, budget: size },
      scheduling: { cpuMilli: 100_000, maxKernels: 200, maxKernelsPerUser: 200 },
    },
  });
  try {
    await work(all);
  } finally {
    await all.stop();
  }
}
