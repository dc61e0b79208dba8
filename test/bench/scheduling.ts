import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../support/parts.js';
import { type Figures, measure, type Size, WARM_UP } from './scheduling-measure.js';
import { type Axis, costPlot } from './scheduling-plot.js';

/*
 * `npm run bench:scheduling`: the core alone, on one processor. `-- --only pending=100000,nodes=1213,queues=8,rounds=1000`
 * measures one size.
 */

const { values: options } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    publish: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
const USUAL: Size = { pending: 100_000, nodes: 1_213, queues: 8, rounds: 1_000 };
const SMOKE: Size = { pending: 2_000, nodes: 100, queues: 8, rounds: 50 };
const sweeps: Readonly<Record<Axis, readonly number[]>> = {
  pending: [10_000, 30_000, 100_000],
  nodes: [300, 1_213, 3_000, 10_000],
  queues: [1, 8, 100, 1_000],
};
const AXES = ['pending', 'nodes', 'queues'] as const;

/** Each size once, however many sweeps it is in. */
const known = new Map<string, Figures>();
function figuresOf(size: Size): Figures {
  const key = JSON.stringify(size);
  const found = known.get(key) ?? measure(size);
  if (!known.has(key)) process.stderr.write(`${JSON.stringify(found)}\n`);
  known.set(key, found);
  return found;
}

const sizeOf = (text: string): Size => {
  const size = { ...USUAL };
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.split('=');
    if (!(name in size) || !(Number(value) > 0)) throw new Error(`--only: ${part} is no size`);
    size[name as keyof Size] = Number(value);
  }
  return size;
};

const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2));
const row = ({ pending, nodes, queues, submit, finish, reorder, ...one }: Figures): string =>
  `| ${pending} | ${nodes} | ${queues} | ${one.decisionsPerSecond} | ${number(submit.p50)} / ${number(submit.p99)} | ` +
  `${number(finish.p50)} / ${number(finish.p99)} | ${number(reorder.p50)} / ${number(reorder.p99)} | ${one.bytesPerPending} |`;
const pictureOf = (axis: Axis): string => `scheduling-${axis}.svg`;

if (options.only !== undefined || options.smoke) figuresOf(options.smoke ? SMOKE : sizeOf(options.only ?? ''));
else for (const axis of AXES) for (const size of sweeps[axis]) figuresOf({ ...USUAL, [axis]: size });

const pictures = AXES.map((axis) => `![Milliseconds of one step against ${axis}](../images/${pictureOf(axis)})`);
const page = `# The scheduling core, measured

\`npm run bench:scheduling\` (\`-- --publish\` writes this page and its pictures), the core alone on one processor:
${cpus()[0]?.model.trim()}, load average ${loadavg()[0]?.toFixed(1)} on ${cpus().length} processors at the end. A full cluster (nodes of 1 to 8
devices), ${USUAL.rounds} rounds of one end and one submission each after ${WARM_UP} that do not count; 200 users, 36 shapes, two classes, wall
limits of 1 to 600 minutes, one protected head. Milliseconds of one \`step\`, p50 / p99: a submission, an end with all that starts
after it, and a reorder, at which all shares change. Placed decisions are starts by all the time that the rounds took.
Times are those of the wall clock: where the load average is above the number of processors, the 99th percentiles and the
decisions a second are those of the machine's other work.

| pending | nodes | queues | placed decisions/s | submit | finish | reorder | bytes per pending |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${[...known.values()].map(row).join('\n')}

Against one size each, both axes logarithmic; the dotted lines are n log n through the smallest size of *finish p50* and
*reorder p50*. With more queues more workloads wait in queues, asks and groups of their own, each of which takes memory.

${pictures.join('\n\n')}
`;
if (options.publish) {
  writeFileSync(join(root, 'docs/reference/bench-scheduling.md'), page);
  for (const axis of AXES)
    writeFileSync(
      join(root, 'docs/images', pictureOf(axis)),
      costPlot(
        axis,
        sweeps[axis].map((size) => figuresOf({ ...USUAL, [axis]: size })),
      ),
    );
}
process.stdout.write(page);
