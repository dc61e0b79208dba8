import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { CommandClient } from '#libs/bus';
import { type Kernel, type KernelId, type KernelUsage, LauncherCommands } from '#libs/contracts';
import {
  CLOCK,
  type Clock,
  type CpuReading,
  type EndPlan,
  type EndRule,
  endRules,
  type Happening,
  inUse,
  planEnd,
  whyItEnds,
} from '#libs/domain';
import { GATEKEEPER_CONFIG, type GatekeeperConfig, LAUNCHER } from '../gatekeeper-parts.js';
import { Known } from '../writer/known.js';
import { Writer } from '../writer/writer.js';

interface Watch {
  /** When it is looked at next; before all times while that goes on. */
  dueAt: number;
  cancel(): void;
  /** Its CPU time at an earlier look. */
  reading?: CpuReading;
}

/** After a look at a kernel whose agent did not answer. */
const RETRY_MS = 30_000;
/** A row that is further ahead of the clock than this was written before the clock was set back. */
const SKEW_MS = 60_000;
const LOOKING: Watch = { dueAt: Number.NEGATIVE_INFINITY, cancel: () => undefined };

/**
 * Warns of and ends kernels that are left alone, or busy for too long. The rows say when to look; what is decided upon is
 * what the agent says then, so that neither a jump of the clock nor an outage of ours ends a kernel in use.
 */
@Injectable()
export class CullingService implements OnModuleDestroy {
  readonly #log = new Logger('Gatekeeper');
  readonly #watches = new Map<KernelId, Watch>();
  #closed = false;

  constructor(
    private readonly writer: Writer,
    private readonly known: Known,
    @Inject(LAUNCHER) private readonly launcher: Pick<CommandClient, 'send'>,
    @Inject(GATEKEEPER_CONFIG) private readonly config: GatekeeperConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    writer.onStart((kernels) => this.#start(kernels));
    writer.onCommit(({ kernels, wanted }) => {
      for (const kernel of kernels) this.#watch(kernel);
      for (const id of wanted) this.#plan(id);
    });
  }

  onModuleDestroy(): void {
    this.#closed = true;
    for (const { cancel } of this.#watches.values()) cancel();
  }

  /** Warnings of an earlier gatekeeper are withdrawn: nobody looked meanwhile, so their time begins anew. */
  #start(kernels: Iterable<Kernel>): void {
    for (const kernel of kernels) {
      if (kernel.ending) void this.#happen(kernel.id, { kind: 'spared' });
      else this.#watch(kernel);
    }
  }

  #watch(kernel: Kernel): void {
    if (kernel.phase === 'ready') this.#plan(kernel.id);
    else this.#forget(kernel.id);
  }

  /** A look that comes before it is due costs less than a new timer for each activity. */
  #plan(id: KernelId): void {
    const watch = this.#watches.get(id);
    const dueAt = this.#dueAt(id, watch?.reading);
    if (dueAt === undefined) this.#forget(id);
    else if (watch === undefined || dueAt < watch.dueAt) this.#lookAt(id, dueAt, watch?.reading);
  }

  #dueAt(id: KernelId, reading: CpuReading | undefined): number | undefined {
    const kernel = this.known.kernels.get(id);
    if (kernel?.phase !== 'ready') return undefined;
    // Those whose place is somebody else's are not ours to end.
    if (kernel.ending && (kernel.ending.reason === 'preempted' || kernel.ending.reason === 'reservation'))
      return undefined;
    if (kernel.ending) return kernel.ending.at;
    const since = Math.min(kernel.lastActivityAt, this.clock.now());
    const plan = planEnd(this.#rules(kernel), { state: kernel.executionState, since });
    return plan && (reading ? plan.warnAt : plan.measureAt);
  }

  #rules({ id, culling }: Kernel): EndRule[] {
    const { core } = this.known;
    const running = core.running.get(id);
    if (running?.leaving?.how !== 'reclaim') return endRules(this.config, culling, null);
    const idleMs = core.classOf(running.workload)?.idleMs ?? 0;
    return endRules(this.config, culling, { idleSeconds: idleMs / 1_000, warningSeconds: core.config.graceMs / 1_000 });
  }

  #lookAt(id: KernelId, dueAt: number, reading?: CpuReading): void {
    this.#forget(id);
    if (this.#closed) return;
    const cancel = this.clock.after(Math.max(0, dueAt - this.clock.now()), () => {
      this.#watches.set(id, { ...LOOKING });
      this.#look(id, reading).catch((error: unknown) => this.#log.error(error));
    });
    this.#watches.set(id, { dueAt, cancel, ...(reading ? { reading } : {}) });
  }

  #forget(id: KernelId): void {
    this.#watches.get(id)?.cancel();
    this.#watches.delete(id);
  }

  async #look(id: KernelId, first: CpuReading | undefined): Promise<void> {
    const looking = this.#watches.get(id);
    const usage = await this.launcher.send(LauncherCommands.usage, { kernelId: id }).catch(() => null);
    const kernel = this.known.kernels.get(id);
    if (this.#watches.get(id) !== looking || kernel === undefined) return;
    const now = this.clock.now();
    if (usage === null) return this.#lookAt(id, now + RETRY_MS);
    const reading = { at: now, cpuSeconds: usage.cpuSeconds };
    const next = await this.#judge(kernel, usage, first, reading);
    if (this.#watches.get(id) !== looking) return;
    const dueAt = next.at ?? this.#dueAt(id, next.reading);
    if (dueAt === undefined) this.#forget(id);
    else this.#lookAt(id, dueAt, next.reading);
  }

  /** @returns when to look again, where the row does not say, and the reading to compare with then */
  async #judge(
    kernel: Kernel,
    { state, quietMs }: KernelUsage,
    first: CpuReading | undefined,
    reading: CpuReading,
  ): Promise<{ at?: number; reading?: CpuReading }> {
    const now = reading.at;
    const told = kernel.lastActivityAt > now + SKEW_MS ? 0 : kernel.lastActivityAt;
    const since = Math.max(now - quietMs, Math.min(told, now));
    const plan = planEnd(this.#rules(kernel), { state, since });
    const { cpuPercent } = this.config.culling;
    if (state === 'idle' && first && inUse(first, reading, cpuPercent)) {
      await this.#happen(kernel.id, { kind: 'activity', state, at: now });
      return {};
    }
    if (plan === undefined || plan.warnAt > now) {
      await this.#leave(kernel, state, since);
      return plan ? { at: Math.max(now, this.#next(plan, now)), ...(now >= plan.measureAt ? { reading } : {}) } : {};
    }
    if (kernel.ending && kernel.ending.at > now) return first ? { reading: first } : {};
    if (state === 'idle' && !first && cpuPercent > 0) return { at: now + (plan.warnAt - plan.measureAt), reading };
    const { reason, warningSeconds } = plan.rule;
    if (kernel.ending || warningSeconds === 0) {
      const detail = whyItEnds(plan.rule, now - since, 'had');
      await this.#happen(kernel.id, { kind: 'stopAsked', reason, detail });
      return {};
    }
    const detail = whyItEnds(plan.rule, now - since, 'has');
    await this.#happen(kernel.id, { kind: 'warned', ending: { at: now + warningSeconds * 1000, reason, detail } });
    return { reading };
  }

  #next = (plan: EndPlan, now: number): number => (now >= plan.measureAt ? plan.warnAt : plan.measureAt);

  /** It is in use, or nothing would end it any more. */
  async #leave(kernel: Kernel, state: KernelUsage['state'], since: number): Promise<void> {
    if (since > kernel.lastActivityAt && state !== 'exited') {
      await this.#happen(kernel.id, { kind: 'activity', state, at: since });
    } else if (kernel.ending) await this.#happen(kernel.id, { kind: 'spared' });
  }

  #happen(id: KernelId, happening: Happening): Promise<void> {
    const work = this.writer.fact(async (draft) => {
      const kernel = await draft.kernel(id);
      if (kernel?.phase === 'ready') draft.happen(kernel, happening);
    });
    return work.catch((error: unknown) => this.#log.error(error));
  }
}
