import type { Answer, BackfillCycle, Promised } from './backfill-cycle.js';
import type { Candidate } from './candidate.js';
import { FOREVER } from './capacity-profile.js';
import { isYoung } from './patience.js';

/** Those that can't start at all as things are (nodes went) protect nothing; beyond so many the order is left. */
const MOST_HOPELESS = 100;

/** The heads of one cycle: the first ones of the order that must wait, with their holds in the profile. */
export class Heads {
  readonly promised: Promised[] = [];
  readonly #cycle: BackfillCycle;
  readonly #depth: number;
  readonly #closed: ReadonlySet<string>;
  readonly #start: (candidate: Candidate) => Answer;
  /** Held at the times of the last cycle, until their turn comes. */
  readonly #kept = new Set<string>();
  /** The last head, if it is not protected from its own rank yet. */
  #young: Candidate | undefined;

  /** @param start  starts it and holds its capacity, or closes its shape */
  constructor(
    cycle: BackfillCycle,
    depth: number,
    closed: ReadonlySet<string>,
    start: (candidate: Candidate) => Answer,
  ) {
    this.#cycle = cycle;
    this.#depth = depth;
    this.#closed = closed;
    this.#start = start;
  }

  /** Starts the first ones of the order while they fit, and protects those that do not. */
  protectFirst(): void {
    this.#keep();
    this.#look();
    this.#forgetKept();
  }

  /** A young head is protected from ranks below its own. */
  protectFromBelow(rank: number): void {
    const head = this.#young;
    if (head === undefined || head.rank <= rank) return;
    this.#young = undefined;
    const at = this.#cycle.profile.earliestStart(head.amounts, head.durationMs);
    if (at !== undefined) this.#protect(head, at, { firm: false, fragmented: false });
  }

  /** Whether all that the last cycle protected is protected as it was. Says no where it would have to look closer. */
  areAsBefore(): boolean {
    const before = this.#cycle.promised ?? [];
    const stays = ({ id, at, firm }: Promised): boolean =>
      firm && this.promised.some((one) => one.firm && one.id === id && one.at === at);
    return this.#young === undefined && before.every(stays);
  }

  release(): void {
    for (const { id } of this.promised) this.#cycle.profile.release(headHold(id));
    this.#forgetKept();
  }

  #look(): void {
    const { now, profile, order } = this.#cycle;
    let hopeless = 0;
    for (const candidate of order) {
      if (this.#closed.has(candidate.shape)) continue;
      const at = this.#earliestFor(candidate);
      if (at === undefined) {
        hopeless += 1;
        if (hopeless > MOST_HOPELESS) return;
      } else if (at > now && isYoung(candidate, now)) {
        this.#young = candidate;
        return;
      } else if (at > now) {
        this.#protect(candidate, at, { firm: true, fragmented: false });
      } else if (this.#start(candidate) === 'no-node') {
        const { amounts, durationMs } = candidate;
        const later = profile.earliestStart(amounts, durationMs, profile.changeAfter(now) ?? FOREVER);
        if (later !== undefined) this.#protect(candidate, later, { firm: false, fragmented: true });
      }
      if (this.promised.length >= this.#depth) return;
    }
  }

  /** One that is new to the heads and must wait goes before those that come after it, whatever they were promised. */
  #earliestFor({ id, amounts, durationMs }: Candidate): number | undefined {
    const { now, profile } = this.#cycle;
    const wasPromised = this.#kept.delete(id);
    if (wasPromised) profile.release(headHold(id));
    const at = profile.earliestStart(amounts, durationMs);
    if (wasPromised || at === now || this.#kept.size === 0) return at;
    this.#forgetKept();
    return profile.earliestStart(amounts, durationMs);
  }

  #protect({ id, amounts, durationMs }: Candidate, at: number, more: Pick<Promised, 'firm' | 'fragmented'>): void {
    this.promised.push({ id, at, ...more });
    this.#cycle.profile.hold(headHold(id), { amounts, from: at, to: at + durationMs, lapses: true });
  }

  /**
   * Planned afresh, one head could take the time of the next: when something ends early, the first moves forward, over a
   * gap that the second was promised.
   */
  #keep(): void {
    const { now, profile, index, promised } = this.#cycle;
    for (const { id, at, firm } of promised ?? []) {
      const head = index.get(id);
      if (head === undefined || !firm) continue;
      const from = Math.max(at, now);
      profile.hold(headHold(id), { amounts: head.amounts, from, to: from + head.durationMs, lapses: true });
      this.#kept.add(id);
    }
  }

  #forgetKept(): void {
    for (const id of this.#kept) this.#cycle.profile.release(headHold(id));
    this.#kept.clear();
  }
}

/** Under a name that no workload has. */
const headHold = (id: string): string => `head ${id}`;
