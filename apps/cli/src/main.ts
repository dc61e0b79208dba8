#!/usr/bin/env node
import { Command, Option } from 'commander';
import { applyCommands } from './apply.commands.js';
import { type Connection, defaultDataFolder } from './client.js';
import { completionCommand } from './completion.command.js';
import { kernelCommands } from './kernel.command.js';
import { logCommand } from './log.command.js';
import { queueCommands } from './queue.commands.js';
import { simulateCommand } from './simulate.command.js';
import { tokenCommand } from './token.command.js';

const program = new Command('beamgate')
  .description('talk to a running Beamgate, or try out its scheduling')
  .addOption(new Option('--url <url>', 'where it serves').env('BEAMGATE_URL'))
  .addOption(new Option('--token <token>', 'who you are').env('BEAMGATE_TOKEN'))
  .addOption(
    new Option('--data <folder>', 'data folder of a service on this machine, which tells both')
      .env('BEAMGATE_DATA')
      .default(defaultDataFolder(process.env['XDG_DATA_HOME'])),
  );
const connection = (): Connection => program.opts<Connection & { data: string }>();
program.addCommand(tokenCommand(connection));
program.addCommand(logCommand(connection));
program.addCommand(simulateCommand());
for (const command of [...queueCommands(connection), ...kernelCommands(connection), ...applyCommands(connection)])
  program.addCommand(command);
program.addCommand(completionCommand(program));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`beamgate: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
