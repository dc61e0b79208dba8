/** So many steps lie between one state in the log and the next, at least; more where a state is large. */
const STEPS = 5_000;
/** How much older than asked for what is read of the log begins, at most. */
const MOST_MS = 86_400_000;

/** When the input log needs the whole state again: for a core that was made anew, and once in a while. */
export class Origins {
  #steps = Number.POSITIVE_INFINITY;
  #at = 0;

  /** The core is another one: what is in the log so far does not lead to it. */
  renew(): void {
    this.#steps = Number.POSITIVE_INFINITY;
  }

  /** @param size  workloads that the state has: to write 100,000 takes a quarter of a second */
  isDue(now: number, size: number): boolean {
    return this.#steps >= STEPS + size || now - this.#at >= MOST_MS;
  }

  /** A step is on disk. */
  logged(now: number, withOrigin: boolean): void {
    this.#steps = withOrigin ? 1 : this.#steps + 1;
    if (withOrigin) this.#at = now;
  }
}
