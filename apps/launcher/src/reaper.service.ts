import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { CommandClient } from '#libs/bus';
import { KERNEL_HOST, type KernelHost } from '#libs/compute';
import { GatekeeperCommands } from '#libs/contracts';
import { GATEKEEPER } from './gatekeeper.js';

const EVERY_MS = 60_000;

/**
 * Compares what runs with what ought to, again and again: an answer of the cluster that was lost, or an earlier launcher
 * that was slow to end, may leave something behind that nobody would ever ask for.
 */
@Injectable()
export class Reaper implements OnApplicationShutdown {
  readonly #log = new Logger('Launcher');
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(KERNEL_HOST) private readonly host: Pick<KernelHost, 'reap'>,
    @Inject(GATEKEEPER) private readonly gatekeeper: Pick<CommandClient, 'send'>,
  ) {}

  /** Once it is known what ought to live. */
  begin(everyMs = EVERY_MS): void {
    this.#timer ??= setInterval(() => void this.reap(), everyMs).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  /** What can't be compared now is compared the next time. */
  async reap(): Promise<void> {
    try {
      await this.host.reap(async (kernelIds) => {
        if (kernelIds.length === 0) return [];
        const asked = { kernelIds: [...kernelIds] };
        return (await this.gatekeeper.send(GatekeeperCommands.unwantedKernels, asked)).unwanted;
      });
    } catch (error) {
      this.#log.log({ reason: (error as Error).message, msg: 'what runs could not be compared with what ought to' });
    }
  }
}
