import type { CommandClient } from '#libs/bus';
import { type KernelId, LauncherCommands } from '#libs/contracts';
import { Heard } from './heard.js';

export interface LauncherCommand {
  /** `launch`, `stop`, `restart` or `reconcile`. */
  name: string;
  kernelId?: KernelId;
  kernelIds?: KernelId[];
}

/** Takes every command, and does nothing about it. */
export class FakeLauncher {
  readonly commands = new Heard<LauncherCommand>();
  /** Answers the next commands with these failures, one each. */
  readonly failures: Error[] = [];
  /** CPU time of every kernel so far. */
  cpuSeconds = 0;
  /** Holds back answers to `reconcile` while it is set. */
  reconciling: Promise<void> | undefined;

  readonly send = (async ({ pattern }: { pattern: string }, input: object) => {
    this.commands.add({ name: pattern.replace('launcher.', ''), ...input });
    if (pattern === LauncherCommands.reconcile.pattern) await this.reconciling;
    if (pattern === LauncherCommands.usage.pattern) return { cpuSeconds: this.cpuSeconds };
    const failure = this.failures.shift();
    if (failure) throw failure;
    return {};
  }) as CommandClient['send'];

  /** `launch`, `stop` … that this kernel's commands were, in order. */
  told = (kernelId: KernelId): string[] =>
    this.commands.all.filter((command) => command.kernelId === kernelId).map(({ name }) => name);
}
