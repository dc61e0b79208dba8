import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { LaunchSpec, ProcessCommand } from '#libs/contracts';

/** What is launched as a process of this machine. */
export type ProcessLaunch = Pick<LaunchSpec, 'env'> & { command: ProcessCommand };

/**
 * Every variable of a kernel: inherited ones, then those of kernelspec and client, then who and what it is. A Python of
 * a virtual environment comes first on the PATH, so that `!pip` and `!python` are its own.
 */
export function kernelEnvironment(
  inherited: Readonly<Record<string, string>>,
  launch: ProcessLaunch,
  kernelId: string,
  owner: string,
): Record<string, string> {
  const env = { ...inherited, ...launch.env, KERNEL_ID: kernelId, KERNEL_USERNAME: owner };
  return commandEnvironment(env, launch.command);
}

/** What a kernel's command adds to `env`. */
export function commandEnvironment(
  env: Readonly<Record<string, string>>,
  command: ProcessCommand,
): Record<string, string> {
  return command.kind === 'python' ? pythonEnvironment(env, command.python) : { ...env };
}

/** What a Python of a virtual environment adds to `env`. */
export function pythonEnvironment(env: Readonly<Record<string, string>>, python: string): Record<string, string> {
  const bin = dirname(python);
  const prefix = dirname(bin);
  if (!existsSync(join(prefix, 'pyvenv.cfg'))) return { ...env };
  const path = [bin, env['PATH']].filter(Boolean).join(delimiter);
  return { ...env, VIRTUAL_ENV: prefix, PATH: path };
}

/** Why the command of a kernel can't be run; undefined where nothing speaks against it. */
export function missingCommand(
  { command }: Pick<ProcessLaunch, 'command'>,
  env: Readonly<Record<string, string>>,
): string | undefined {
  if (command.kind === 'python') {
    return existsSync(command.python) ? undefined : `The kernel's Python, ${command.python}, does not exist.`;
  }
  const [program = ''] = command.argv;
  if (program.includes('/'))
    return existsSync(program) ? undefined : `The kernel's command, ${program}, does not exist.`;
  const found = (env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
  return found ? undefined : `The kernel's command, ${program}, is not on the PATH.`;
}
