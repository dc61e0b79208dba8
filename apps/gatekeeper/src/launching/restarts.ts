import type { KernelId } from '#libs/contracts';

/** As many as Jupyter's own restarter tries; it counts those that follow each other closely. */
const MOST = 5;
const WINDOW_MS = 60_000;

/** Which kernels that died are started again by themselves: not for ever, or one that dies at once would never end. */
export class Restarts {
  readonly #deaths = new Map<KernelId, number[]>();

  /** Notes a death. @returns whether the kernel may be started again */
  died(id: KernelId, now: number): boolean {
    for (const [other, deaths] of this.#deaths) if ((deaths.at(-1) ?? 0) <= now - WINDOW_MS) this.#deaths.delete(other);
    const deaths = (this.#deaths.get(id) ?? []).filter((at) => at > now - WINDOW_MS);
    this.#deaths.set(id, [...deaths, now]);
    return deaths.length < MOST;
  }
}
