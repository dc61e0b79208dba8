import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Kernel, KernelId } from '#libs/contracts';
import { CLOCK, type Clock, duration } from '#libs/domain';
import { Writer } from '../writer/writer.js';

/** Ends kernels whose place is somebody else's from a moment on, and those that reach their wall limit. */
@Injectable()
export class EvictionsService implements OnModuleDestroy {
  readonly #log = new Logger('Gatekeeper');
  readonly #timers = new Map<KernelId, { at: number; cancel(): void }>();

  constructor(
    private readonly writer: Writer,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    writer.onStart((kernels) => {
      for (const kernel of kernels) this.#watch(kernel);
    });
    writer.onCommit(({ kernels }) => {
      for (const kernel of kernels) this.#watch(kernel);
    });
  }

  onModuleDestroy(): void {
    for (const { cancel } of this.#timers.values()) cancel();
  }

  #watch(kernel: Kernel): void {
    const at = endOf(kernel);
    const known = this.#timers.get(kernel.id);
    if (known?.at === at) return;
    known?.cancel();
    this.#timers.delete(kernel.id);
    if (at === undefined) return;
    const cancel = this.clock.after(Math.max(0, at - this.clock.now()), () => {
      this.#timers.delete(kernel.id);
      this.#end(kernel.id).catch((error: unknown) => this.#log.error(error));
    });
    this.#timers.set(kernel.id, { at, cancel });
  }

  /** What is true by then decides. */
  #end(id: KernelId): Promise<void> {
    return this.writer.fact(async (draft) => {
      const kernel = await draft.kernel(id);
      const at = kernel && endOf(kernel);
      if (!kernel || at === undefined) return;
      // A timer may go off a moment before its time, by this clock.
      if (at > draft.now) return this.#watch(kernel);
      const { ending } = kernel;
      if (ending && isForced(ending.reason) && ending.at <= draft.now) {
        draft.happen(kernel, { kind: 'stopAsked', reason: ending.reason, detail: ending.detail });
        return;
      }
      const wall = duration(kernel.scheduling.wallSeconds ?? 0);
      const detail = `It had run for its wall limit of ${wall}.`;
      draft.happen(kernel, { kind: 'stopAsked', reason: 'culled', detail });
    });
  }
}

const isForced = (reason: string): boolean => reason === 'preempted' || reason === 'reservation';

/** When it ends whatever it does; undefined: never. */
function endOf({ phase, ending, admittedAt, scheduling: { wallSeconds } }: Kernel): number | undefined {
  if (phase === 'queued' || phase === 'stopping' || phase === 'ended') return undefined;
  const wall = admittedAt === null || wallSeconds === null ? Infinity : admittedAt + wallSeconds * 1_000;
  const at = Math.min(wall, ending && isForced(ending.reason) ? ending.at : Infinity);
  return at === Infinity ? undefined : at;
}
