import { type Command, Option } from 'commander';
import type { Output } from './table.js';

export interface OutputOptions {
  output: Output;
  watch: boolean;
}

const EVERY_MS = 2_000;
const CLEAR = '\u001b[2J\u001b[H';

/** `-o` and `--watch` of a command that shows something. */
export const withOutput = (command: Command): Command =>
  command
    .addOption(
      new Option('-o, --output <form>', 'how it is shown')
        .choices(['table', 'wide', 'json', 'yaml', 'name'])
        .default('table'),
    )
    .option('-w, --watch', 'show it again every two seconds, until Ctrl-C', false);

/** Shows it once, or again and again. */
export async function show({ watch }: OutputOptions, text: () => Promise<string>): Promise<void> {
  for (;;) {
    const now = await text();
    process.stdout.write(watch && process.stdout.isTTY ? `${CLEAR}${now}` : now);
    if (!watch) return;
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}
