import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { simulationReport } from '#libs/scheduling';
import { readQueues } from './simulate/read-queues.js';
import { simulateDay } from './simulate/simulate-day.js';
import { simulateLog } from './simulate/simulate-log.js';
import { OPENB_POLICIES, simulateOpenb } from './simulate/simulate-openb.js';
import { SWF_POLICIES, simulateSwf } from './simulate/simulate-swf.js';
import type { Simulation } from './simulate/simulation.js';

interface Options {
  trace: string;
  config?: string;
  policy: string;
  class: string;
  processors?: number;
  factor: number;
  nodes?: string;
  seed: number;
  arrivals?: string;
  arrivalsRow: number;
  gpus: number;
  cull: number;
  json?: true;
  html?: string;
}

const above0 = (text: string): number => {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('must be a number above 0');
  return value;
};
const whole = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number, 0 or above');
  return Number(text);
};
const count = (text: string): number => above0(String(whole(text)));

const toStdout = (text: string): unknown => process.stdout.write(text);

/** `beamgate simulate`: what a policy makes of recorded work. Needs no running service. */
export const simulateCommand = (print = toStdout): Command =>
  new Command('simulate')
    .description('replay recorded work under a scheduling policy and print what came of it')
    .requiredOption(
      '--trace <file>',
      'jobs in SWF (.swf), tasks of openb (.csv), a day of a service (.ndjson of `beamgate log`) or a made up one (.jsonl); .gz is unpacked',
    )
    .option('--config <queues.yaml>', 'the configuration to try; of a day of a service without it: as it was')
    .option('--policy <name>', `SWF: ${SWF_POLICIES.join(', ')}; openb: ${OPENB_POLICIES.join(', ')}`, 'beamgate')
    .option('--class <name>', 'SWF: priority class of the jobs, in the configuration', 'batch')
    .option('--processors <n>', 'SWF: size of the machine; without this as the trace says', count)
    .option('--factor <x>', 'SWF: submit times are multiplied by it; below 1 squeezes', above0, 1)
    .option('--nodes <file>', 'openb: list of nodes (.csv); .gz is unpacked')
    .option('--seed <n>', 'openb: of the order of arrival', whole, 42)
    .option('--arrivals <file>', 'openb: order of arrival, a JSON list of row numbers of tasks from 0; .gz is unpacked')
    .option('--arrivals-row <n>', 'openb: which list, from 0, where the file holds several', whole, 0)
    .option('--gpus <n>', 'a day: devices, eight on a node', count, 40)
    .option('--cull <minutes>', 'a day: idle kernels are ended after so long, whoever waits', above0, 60)
    .option('--json', 'print JSON, with the start of every job or the place of every task')
    .option('--html <file>', 'write a page with curves and waits')
    .action((options: Options) => {
      const { metrics, details, report } = simulate(options);
      if (options.html !== undefined) writeFileSync(options.html, simulationReport(report));
      const { parameters } = report;
      print(options.json ? `${JSON.stringify({ parameters, metrics, ...details })}\n` : lines(metrics));
    });

function simulate({ config: file, nodes, processors, arrivals, ...options }: Options): Simulation {
  if (/\.ndjson(\.gz)?$/.test(options.trace)) {
    const tried = file === undefined ? { config: null } : { config: readQueues(file), configFile: file };
    return simulateLog({ trace: options.trace, ...tried });
  }
  const config = readQueues(file);
  if (/\.swf(\.gz)?$/.test(options.trace)) {
    return simulateSwf({ ...options, config, ...(processors === undefined ? {} : { processors }) });
  }
  if (/\.jsonl(\.gz)?$/.test(options.trace)) return simulateDay({ ...options, config });
  if (!/\.csv(\.gz)?$/.test(options.trace))
    throw new Error(`${options.trace}: is neither .swf, .csv, .ndjson nor .jsonl`);
  if (nodes === undefined) throw new Error('Tasks of openb need --nodes');
  return simulateOpenb({ ...options, nodes, ...(arrivals === undefined ? {} : { arrivals }) });
}

function lines(metrics: Simulation['metrics']): string {
  const width = Math.max(...Object.keys(metrics).map((name) => name.length));
  const told = (value: number): string => String(Number.isInteger(value) ? value : Number(value.toFixed(4)));
  return Object.entries(metrics)
    .map(([name, value]) => `${name.padEnd(width)}  ${told(value)}\n`)
    .join('');
}
