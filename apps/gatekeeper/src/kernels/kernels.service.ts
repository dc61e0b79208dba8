import { Inject, Injectable } from '@nestjs/common';
import {
  Conflict,
  type EndReason,
  GatekeeperEvents,
  InvalidRequest,
  type Kernel,
  type KernelId,
  type KernelSubmission,
  NotFound,
  TooManyQueued,
  type WaitExplanation,
} from '#libs/contracts';
import { CLOCK, type Clock, type Happening, isLaunching, queuedKernel } from '#libs/domain';
import { fullCore } from '#libs/scheduling';
import { GATEKEEPER_CONFIG, type GatekeeperConfig } from '../gatekeeper-parts.js';
import { workloadOf } from '../scheduling/workload-of.js';
import type { Draft } from '../writer/draft.js';
import { Known } from '../writer/known.js';
import { Writer } from '../writer/writer.js';
import { launchExplanation } from './launch-explanation.js';
import { neverFits } from './never-fits.js';
import { Waits } from './waits.js';

/** Judges what callers ask of kernels. */
@Injectable()
export class KernelsService {
  readonly #waits = new Waits();

  constructor(
    private readonly writer: Writer,
    private readonly known: Known,
    @Inject(GATEKEEPER_CONFIG) private readonly config: GatekeeperConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The same id from the same owner and kernelspec is the same kernel, whatever became of it. */
  submit(submission: KernelSubmission): Promise<Kernel> {
    return this.writer.command(async (draft) => {
      const existing = await draft.kernel(submission.id);
      if (existing) {
        const same = existing.owner === submission.owner && existing.kernelspec === submission.kernelspec;
        if (!same) throw new Conflict(`The kernel id ${submission.id} is taken.`);
        return () => draft.latest(existing);
      }
      this.#judge(submission, draft);
      const kernel = queuedKernel(submission, draft.now);
      draft.add(kernel);
      return () => draft.latest(kernel);
    });
  }

  /** Resolves once the kernel is `stopping` on disk, or `ended` where it held no place. */
  stop(kernelId: KernelId, reason: EndReason, detail: string): Promise<Kernel> {
    return this.#happen(kernelId, { kind: 'stopAsked', reason, detail });
  }

  restart(kernelId: KernelId): Promise<Kernel> {
    return this.#happen(kernelId, { kind: 'restartAsked' });
  }

  keep(kernelId: KernelId): Promise<Kernel> {
    return this.#happen(kernelId, { kind: 'kept' });
  }

  /** A kernel that has no process yet: gateways take back the cells that wait for it; its place is kept. */
  interrupt(kernelId: KernelId): Promise<Kernel> {
    return this.writer.command(async (draft) => {
      const kernel = await draft.kernel(kernelId);
      if (!kernel) throw new NotFound(`There is no kernel ${kernelId}.`);
      const payload = { kernelId };
      draft.tell({ destination: 'gateways', pattern: GatekeeperEvents.kernelInterrupted.pattern, payload });
      return () => draft.latest(kernel);
    });
  }

  /** @returns those of `kernelIds` that ought to have no process */
  unwanted(kernelIds: readonly KernelId[]): KernelId[] {
    const phase = (id: KernelId) => this.known.kernels.get(id)?.phase ?? 'ended';
    return kernelIds.filter((id) => ['queued', 'ended'].includes(phase(id)));
  }

  explain(kernelId: KernelId): WaitExplanation | null {
    const kernel = this.known.kernels.get(kernelId);
    if (!kernel) return null;
    if (kernel.phase === 'queued') {
      const { core, held, kernels } = this.known;
      const ground = { heldMs: held.all, since: (id: KernelId) => kernels.get(id)?.admittedAt ?? null };
      return this.#waits.explain(core, kernelId, ground, this.clock.now());
    }
    if (!isLaunching(kernel)) return null;
    const { starts, hindrance, cutLaunches } = this.known;
    const cut = cutLaunches.get(kernelId);
    const hindered = hindrance ?? (cut === undefined ? null : `It is launched another time. ${cut}`);
    return launchExplanation(kernel, starts.of(kernel.kernelspec), this.clock.now(), hindered);
  }

  #happen(kernelId: KernelId, happening: Happening): Promise<Kernel> {
    return this.writer.command(async (draft) => {
      const kernel = await draft.kernel(kernelId);
      if (!kernel) throw new NotFound(`There is no kernel ${kernelId}.`);
      const after = draft.happen(kernel, happening);
      return () => draft.latest(after);
    });
  }

  #judge(submission: KernelSubmission, draft: Draft): void {
    const { scheduling } = this.config;
    const { core, document } = this.known;
    const workload = workloadOf(submission, draft.now, document.config);
    const queue = core.queue(workload.queue);
    if (!queue)
      throw new InvalidRequest(`There is no queue ${workload.queue}.`, {
        errors: [{ field: 'queue', message: 'is not one of the queues here' }],
      });
    if (queue.state === 'drain') throw new Conflict(`The queue ${queue.name} takes nothing new at the moment.`);
    const never = fullCore.neverStarts(core, workload);
    if (never) throw neverFits(core, workload, never);
    const limit = scheduling.maxQueued;
    if (core.waiting.size + draft.arrivals < limit) return;
    const wait = core.waiting.size + draft.arrivals - fullCore.startableNow(core, workload, draft.arrivals + 1);
    if (wait >= limit) {
      const detail = `${limit} kernels wait already, and no more may. Try again later.`;
      throw new TooManyQueued(detail, { limit, retryAfterSeconds: 30 });
    }
  }
}
