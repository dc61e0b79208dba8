import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CLOCK, type Clock } from '#libs/domain';
import { STORE, type Store } from '#libs/store';
import { GATEKEEPER_CONFIG, type GatekeeperConfig } from '../gatekeeper-parts.js';

const EVERY_MS = 3_600_000;
/** Rows of each kind in one transaction: nobody else's commit waits for long. */
const BATCH = 200;

/** Removes what nobody asks for any more: rows of kernels that ended long ago, dead tokens, the old input log. */
@Injectable()
export class Pruning implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger('Gatekeeper');
  #cancel: () => void = () => undefined;
  #closed = false;

  constructor(
    @Inject(STORE) private readonly store: Pick<Store, 'prune'>,
    @Inject(GATEKEEPER_CONFIG) private readonly config: GatekeeperConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.#plan();
  }

  onModuleDestroy(): void {
    this.#closed = true;
    this.#cancel();
  }

  #plan(): void {
    if (this.#closed) return;
    this.#cancel = this.clock.after(EVERY_MS, () => {
      this.#prune()
        .catch((error: unknown) => this.#log.error(error))
        .finally(() => this.#plan());
    });
  }

  async #prune(): Promise<void> {
    const before = this.clock.now() - this.config.store.keepEndedSeconds * 1000;
    let removed = 0;
    let more = true;
    while (more && !this.#closed) {
      const count = await this.store.prune(before, BATCH);
      removed += count;
      more = count > 0;
    }
    if (removed > 0) this.#log.log({ removed, msg: 'old rows removed' });
  }
}
