import type { Kernel } from '#libs/contracts';

/** How many ended kernels are remembered: the past that a forecast stands on moves with them. */
export const REMEMBERED = 500;

/** How long the kernels that ended last held their places, milliseconds. Launches that failed say nothing of that. */
export class HeldTimes {
  #held: number[] = [];

  get all(): readonly number[] {
    return this.#held;
  }

  /** Newest first, as the store gives them. */
  load(newestFirst: readonly number[]): void {
    this.#held = newestFirst.toReversed();
  }

  ended({ admittedAt, readyAt, endedAt }: Kernel): void {
    if (admittedAt === null || readyAt === null || endedAt === null) return;
    this.#held.push(endedAt - admittedAt);
    if (this.#held.length > REMEMBERED) this.#held.shift();
  }
}
