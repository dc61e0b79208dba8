import type { KernelEvents } from '#apps/gateway/src/index';
import type { CommandClient } from '#libs/bus';
import { GatekeeperCommands, type Kernel } from '#libs/contracts';

/** Ends every one of `kernels`; resolves when all have ended, or after `deadlineMs`. */
export async function endKernels(
  kernels: readonly Kernel[],
  gatekeeper: CommandClient,
  events: Pick<KernelEvents, 'on'>,
  deadlineMs: number,
): Promise<void> {
  const ends = kernels.map(
    ({ id }) => new Promise<void>((ended) => events.on(id, { changed: ({ phase }) => phase === 'ended' && ended() })),
  );
  const detail = 'The service was stopped.';
  await Promise.all(
    kernels.map(({ id: kernelId }) =>
      gatekeeper.send(GatekeeperCommands.stopKernel, { kernelId, reason: 'shut-down', detail }).catch(() => {}),
    ),
  );
  await Promise.race([Promise.all(ends), new Promise((late) => setTimeout(late, deadlineMs).unref())]);
}
