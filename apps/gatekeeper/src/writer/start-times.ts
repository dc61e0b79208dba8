import type { Kernel } from '#libs/contracts';

/** How many starts of one kernelspec are remembered. */
export const STARTS = 100;

/** How long the kernels that became ready last took for that from their admission, milliseconds, by kernelspec. */
export class StartTimes {
  readonly #of = new Map<string, number[]>();

  /** Oldest first. */
  of(kernelspec: string): readonly number[] {
    return this.#of.get(kernelspec) ?? [];
  }

  /** Newest first, as the store gives them. */
  load(newestFirst: readonly { kernelspec: string; ms: number }[]): void {
    this.#of.clear();
    for (const { kernelspec, ms } of newestFirst.toReversed()) this.#add(kernelspec, ms);
  }

  /** What a kernel was before, and is now. */
  changed(before: Kernel | undefined, { kernelspec, admittedAt, readyAt }: Kernel): void {
    if (admittedAt === null || readyAt === null || before?.readyAt === readyAt) return;
    this.#add(kernelspec, readyAt - admittedAt);
  }

  #add(kernelspec: string, ms: number): void {
    const times = this.#of.get(kernelspec) ?? [];
    times.push(ms);
    if (times.length > STARTS) times.shift();
    this.#of.set(kernelspec, times);
  }
}
