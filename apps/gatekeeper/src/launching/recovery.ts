import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Kernel } from '#libs/contracts';
import { type Message, STORE, type Store } from '#libs/store';
import { GATEKEEPER_CONFIG, type GatekeeperConfig } from '../gatekeeper-parts.js';
import { launchMessage, restartMessage, stopMessage } from '../writer/consequences.js';
import { Writer } from '../writer/writer.js';
import { Delivery } from './delivery.js';

/**
 * Takes up where the last gatekeeper was stopped or killed. Gateways get what they were not told; the launcher learns
 * which kernels ought to live, and what is due is told by the rows, not by its old commands: a restart must not happen
 * twice.
 */
@Injectable()
export class Recovery implements OnApplicationBootstrap {
  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(GATEKEEPER_CONFIG) private readonly config: GatekeeperConfig,
    private readonly writer: Writer,
    private readonly delivery: Delivery,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const left = await this.store.undelivered();
    const placed = (await this.store.livingKernels()).filter(({ phase }) => phase !== 'queued');
    await this.writer.start();
    for (const { destination, seq } of left) if (destination === 'launcher') this.writer.delivered(seq);
    this.delivery.reconcile(placed.map(({ id }) => id));
    this.delivery.deliver(left.filter(({ destination }) => destination === 'gateways'));
    this.delivery.deliver(placed.flatMap((kernel) => this.#due(kernel)));
  }

  #due(kernel: Kernel): Message[] {
    if (kernel.phase === 'admitted' || kernel.phase === 'launching') return [launchMessage(kernel)];
    if (kernel.phase === 'stopping') return [stopMessage(kernel, this.config.kernels.shutdownGraceSeconds)];
    return kernel.executionState === 'restarting' ? [restartMessage(kernel)] : [];
  }
}
