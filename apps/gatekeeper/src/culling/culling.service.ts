import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { type Kernel, type KernelId, LauncherCommands } from '#libs/contracts';
import { CLOCK, type Clock, type CullPlan, cullPlan } from '#libs/domain';
import { GATEKEEPER_CONFIG, type GatekeeperConfig, type GatekeeperParts, LAUNCHER } from '../gatekeeper-parts.js';
import { Writer } from '../writer/writer.js';

/** An idle kernel that used more than this share of a core since the warning computes in the background. */
const IN_USE_SHARE = 0.02;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface Watched {
  endAt: number;
  cancel(): void;
}

/** Ends kernels that nobody uses. By what they do, not by who is connected; gateways warn by the same plan. */
@Injectable()
export class CullingService implements OnModuleDestroy {
  readonly #log = new Logger('Gatekeeper');
  readonly #watched = new Map<KernelId, Watched>();
  readonly #since: number;

  constructor(
    private readonly writer: Writer,
    @Inject(LAUNCHER) private readonly launcher: GatekeeperParts['launcher'],
    @Inject(GATEKEEPER_CONFIG) private readonly config: GatekeeperConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#since = clock.now();
    writer.onStart((kernels) => this.#watch(kernels));
    writer.onCommit(({ kernels }) => this.#watch(kernels));
  }

  #watch(kernels: Iterable<Kernel>): void {
    for (const kernel of kernels) {
      const plan = this.#planOf(kernel);
      const watched = this.#watched.get(kernel.id);
      if (watched?.endAt === plan?.endAt) continue;
      watched?.cancel();
      this.#watched.delete(kernel.id);
      if (plan !== null) this.#after(kernel.id, plan, plan.warnAt, () => void this.#warned(kernel.id, plan));
    }
  }

  onModuleDestroy(): void {
    for (const { cancel } of this.#watched.values()) cancel();
  }

  #planOf = (kernel: Kernel): CullPlan | null => cullPlan(kernel, this.config.culling, this.#since);

  #after(id: KernelId, plan: CullPlan, at: number, call: () => void): void {
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(0, at - this.clock.now()));
    const again = (): void => (this.clock.now() < at ? this.#after(id, plan, at, call) : call());
    this.#watched.set(id, { endAt: plan.endAt, cancel: this.clock.after(wait, again) });
  }

  /** From here on its use of the processor counts too. */
  async #warned(id: KernelId, plan: CullPlan): Promise<void> {
    const before = await this.#cpuSeconds(id);
    if (this.#watched.get(id)?.endAt !== plan.endAt) return;
    this.#after(id, plan, plan.endAt, () => void this.#due(id, plan, before));
  }

  async #due(id: KernelId, plan: CullPlan, before: number | null): Promise<void> {
    const after = await this.#cpuSeconds(id);
    const seconds = (plan.endAt - plan.warnAt) / 1000;
    const used = before !== null && after !== null && after - before > seconds * IN_USE_SHARE;
    const work = this.writer.fact(async (draft) => {
      const kernel = await draft.kernel(id);
      if (kernel === undefined || this.#planOf(kernel)?.endAt !== plan.endAt) return;
      const { executionState } = kernel;
      if (executionState === 'idle' && used) {
        draft.happen(kernel, { kind: 'activity', state: 'idle', at: draft.now });
      } else if (executionState === 'idle' || executionState === 'busy') {
        draft.happen(kernel, { kind: 'stopAsked', reason: 'culled', detail: this.#detail(executionState) });
      }
    });
    await work.catch((error: unknown) => this.#log.error(error));
  }

  #detail(state: 'idle' | 'busy'): string {
    const { idleSeconds, busySeconds } = this.config.culling;
    return state === 'idle'
      ? `It was not used for ${duration(idleSeconds)}.`
      : `One cell ran for ${duration(busySeconds)}, and no longer is allowed.`;
  }

  #cpuSeconds = (kernelId: KernelId): Promise<number | null> =>
    this.launcher.send(LauncherCommands.usage, { kernelId }).then(
      ({ cpuSeconds }) => cpuSeconds,
      () => null,
    );
}

const duration = (seconds: number): string =>
  seconds < 120
    ? `${seconds} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`;
