import { Command } from 'commander';
import type { KernelView } from '#libs/contracts';
import { type Connection, call } from './client.js';
import { type OutputOptions, show, withOutput } from './output-options.js';
import { ago, type Column, shown } from './table.js';

const COLUMNS: Column<KernelView>[] = [
  { title: 'ID', of: ({ id }) => id },
  { title: 'KERNELSPEC', of: ({ kernelspec }) => kernelspec },
  { title: 'USER', of: ({ owner }) => owner },
  { title: 'PHASE', of: ({ phase }) => phase },
  { title: 'STATE', of: ({ executionState }) => executionState },
  { title: 'AGE', of: ({ submittedAt }) => ago(submittedAt) },
  { title: 'QUEUE', of: ({ queue }) => queue, wide: true },
  { title: 'NODE', of: ({ place }) => place?.node ?? null, wide: true },
  { title: 'DETAIL', of: ({ detail }) => detail || null, wide: true },
];
const path = (id: string): string => `v1/kernels/${encodeURIComponent(id)}`;

/** `beamgate kernel ls | start | stop | interrupt | extend`, and `scancel` for `kernel stop`. */
export function kernelCommands(connection: () => Connection): Command[] {
  const kernel = new Command('kernel').description('see, start and end kernels');
  withOutput(kernel.command('ls').description('your kernels'))
    .option('-a, --all', "everybody's; for admins", false)
    .action((options: OutputOptions & { all: boolean }) =>
      show(options, async () => {
        const { kernels } = await call<{ kernels: KernelView[] }>(
          connection(),
          'GET',
          `v1/kernels${options.all ? '?all=true' : ''}`,
        );
        return shown(kernels, COLUMNS, options.output);
      }),
    );
  withOutput(kernel.command('start').argument('[kernelspec]').description('start a kernel'))
    .option('--profile <name>', 'size of kernel')
    .option('--queue <name>', 'where it waits')
    .option('--class <name>', 'priority class')
    .option('--project <name>', 'what it is counted to')
    .option('--instrument <name>', 'the beamline that it is counted to')
    .option('--owner <name>', 'whose it is; others than yourself need an act-as grant')
    .option('--wall <seconds>', 'it is ended after so long', Number)
    .action(async (kernelspec: string | undefined, options) => {
      const { profile, queue, class: priorityClass, project, instrument, owner, wall: wallSeconds } = options;
      const body = { kernelspec, profile, queue, priorityClass, project, instrument, owner, wallSeconds };
      const made = await call<KernelView>(connection(), 'POST', 'v1/kernels', body);
      process.stdout.write(options.output === 'table' ? `${made.id}\n` : shown([made], COLUMNS, options.output, made));
      if (made.wait) process.stderr.write(`${made.wait.text}\n`);
    });
  const stop = (command: Command): Command =>
    command
      .argument('<id...>')
      .description('end kernels')
      .action(async (ids: string[]) => {
        for (const id of ids) await call(connection(), 'DELETE', path(id));
      });
  stop(kernel.command('stop'));
  kernel
    .command('interrupt')
    .argument('<id>')
    .description('interrupt what it runs')
    .action((id: string) => call(connection(), 'POST', `${path(id)}/interrupt`));
  kernel
    .command('extend')
    .argument('<id>')
    .description('keep an idle kernel that was told it would end')
    .action((id: string) => call(connection(), 'POST', `${path(id)}/keep`));
  return [kernel, stop(new Command('scancel'))];
}
