import { Command } from 'commander';
import type { KernelView, SchedulingChange, SchedulingState } from '#libs/contracts';
import { type Connection, call } from './client.js';
import { type OutputOptions, show, withOutput } from './output-options.js';
import { ago, type Column, gib, milli, shown } from './table.js';

type Workload = SchedulingState['workloads'][number];
type Queue = SchedulingState['queues'][number];
type Flavor = SchedulingState['flavors'][number];

const WORKLOADS: Column<Workload>[] = [
  { title: 'ID', of: ({ id }) => id },
  { title: 'QUEUE', of: ({ queue }) => queue },
  { title: 'USER', of: ({ owner }) => owner },
  { title: 'CLASS', of: ({ priorityClass }) => priorityClass },
  { title: 'STATE', of: ({ phase }) => phase },
  { title: 'POSITION', of: ({ wait }) => (wait ? `${wait.position}/${wait.of}` : null) },
  { title: 'REASON', of: ({ wait }) => wait?.reason ?? null },
  { title: 'NODE', of: ({ node }) => node },
  { title: 'AGE', of: ({ submittedAt }) => ago(submittedAt) },
  {
    title: 'GPUS',
    of: ({ requests }) => requests.gpu?.migProfile ?? milli((requests.gpu?.count ?? 0) * (requests.gpu?.milli ?? 0)),
    wide: true,
  },
  { title: 'CPUS', of: ({ requests }) => milli(requests.cpuMilli), wide: true },
  { title: 'MEMORY', of: ({ requests }) => gib(requests.memoryBytes), wide: true },
  { title: 'WHY', of: ({ wait }) => wait?.text ?? null, wide: true },
];
const QUEUES: Column<Queue>[] = [
  { title: 'QUEUE', of: ({ name }) => name },
  { title: 'COHORT', of: ({ cohort }) => cohort },
  { title: 'STATE', of: ({ state }) => state },
  { title: 'WEIGHT', of: ({ weight }) => weight },
  { title: 'WAITING', of: ({ waiting }) => waiting },
  { title: 'RUNNING', of: ({ running }) => running },
  { title: 'USED', of: ({ usage }) => usage.map(usageText).join(' ') || null, wide: true },
];
const FLAVORS: Column<Flavor>[] = [
  { title: 'FLAVOR', of: ({ name }) => name },
  { title: 'NODES', of: ({ nodes }) => nodes },
  { title: 'GPUS', of: ({ free, capacity }) => `${milli(free.gpuMilli)}/${milli(capacity.gpuMilli)}` },
  { title: 'CPUS', of: ({ free, capacity }) => `${milli(free.cpuMilli)}/${milli(capacity.cpuMilli)}` },
  { title: 'MEMORY', of: ({ free, capacity }) => `${gib(free.memoryBytes)}/${gib(capacity.memoryBytes)}` },
];
const usageText = ({ flavor, resource, used, nominal }: Queue['usage'][number]): string =>
  `${flavor}.${resource}=${used}/${nominal ?? 'any'}`;

/** `queue`, `info`, `why` and the states of queues, with Slurm's spellings of the first two. */
export function queueCommands(connection: () => Connection): Command[] {
  const state = (): Promise<SchedulingState> => call(connection(), 'GET', 'v1/admin/state');
  const queue = withOutput(new Command('queue').alias('squeue').description('what waits and what runs'))
    .option('-q, --queue <name>', 'of this queue alone')
    .action((options: OutputOptions & { queue?: string }) =>
      show(options, async () => {
        const { workloads } = await state();
        const rows = workloads.filter((one) => options.queue === undefined || one.queue === options.queue);
        return shown(rows, WORKLOADS, options.output);
      }),
    );
  const info = withOutput(
    new Command('info').alias('sinfo').description('queues, and what is free of each flavor'),
  ).action((options: OutputOptions) =>
    show(options, async () => {
      const { queues, flavors } = await state();
      if (options.output !== 'table' && options.output !== 'wide')
        return shown(queues, QUEUES, options.output, { queues, flavors });
      return `${shown(queues, QUEUES, options.output)}\n${shown(flavors, FLAVORS, options.output)}`;
    }),
  );
  const why = withOutput(
    new Command('why').argument('<id>', 'of a kernel').description('why a kernel waits, and what would start it'),
  ).action((id: string, options: OutputOptions) =>
    show(options, async () => {
      const { phase, wait, detail } = await call<KernelView>(
        connection(),
        'GET',
        `v1/kernels/${encodeURIComponent(id)}`,
      );
      if (options.output === 'json' || options.output === 'yaml') return shown([], [], options.output, wait ?? null);
      return `${wait?.text ?? `It does not wait: it is ${phase}. ${detail}`.trim()}\n`;
    }),
  );
  const verbs = (['hold', 'release', 'drain', 'open'] as const).map((verb) =>
    new Command(verb)
      .argument('<queue>')
      .description(
        {
          hold: 'start nothing new of a queue',
          release: 'end a hold',
          drain: 'take nothing new into a queue, either',
          open: 'let a queue take and start again',
        }[verb],
      )
      .action(async (name: string) => {
        const { version } = await call<SchedulingChange>(
          connection(),
          'POST',
          `v1/admin/queues/${encodeURIComponent(name)}/${verb}`,
        );
        process.stdout.write(`queue ${name}: ${verb}, version ${version}\n`);
      }),
  );
  return [queue, info, why, ...verbs];
}
