import type { CommandClient } from '#libs/bus';
import { type KernelId, type KernelUsage, LauncherCommands } from '#libs/contracts';
import { Heard } from './heard.js';

export interface LauncherCommand {
  /** `launch`, `stop`, `restart`, `reconcile` or `keep-warm`. */
  name: string;
  kernelId?: KernelId;
  kernelIds?: KernelId[];
  epoch?: number;
  incarnation?: number;
}

/** Takes every command, and does nothing about it. */
export class FakeLauncher {
  readonly commands = new Heard<LauncherCommand>();
  /** Answers the next commands with these failures, one each. */
  readonly failures: Error[] = [];
  /** What the agent of a kernel says of its use. */
  usage: (kernelId: KernelId) => KernelUsage | null = () => null;
  /** Holds back answers to `reconcile` while it is set. */
  reconciling: Promise<void> | undefined;

  readonly send = (async ({ pattern }: { pattern: string }, input: object) => {
    this.commands.add({ name: pattern.replace('launcher.', ''), ...input });
    if (pattern === LauncherCommands.reconcile.pattern) await this.reconciling;
    const failure = this.failures.shift();
    if (failure) throw failure;
    if (pattern === LauncherCommands.usage.pattern) {
      return this.usage((input as { kernelId: KernelId }).kernelId);
    }
    return {};
  }) as CommandClient['send'];

  /** `launch`, `stop` … that this kernel's commands were, in order. */
  told = (kernelId: KernelId): string[] =>
    this.commands.all.filter((command) => command.kernelId === kernelId).map(({ name }) => name);
}
