import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Kernel } from '#libs/contracts';
import { CLOCK, type Clock } from '#libs/domain';
import { STORE, type Store } from '#libs/store';
import { Writer } from '../writer/writer.js';

/** Enough for a distribution, and of the present way of working. */
const KEPT = 200;
const KEPT_MS = 7 * 86_400_000;

/** How long the kernels that ended lately had held their places, ms: what an expectation of the queue is grounded on. */
@Injectable()
export class HoldingTimes implements OnModuleInit {
  #observed: number[] = [];

  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(CLOCK) private readonly clock: Clock,
    writer: Writer,
  ) {
    writer.onCommit(({ kernels }) => this.#note(kernels));
  }

  /** Oldest first. */
  get observed(): readonly number[] {
    return this.#observed;
  }

  /** Reads what ended in the last week. */
  async onModuleInit(): Promise<void> {
    const kernels = await this.store.kernels.listAll(this.clock.now() - KEPT_MS);
    this.#observed = [];
    this.#note(kernels.sort((one, other) => (one.endedAt ?? 0) - (other.endedAt ?? 0)));
  }

  #note(kernels: Iterable<Kernel>): void {
    for (const { phase, admittedAt, endedAt } of kernels) {
      if (phase === 'ended' && admittedAt !== null && endedAt !== null) this.#observed.push(endedAt - admittedAt);
    }
    this.#observed = this.#observed.slice(-KEPT);
  }
}
