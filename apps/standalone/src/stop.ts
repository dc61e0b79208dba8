import type { INestApplication } from '@nestjs/common';
import { Drain, KERNEL_EVENTS, type KernelEvents } from '#apps/gateway/src/index';
import type { CommandClient } from '#libs/bus';
import { onShutdown } from '#libs/platform';
import type { KernelReader } from '#libs/store';
import { endKernels } from './end-kernels.js';

export interface Stoppable {
  keepKernels: boolean;
  graceSeconds: number;
  drainSeconds: number;
  edge: INestApplication;
  gatekeeper: CommandClient;
  kernelReader: KernelReader;
  close(): Promise<void>;
}

const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const counted = (count: number): string => (count === 1 ? '1 kernel' : `${count} kernels`);

/** Ctrl-C and SIGTERM: lets nobody in any more, says how many kernels live and ends them, or leaves them to the next start. */
export function stopOnSignal({
  keepKernels,
  graceSeconds,
  drainSeconds,
  edge,
  gatekeeper,
  kernelReader,
  close,
}: Stoppable): void {
  const deadlineMs = graceSeconds * 1000 + 5_000;
  onShutdown(
    async () => {
      edge.get(Drain, { strict: false }).begin();
      const living = await kernelReader.listAll(Number.MAX_SAFE_INTEGER);
      if (living.length > 0 && keepKernels)
        say(`\n${counted(living.length)} left running; the next start adopts them.`);
      else if (living.length > 0) {
        say(`\nEnding ${counted(living.length)} … (Ctrl-C again leaves them running)`);
        await endKernels(living, gatekeeper, edge.get<KernelEvents>(KERNEL_EVENTS, { strict: false }), deadlineMs);
      }
      await close();
      say('Stopped.');
    },
    { deadlineMs: deadlineMs + drainSeconds * 1000 + 10_000 },
  );
}
