import { Inject, Injectable } from '@nestjs/common';
import type { Kernel, KernelId, KernelInfo, NodeReport } from '#libs/contracts';
import { type Happening, isPast } from '#libs/domain';
import { GATEKEEPER_CONFIG, type GatekeeperConfig } from '../gatekeeper-parts.js';
import { stopMessage } from '../writer/consequences.js';
import type { Draft } from '../writer/draft.js';
import { Known } from '../writer/known.js';
import { Writer } from '../writer/writer.js';
import { Restarts } from './restarts.js';

/** Takes up what the launcher reports. */
@Injectable()
export class FactsService {
  readonly #restarts = new Restarts();

  constructor(
    private readonly writer: Writer,
    private readonly known: Known,
    @Inject(GATEKEEPER_CONFIG) private readonly config: GatekeeperConfig,
  ) {}

  /** What kernels of one environment say of themselves; it can wait for other work. */
  learn(kernelId: KernelId, info: KernelInfo): Promise<void> {
    const work = async (draft: Draft): Promise<void> => {
      const kernel = await draft.kernel(kernelId);
      if (kernel) draft.learn(kernel, info);
    };
    return this.writer.fact(work, { soon: true });
  }

  /** What nodes there are, as of now: the last word counts. */
  nodes(reports: readonly NodeReport[]): void {
    this.writer.tell(this.known.nodes(reports));
  }

  /** What keeps kernels that have their place from starting, as a sentence; null: nothing. */
  hindered(reason: string | null): void {
    this.known.hindrance = reason;
  }

  /** Why a kernel that has its place is launched another time, as a sentence. */
  launchAgain(kernelId: KernelId, reason: string): void {
    if (this.known.kernels.has(kernelId)) this.known.cutLaunches.set(kernelId, reason);
  }

  /** What of them is not as it was told last. */
  nodesChanged(reports: readonly NodeReport[], gone: readonly string[]): void {
    this.writer.tell(this.known.nodesChanged(reports, gone));
  }

  /** Activity goes with the next commit, or one within a second: it is not worth a flush of the disk by itself. */
  note(kernelId: KernelId, happening: Happening, messageId?: string): Promise<void> {
    const soon = happening.kind === 'activity';
    const { autorestart } = this.config.kernels;
    return this.writer.fact(
      async (draft) => {
        const kernel = await draft.kernel(kernelId);
        if (kernel) draft.happen(kernel, autorestart ? this.#orAgain(kernel, happening, draft.now) : happening);
        // An agent came up that nobody wants any more; its launch may have crossed our stop.
        const unwanted = happening.kind === 'agentUp' && kernel?.phase === 'ended';
        if (unwanted) draft.tell(stopMessage(kernel, this.config.kernels.shutdownGraceSeconds));
      },
      // The same activity twice is the same row: not worth a note each.
      { soon, messageId: soon ? undefined : messageId },
    );
  }

  /** One death counts once, however often it is told. */
  #orAgain(kernel: Kernel, happening: Happening, now: number): Happening {
    if (happening.kind !== 'kernelExited' || kernel.phase !== 'ready' || happening.agentLost) return happening;
    if (isPast(kernel, happening.incarnation)) return happening;
    return { ...happening, again: this.#restarts.died(kernel.id, now) };
  }
}
