import type { Amounts } from '../backfill/amounts.js';
import type { Pending } from './line.js';
import { headHold, type Pool } from './pool.js';
import type { Promised } from './promised.js';

/** Of the time that a workload asks for, and of its maxWait: so much it waits before shorter ones may delay it no more. */
const OF_DURATION = 1 / 2;
const OF_MAX_WAIT = 1 / 4;

/** The heads of one flavor in one cycle: the first ones of the order that must wait, with their holds in the profile. */
export class Heads {
  readonly promised: Promised[] = [];
  /** Held at the times of the last cycle, until their turn comes. */
  readonly #kept = new Set<string>();
  /** The last head, if it is not protected from its own rank yet. */
  #young: Pending | undefined;

  /**
   * @param depth  0: nothing is protected
   * @param evenUnsure  keeps what was told without a promise, too
   */
  constructor(
    readonly pool: Pool,
    private readonly depth: number,
    private readonly now: number,
    isWaiting: (id: string) => boolean,
    evenUnsure = false,
  ) {
    // Planned afresh, one head could take the time of the next: when something ends early, the first moves forward, over
    // a gap that the second was promised.
    for (const { id, at, firm, amounts, durationMs } of pool.promised) {
      if (!(firm || evenUnsure) || !isWaiting(id)) continue;
      const from = Math.max(at, now);
      pool.profile.hold(headHold(id), { amounts, from, to: from + durationMs, lapses: true });
      this.#kept.add(id);
    }
  }

  /** Whether all behind may only fill what the heads leave. */
  get complete(): boolean {
    return this.#young !== undefined || (this.depth > 0 && this.promised.length >= this.depth);
  }

  /** One that is new to the heads and must wait goes before those that come after it, whatever they were promised. */
  earliestFor({ workload: { id }, durationMs }: Pending, amounts: Amounts): number | undefined {
    const { profile } = this.pool;
    const wasPromised = this.#kept.delete(id);
    if (wasPromised) profile.release(headHold(id));
    const at = profile.earliestStart(amounts, durationMs);
    if (wasPromised || at === this.now || this.#kept.size === 0) return at;
    this.#forgetKept();
    return profile.earliestStart(amounts, durationMs);
  }

  /** @param at  when it fits; undefined: not as things are, so it protects nothing */
  mustWait(pending: Pending, amounts: Amounts, at: number | undefined, fragmented: boolean): void {
    if (at === undefined || this.depth === 0 || this.complete) return;
    if (!fragmented && isYoung(pending, this.now)) this.#young = pending;
    else this.#protect(pending, amounts, at, !fragmented);
  }

  /** A young head is protected from ranks below its own. */
  protectFromBelow(rank: number): void {
    const head = this.#young;
    if (head === undefined || head.group.rank <= rank) return;
    this.#young = undefined;
    const { amounts } = head.group.ask;
    const at = this.pool.profile.earliestStart(amounts, head.durationMs);
    if (at !== undefined) this.#protect(head, amounts, at, false);
  }

  /** Ends the cycle. */
  settle(): void {
    this.protectFromBelow(-Infinity);
    for (const { id } of this.promised) this.pool.profile.release(headHold(id));
    this.#forgetKept();
    this.pool.promised = this.promised;
  }

  #protect({ workload: { id }, durationMs }: Pending, amounts: Amounts, at: number, firm: boolean): void {
    this.promised.push({ id, amounts, durationMs, at, firm });
    this.pool.profile.hold(headHold(id), { amounts, from: at, to: at + durationMs, lapses: true });
  }

  #forgetKept(): void {
    for (const id of this.#kept) this.pool.profile.release(headHold(id));
    this.#kept.clear();
  }
}

/**
 * Whether shorter ones of its rank may still go before a head. One that asks for two days can wait an hour for those that
 * ask for minutes; protected from the start, it would leave what it waits for idle.
 */
const isYoung = ({ workload, durationMs, group }: Pending, now: number): boolean =>
  now - workload.submittedAt < Math.min(OF_MAX_WAIT * (group.class?.maxWaitMs ?? Infinity), OF_DURATION * durationMs);

/** Whether it has waited so long that no shorter one of its rank goes before it. */
export const isOverdue = ({ workload, group }: Pending, now: number): boolean =>
  now - workload.submittedAt >= (group.class?.maxWaitMs ?? Infinity);
