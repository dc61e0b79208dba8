import type { Clock } from '#libs/domain';
import { DatabaseAway } from '../database-away.js';
import type { LeaderRepository } from '../repositories/leader.repository.js';

export interface LeaseOptions {
  /** Who we are, and nobody else: our own running lease is no hindrance. */
  holder: string;
  /** How long the lead stays with a leader that is not heard of, milliseconds; a standby needs about as long. */
  leaseMs: number;
  clock: Clock;
}

/** Renewals in one lease: two may fail before it runs out. */
const PARTS = 3;

/**
 * The lead among gatekeepers: one has it, the others wait for it. It decides who works; that only one *writes* is the
 * matter of the epoch, which every commit checks.
 */
export class LeaderLease {
  #cancel: (() => void) | undefined;
  #ended = false;

  constructor(
    private readonly leader: LeaderRepository,
    private readonly options: LeaseOptions,
  ) {}

  /**
   * Waits until nobody else leads, and through outages of the database.
   *
   * @returns the new epoch
   * @throws the reason of `signal` once that is aborted
   */
  async acquire(signal?: AbortSignal): Promise<number> {
    const { holder, leaseMs } = this.options;
    for (;;) {
      signal?.throwIfAborted();
      const waitMs = await this.#attempt(async () => {
        const epoch = await this.leader.takeIfFree(holder, leaseMs);
        return epoch === undefined ? { waitMs: (await this.leader.lease()).remainingMs } : { epoch };
      });
      if ('epoch' in waitMs) return waitMs.epoch;
      // A leader that leaves in order ends its lease before the time: looked at that often, it costs one read.
      await this.#pause(Math.min(Math.max(waitMs.waitMs, 1), leaseMs / PARTS), signal);
    }
  }

  /** Renews it from now on. `onDeposed` is called once, when another leads. */
  keep(epoch: number, onDeposed: () => void): void {
    const { leaseMs, clock } = this.options;
    this.#cancel = clock.after(leaseMs / PARTS, () => {
      void this.leader
        .renew(epoch, leaseMs)
        // Away: whoever leads when the database is back is decided by the epoch.
        .catch((): number => 0)
        .then((commits) => {
          if (this.#ended) return;
          if (commits === undefined) onDeposed();
          else this.keep(epoch, onDeposed);
        });
    });
  }

  /** Lets the next one lead at once, if this still leads and the database is there. */
  async release(epoch: number): Promise<void> {
    this.stop();
    await this.leader.renew(epoch, 0).catch(() => undefined);
  }

  stop(): void {
    this.#ended = true;
    this.#cancel?.();
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T | { waitMs: number }> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DatabaseAway) return { waitMs: this.options.leaseMs };
      throw error;
    }
  }

  #pause(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.options.clock.after(ms, done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}
