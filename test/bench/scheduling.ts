import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fullCore, type NodeSpec } from '#libs/scheduling';
import { root } from '../support/parts.js';
import { Seeded } from '../support/seeded.js';
import { quantile } from './statistics.js';

/*
 * `npm run bench:scheduling`: the core alone, on one processor. A cluster that is full, with so many waiting: each round one
 * ends, one is submitted, and the core decides. All times are of `step`, milliseconds.
 */

const { values: options } = parseArgs({
  options: { smoke: { type: 'boolean', default: false }, publish: { type: 'boolean', default: false } },
});
const HOUR = 3_600_000;
const UNBOUNDED = { nominal: 2 ** 50, borrowLimit: 0, lendLimit: 0 };

interface Size {
  pending: number;
  nodes: number;
  queues: number;
  rounds: number;
}
interface Figures extends Size {
  decisionsPerSecond: number;
  submitP50: number;
  submitP99: number;
  finishP50: number;
  finishP99: number;
  reorderMs: number;
  bytesPerPending: number;
}

/** GPU nodes of one, two, four and eight devices, as clusters have them. */
function nodeOf(index: number): NodeSpec {
  const devices = [1, 2, 2, 4, 8, 8][index % 6] as number;
  const gpu = { model: 'A100', devices: Array.from({ length: devices }, () => 'share' as const) };
  return { id: `node-${index}`, cpuMilli: 16_000 * devices, memoryBytes: 2 ** 37, gpu };
}

function configOf(queues: number): fullCore.CoreConfig {
  const quotas = { a100: { gpuMilli: UNBOUNDED, cpuMilli: UNBOUNDED, memoryBytes: UNBOUNDED } };
  const of = { evict: 'never', minRuntimeMs: 0, leaseMs: 8 * HOUR, idleMs: HOUR, halfLifeMs: 24 * HOUR } as const;
  return {
    flavors: ['a100'],
    cohorts: [{ name: 'site', parent: null, weight: 1, quotas: {} }],
    queues: Array.from({ length: queues }, (_, at) => ({
      ...{ name: `queue-${at}`, parent: 'site', weight: 1 + (at % 3), quotas, state: 'open' as const, caps: {} },
    })),
    classes: [
      { name: 'interactive', rank: 700, maxWaitMs: 24 * HOUR, ...of },
      { name: 'batch', rank: 500, maxWaitMs: 24 * HOUR, ...of },
    ],
    ...{ reservations: [], pools: [], protectedHeads: 1, graceMs: 0, evictedPerMinute: {} },
  };
}

/** 200 users, 36 shapes. */
function workloadOf(index: number, queues: number, now: number, random: Seeded): fullCore.CoreWorkload {
  const whole = random.between(0, 3 - 1) === 0;
  const gpuCount = whole ? 1 + random.between(0, 4 - 1) : 1;
  return {
    ...{
      id: `w-${index}`,
      queue: `queue-${index % queues}`,
      user: `user-${random.between(0, 200 - 1)}`,
      project: null,
    },
    ...{
      instrument: null,
      class: random.between(0, 10 - 1) === 0 ? 'interactive' : 'batch',
      offset: 0,
      flavors: ['a100'],
    },
    request: {
      cpuMilli: [1_000, 2_000, 4_000, 8_000][random.between(0, 4 - 1)] as number,
      ...{
        memoryBytes: 2 ** 30,
        gpuCount,
        gpuMilli: whole ? 1_000 : ([200, 250, 500, 700, 1_000][random.between(0, 5 - 1)] as number),
      },
    },
    ...{ environment: null, wallMs: 60_000 * (1 + random.between(0, 600 - 1)), submittedAt: now, evictions: 0 },
  };
}

function measure({ pending, nodes, queues, rounds }: Size): Figures {
  const random = new Seeded(20_261_124);
  const state = new fullCore.State(configOf(queues), 0);
  let now = 0;
  let count = 0;
  const submit = (): fullCore.CoreEvent => ({ kind: 'submitted', workload: workloadOf(count++, queues, now, random) });
  const timed = (events: fullCore.CoreEvent[]): { ms: number; starts: number } => {
    const before = process.hrtime.bigint();
    const { actions } = fullCore.step(state, events, now);
    const ms = Number(process.hrtime.bigint() - before) / 1e6;
    return { ms, starts: actions.filter(({ kind }) => kind === 'start').length };
  };
  timed(Array.from({ length: nodes }, (_, at) => ({ kind: 'node-added' as const, flavor: 'a100', node: nodeOf(at) })));
  // Until the nodes are full, then until so many wait.
  while (state.waiting.size < Math.min(100, pending)) timed(Array.from({ length: 1_000 }, submit));
  const empty = heap();
  while (state.waiting.size < pending)
    timed(Array.from({ length: Math.min(5_000, pending - state.waiting.size) }, submit));
  const bytesPerPending = Math.round((heap() - empty) / pending);
  const submits: number[] = [];
  const finishes: number[] = [];
  let [starts, spent] = [0, 0];
  for (let round = 0; round < rounds; round += 1) {
    now += 50;
    const running = [...state.running.keys()];
    const finish = timed([{ kind: 'released', id: running[random.between(0, running.length - 1)] as string }]);
    const submitted = timed([submit()]);
    finishes.push(finish.ms);
    submits.push(submitted.ms);
    starts += finish.starts + submitted.starts;
    spent += finish.ms;
  }
  const reorders = Array.from({ length: 5 }, () => {
    now = state.shares.nextSampleAt();
    return timed([{ kind: 'tick' }]).ms;
  });
  return {
    ...{ pending, nodes, queues, rounds, decisionsPerSecond: Math.round(starts / (spent / 1_000)), bytesPerPending },
    ...{ submitP50: quantile(submits, 0.5), submitP99: quantile(submits, 0.99) },
    ...{ finishP50: quantile(finishes, 0.5), finishP99: quantile(finishes, 0.99), reorderMs: quantile(reorders, 0.5) },
  };
}

function heap(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const rounds = options.smoke ? 50 : 1_000;
const largest = options.smoke ? 2_000 : 100_000;
const sizes: Size[] = options.smoke
  ? [{ pending: largest, nodes: 100, queues: 8, rounds }]
  : [
      ...[10_000, 30_000, 100_000].map((pending) => ({ pending, nodes: 1_213, queues: 8, rounds })),
      ...[300, 3_000, 10_000].map((nodes) => ({ pending: largest, nodes, queues: 8, rounds })),
      ...[1, 100, 1_000].map((queues) => ({ pending: largest, nodes: 1_213, queues, rounds })),
    ];
const figures = sizes.map((size) => {
  const found = measure(size);
  process.stderr.write(`${JSON.stringify(found)}\n`);
  return found;
});
const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2));
const lines = figures.map(
  (one) =>
    `| ${one.pending} | ${one.nodes} | ${one.queues} | ${one.decisionsPerSecond} | ${number(one.submitP50)} / ${number(one.submitP99)} | ` +
    `${number(one.finishP50)} / ${number(one.finishP99)} | ${number(one.reorderMs)} | ${one.bytesPerPending} |`,
);
const page = `# The scheduling core, measured

\`npm run bench:scheduling\`, the core alone on one processor: ${cpus()[0]?.model.trim()}. A full cluster (nodes of 1 to 8
devices), ${rounds} rounds of one end and one submission each; 200 users, 36 shapes, two classes, wall limits of 1 to 600
minutes, one protected head. Milliseconds of one \`step\`, p50 / p99. A reorder is a step at which all shares change.

| pending | nodes | queues | placed decisions/s | submit | finish | reorder | bytes per pending |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${lines.join('\n')}
`;
if (options.publish) writeFileSync(join(root, 'docs/reference/bench-scheduling.md'), page);
process.stdout.write(page);
