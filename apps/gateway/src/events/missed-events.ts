import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Authenticator } from '#libs/auth';
import { KERNEL_READER, type KernelReader, TOKEN_READER, type TokenReader } from '#libs/store';
import { KernelEventsHub } from './kernel-events.hub.js';

const RETRY_MS = 1_000;

/** What the gatekeeper may have told while this replica had no connection to the bus, told again from the rows. */
@Injectable()
export class MissedEvents implements OnModuleDestroy {
  readonly #log = new Logger('Gateway');
  readonly #closed = new AbortController();
  #telling = false;
  #again = false;

  constructor(
    private readonly hub: KernelEventsHub,
    private readonly authenticator: Authenticator,
    @Inject(KERNEL_READER) private readonly kernels: KernelReader,
    @Inject(TOKEN_READER) private readonly tokens: TokenReader,
  ) {}

  /** Goes on until the store could be read; what comes by the bus meanwhile is newer, and told as well. */
  tell(): void {
    this.#again = true;
    if (!this.#telling) void this.#run();
  }

  onModuleDestroy(): void {
    this.#closed.abort();
  }

  async #run(): Promise<void> {
    this.#telling = true;
    while (this.#again && !this.#closed.signal.aborted) {
      this.#again = false;
      try {
        await this.#read();
      } catch (error) {
        this.#log.warn(`The rows could not be read after a gap: ${(error as Error).message}`);
        this.#again = true;
        await delay(RETRY_MS, undefined, { signal: this.#closed.signal }).catch(() => {});
      }
    }
    this.#telling = false;
  }

  async #read(): Promise<void> {
    for (const { id, revokedAt } of await this.tokens.list()) {
      if (revokedAt === null) continue;
      this.authenticator.tokenRevoked(id);
      this.hub.tokenRevoked(id);
    }
    for (const id of this.hub.listenedTo()) {
      const kernel = await this.kernels.find(id);
      if (kernel) this.hub.kernelChanged(kernel);
    }
  }
}
