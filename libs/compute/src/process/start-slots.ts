/**
 * How many kernels may be starting at once. A start is work for the CPU: were it shared among all of a large burst, every
 * kernel would be as late as the last, and all of them too late. A start that lasts (one that waits for a licence, say)
 * makes room after `patienceMs`.
 */
export class StartSlots {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(
    slots: number,
    private readonly patienceMs: number,
  ) {
    this.#free = slots;
  }

  /** First come, first served. Resolves with what gives the slot back; calling that twice does no harm. */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let held = true;
    const giveBack = (): void => {
      clearTimeout(timer);
      if (!held) return;
      held = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
    const timer = setTimeout(giveBack, this.patienceMs).unref();
    return giveBack;
  }
}
