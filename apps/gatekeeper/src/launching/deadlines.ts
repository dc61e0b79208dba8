import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Kernel, KernelId } from '#libs/contracts';
import { CLOCK, type Clock, isLaunching } from '#libs/domain';
import { Writer } from '../writer/writer.js';

interface Deadline {
  admittedAt: number | null;
  cancel(): void;
}

/** The launcher keeps the launch timeout itself, and knows what the kernel said meanwhile; this is for one that is away. */
const MARGIN_MS = 1_000;

/** Ends launches that do not get anywhere: a kernel has its launch timeout from its admission, or from our start. */
@Injectable()
export class Deadlines implements OnModuleDestroy {
  readonly #log = new Logger('Gatekeeper');
  readonly #deadlines = new Map<KernelId, Deadline>();

  constructor(
    private readonly writer: Writer,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    writer.onStart((kernels) => this.#watch(kernels));
    writer.onCommit(({ kernels }) => this.#watch(kernels));
  }

  #watch(kernels: Iterable<Kernel>): void {
    for (const kernel of kernels) {
      const deadline = this.#deadlines.get(kernel.id);
      if (isLaunching(kernel) && deadline?.admittedAt === kernel.admittedAt) continue;
      deadline?.cancel();
      this.#deadlines.delete(kernel.id);
      if (isLaunching(kernel)) this.#deadlines.set(kernel.id, this.#start(kernel));
    }
  }

  onModuleDestroy(): void {
    for (const { cancel } of this.#deadlines.values()) cancel();
  }

  #start({ id, admittedAt, launch }: Kernel): Deadline {
    const cancel = this.clock.after(launch.launchTimeoutSeconds * 1000 + MARGIN_MS, () => {
      const work = this.writer.fact(async (draft) => {
        const kernel = await draft.kernel(id);
        if (kernel && kernel.admittedAt === admittedAt) draft.happen(kernel, { kind: 'launchTimedOut' });
      });
      work.catch((error: unknown) => this.#log.error(error));
    });
    return { admittedAt, cancel };
  }
}
