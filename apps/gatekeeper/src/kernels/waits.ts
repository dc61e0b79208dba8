import type { KernelId, WaitExplanation } from '#libs/contracts';
import { fullCore, type Ground } from '#libs/scheduling';

/** What would start a kernel is looked for again after so long: it takes several dry runs. */
const FRESH_MS = 15_000;

/** Explains waits to whoever looks, without looking anew each time for what would end them. */
export class Waits {
  readonly #changes = new Map<KernelId, { at: number; change: string | null }>();

  explain(core: fullCore.State, id: KernelId, ground: Ground, now: number): WaitExplanation | null {
    const known = this.#changes.get(id);
    const fresh = known && now - known.at < FRESH_MS ? known.change : undefined;
    const found = fullCore.waitExplanation(core, id, ground, now, fresh);
    if (fresh !== undefined) return found;
    for (const [other, { at }] of this.#changes) if (now - at >= FRESH_MS) this.#changes.delete(other);
    if (found) this.#changes.set(id, { at: now, change: found.change ?? null });
    return found;
  }
}
