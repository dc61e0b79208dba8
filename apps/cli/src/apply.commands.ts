import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { parse } from 'yaml';
import type { AuditRow, Reservation, SchedulingChange, SchedulingConfig } from '#libs/contracts';
import { changeText } from './change-text.js';
import { type Connection, call, read } from './client.js';
import { type OutputOptions, show, withOutput } from './output-options.js';
import { poolCommand } from './pool.command.js';
import { type Column, shown } from './table.js';

const RESERVATIONS: Column<Reservation>[] = [
  { title: 'NAME', of: ({ name }) => name },
  { title: 'START', of: ({ start }) => start },
  { title: 'END', of: ({ end }) => end },
  { title: 'QUEUE', of: ({ owner }) => owner.queue },
  { title: 'USER', of: ({ owner }) => owner.user ?? null },
  { title: 'AMOUNTS', of: ({ amounts }) => JSON.stringify(amounts) },
];
const AUDIT: Column<AuditRow>[] = [
  { title: 'VERSION', of: ({ version }) => version },
  { title: 'AT', of: ({ at }) => new Date(at).toISOString() },
  { title: 'WHO', of: ({ actor }) => actor },
  { title: 'WHAT', of: ({ action }) => action },
  { title: 'CHANGES', of: ({ changes }) => changes.map(({ path }) => path).join(' '), wide: true },
];

/** `apply`, `diff`, `reservation`, `pool` and `audit`: what holds for scheduling. */
export function applyCommands(connection: () => Connection): Command[] {
  const put = async (section: string, body: unknown, dryRun: boolean, version?: string): Promise<SchedulingChange> =>
    call(connection(), 'PUT', `v1/admin/${section}${dryRun ? '?dryRun=true' : ''}`, body, {
      'if-match': version ?? '*',
    });
  const file = (command: Command): Command =>
    withOutput(command).requiredOption('-f, --file <path>', 'YAML or JSON; - is the standard input');
  const fromFile = (path: string): unknown => parse(readFileSync(path === '-' ? 0 : path, 'utf8'));
  const told = (change: SchedulingChange, { output }: OutputOptions): string =>
    output === 'json' || output === 'yaml' ? shown([], [], output, change) : changeText(change);

  const apply = file(new Command('apply').description('make a configuration the one that holds'))
    .option('--dry-run', 'say what would become of it, and change nothing', false)
    .action(async (options: OutputOptions & { file: string; dryRun: boolean }) => {
      const current = await read<SchedulingConfig>(connection(), 'v1/admin/scheduling');
      process.stdout.write(
        told(await put('scheduling', fromFile(options.file), options.dryRun, current.etag), options),
      );
    });
  const diff = file(
    new Command('diff').description('what differs between a configuration and the one that holds'),
  ).action(async (options: OutputOptions & { file: string }) => {
    const change = await put('scheduling', fromFile(options.file), true);
    process.stdout.write(told({ ...change, forecast: { starts: [], waits: [], reclaims: [], evicts: [] } }, options));
  });
  const reservation = new Command('reservation').description('capacity that is kept for somebody');
  withOutput(reservation.command('ls').description('all reservations')).action((options: OutputOptions) =>
    show(options, async () =>
      shown(await call<Reservation[]>(connection(), 'GET', 'v1/admin/reservations'), RESERVATIONS, options.output),
    ),
  );
  reservation
    .command('add')
    .argument('<name>')
    .description('keep capacity from one moment to another')
    .requiredOption('--start <time>', 'ISO 8601')
    .requiredOption('--end <time>', 'ISO 8601')
    .requiredOption('--queue <name>', 'whose workloads may use it')
    .requiredOption('--amounts <json>', 'by flavor, e.g. {"a100":{"gpuMilli":4000}}', JSON.parse)
    .option('--user <name>', 'the only user who may')
    .action(async (name: string, { start, end, queue, amounts, user }) => {
      const { body, etag } = await read<Reservation[]>(connection(), 'v1/admin/reservations');
      const own = { name, start, end, amounts, owner: { queue, ...(user === undefined ? {} : { user }) } };
      process.stdout.write(
        changeText(await put('reservations', [...body.filter((one) => one.name !== name), own], false, etag)),
      );
    });
  reservation
    .command('rm')
    .argument('<name>')
    .description('give it up')
    .action(async (name: string) => {
      const { body, etag } = await read<Reservation[]>(connection(), 'v1/admin/reservations');
      if (!body.some((one) => one.name === name)) throw new Error(`There is no reservation ${name}.`);
      process.stdout.write(
        changeText(
          await put(
            'reservations',
            body.filter((one) => one.name !== name),
            false,
            etag,
          ),
        ),
      );
    });
  const audit = withOutput(new Command('audit').description('who changed the configuration, and how')).action(
    (options: OutputOptions) =>
      show(options, async () =>
        shown((await call<{ audit: AuditRow[] }>(connection(), 'GET', 'v1/admin/audit')).audit, AUDIT, options.output),
      ),
  );
  return [apply, diff, reservation, poolCommand(connection, put), audit];
}
