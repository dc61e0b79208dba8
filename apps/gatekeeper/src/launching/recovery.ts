import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Kernel } from '#libs/contracts';
import { type Message, STORE, type Store } from '#libs/store';
import { GATEKEEPER_CONFIG, type GatekeeperConfig } from '../gatekeeper-parts.js';
import { launchMessage, restartMessage, stopMessage } from '../writer/consequences.js';
import { Known } from '../writer/known.js';
import { Writer } from '../writer/writer.js';
import { Delivery } from './delivery.js';

/**
 * Takes up where the last gatekeeper, or the last launcher, was stopped or killed. Gateways get what they were not told;
 * the launcher learns which kernels ought to live, and what is due is told by the rows, not by the old commands.
 */
@Injectable()
export class Recovery implements OnApplicationBootstrap {
  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(GATEKEEPER_CONFIG) private readonly config: GatekeeperConfig,
    private readonly known: Known,
    private readonly writer: Writer,
    private readonly delivery: Delivery,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const left = await this.store.undelivered();
    await this.writer.start();
    for (const { destination, seq } of left) if (destination === 'launcher') this.writer.delivered(seq);
    this.#tellLauncher();
    this.delivery.deliver(left.filter(({ destination }) => destination === 'gateways'));
  }

  /** It knows of nothing; before our own start is over it will be told anyway. */
  launcherUp(): void {
    if (this.writer.started) this.#tellLauncher();
  }

  /** In one go: a kernel that was admitted between the list and its delivery would be ended as one that nobody knows. */
  #tellLauncher(): void {
    const placed = [...this.known.kernels.values()].filter(({ phase }) => phase !== 'queued' && phase !== 'ended');
    this.delivery.reconcile(
      placed.map(({ id }) => id),
      this.store.epoch,
    );
    this.delivery.deliver(placed.flatMap((kernel) => this.#due(kernel)));
    this.delivery.keepWarm();
  }

  #due(kernel: Kernel): Message[] {
    if (kernel.phase === 'admitted' || kernel.phase === 'launching') return [launchMessage(kernel)];
    if (kernel.phase === 'stopping') return [stopMessage(kernel, this.config.kernels.shutdownGraceSeconds)];
    return kernel.executionState === 'restarting' ? [restartMessage(kernel)] : [];
  }
}
