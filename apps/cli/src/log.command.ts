import { Command } from 'commander';
import { type Connection, download } from './client.js';

/** `log`: what the scheduler was given, for `simulate`. */
export function logCommand(connection: () => Connection): Command {
  return new Command('log')
    .description('print what the scheduler was given, one JSON object a line, for `simulate --trace`')
    .option('--from <time>', 'ISO 8601; without it all that there is')
    .option('--to <time>', 'ISO 8601; until then')
    .action(async (options: { from?: string; to?: string }) => {
      const query = new URLSearchParams({ ...options }).toString();
      await download(connection(), `v1/admin/log${query === '' ? '' : `?${query}`}`, process.stdout);
    });
}
