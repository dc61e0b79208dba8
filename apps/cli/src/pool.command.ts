import { Command } from 'commander';
import type { SchedulingChange, WarmPool } from '#libs/contracts';
import { changeText } from './change-text.js';
import { type Connection, call, read } from './client.js';
import { type OutputOptions, show, withOutput } from './output-options.js';
import { type Column, shown } from './table.js';

const POOLS: Column<WarmPool>[] = [
  { title: 'ENVIRONMENT', of: ({ environment }) => environment },
  { title: 'FLAVOR', of: ({ flavor }) => flavor },
  { title: 'PROFILE', of: ({ profile }) => profile ?? null },
  { title: 'MIN', of: ({ min }) => min },
  { title: 'MAX', of: ({ max }) => max },
  { title: 'TARGET', of: ({ target }) => target, wide: true },
  { title: 'BUDGET', of: ({ budget }) => JSON.stringify(budget), wide: true },
];
type Put = (section: string, body: unknown, dryRun: boolean, version?: string) => Promise<SchedulingChange>;
type Named = Pick<WarmPool, 'environment' | 'flavor'>;

const PATH = 'v1/admin/pools';

/** `pool`: kernels that are started ahead. */
export function poolCommand(connection: () => Connection, put: Put): Command {
  const pool = new Command('pool').description('kernels that are started ahead');
  withOutput(pool.command('ls').description('all pools')).action((options: OutputOptions) =>
    show(options, async () => shown(await call<WarmPool[]>(connection(), 'GET', PATH), POOLS, options.output)),
  );
  /** Of what there is besides the one that is named. */
  const change = async (named: Named, changed: (before: Partial<WarmPool> | undefined) => object[]): Promise<void> => {
    const { body, etag } = await read<WarmPool[]>(connection(), PATH);
    const isIt = ({ environment, flavor }: Named) => environment === named.environment && flavor === named.flavor;
    const others = body.filter((one) => !isIt(one));
    process.stdout.write(changeText(await put('pools', [...others, ...changed(body.find(isIt))], false, etag)));
  };
  pool
    .command('set')
    .argument('<environment>')
    .argument('<flavor>')
    .description('how many spares of an environment are kept; what is not given stays')
    .option('--min <count>', 'always kept, as the budget allows', Number)
    .option('--max <count>', 'never passed', Number)
    .option('--target <chance>', 'that there is a spare for whoever comes, below 1', Number)
    .option('--profile <name>', 'of the spares, and of the kernels that can take them')
    .option('--cold-start-seconds <seconds>', 'that a start without a spare takes', Number)
    .option('--budget <json>', 'what all may hold together, e.g. {"cpuMilli":8000}', JSON.parse)
    .action((environment: string, flavor: string, options: Partial<WarmPool>) =>
      change({ environment, flavor }, (before) => [{ ...before, environment, flavor, ...options }]),
    );
  pool
    .command('rm')
    .argument('<environment>')
    .argument('<flavor>')
    .description('keep none by the configuration; the settings of the service hold again')
    .action((environment: string, flavor: string) =>
      change({ environment, flavor }, (before) => {
        if (!before) throw new Error(`There is no pool of ${environment} on ${flavor}.`);
        return [];
      }),
    );
  return pool;
}
