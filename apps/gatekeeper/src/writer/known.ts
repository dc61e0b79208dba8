import { Inject, Injectable } from '@nestjs/common';
import type { Kernel, KernelId } from '#libs/contracts';
import { type CoreEvent, type CoreState, emptyState } from '#libs/scheduling';
import { STORE, type Store } from '#libs/store';
import { GATEKEEPER_CONFIG, type GatekeeperConfig } from '../gatekeeper-parts.js';
import { HeldTimes, REMEMBERED } from './held-times.js';
import { workloadOf } from './workload-of.js';

/** What the gatekeeper knows by heart: the living kernels and the core. The rows are the truth; this follows them. */
@Injectable()
export class Known {
  readonly kernels = new Map<KernelId, Kernel>();
  readonly held = new HeldTimes();
  core: CoreState;

  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(GATEKEEPER_CONFIG) private readonly config: GatekeeperConfig,
  ) {
    this.core = this.#emptyCore();
  }

  /** Forgets all and reads the rows anew. @returns what the empty core is to be told first */
  async load(): Promise<CoreEvent[]> {
    const living = await this.store.livingKernels();
    this.held.load(await this.store.heldTimes(REMEMBERED));
    this.kernels.clear();
    for (const kernel of living) this.kernels.set(kernel.id, kernel);
    this.core = this.#emptyCore();
    return living.map((kernel) => ({
      kind: kernel.phase === 'queued' ? 'submitted' : 'running',
      workload: workloadOf(kernel),
    }));
  }

  #emptyCore = (): CoreState => emptyState({ ...this.config.scheduling, reclaim: this.config.reclaim });

  /** Takes up rows that are on disk now. */
  follow(kernels: Iterable<Kernel>): void {
    for (const kernel of kernels) {
      if (kernel.phase === 'ended') {
        // One that had ended before changes its reason only.
        if (this.kernels.delete(kernel.id)) this.held.ended(kernel);
      } else this.kernels.set(kernel.id, kernel);
    }
  }
}
