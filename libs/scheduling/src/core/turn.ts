import type { Heads } from './heads.js';
import { ownsOn } from './reservations.js';
import type { FullState } from './state.js';
import { type Ask, compareAge, type Group, type Pending, type QueueLine } from './waiting.js';

/** By what the line is ordered, first first; each is looked at only where all before it are equal. */
export interface Turn {
  readonly pending: Pending;
  /** Owner of a reservation that runs. */
  readonly owns: boolean;
  /** Beyond its queue's own quota. */
  readonly borrows: boolean;
  /** From the topmost cohort to the queue. */
  readonly shares: readonly number[];
  /** What its user had of late. */
  readonly usage: number;
}

/** Negative: `a` goes first. Never 0 for two workloads. */
export function compareTurns(a: Turn, b: Turn): number {
  if (a.owns !== b.owns) return a.owns ? -1 : 1;
  const ranks = b.pending.group.rank - a.pending.group.rank;
  if (ranks !== 0) return ranks;
  if (a.borrows !== b.borrows) return a.borrows ? 1 : -1;
  for (let level = 0; level < Math.min(a.shares.length, b.shares.length); level += 1) {
    const apart = (a.shares[level] as number) - (b.shares[level] as number);
    if (apart !== 0) return apart;
  }
  if (a.shares.length !== b.shares.length) return a.shares.length - b.shares.length;
  return a.usage - b.usage || compareAge(a.pending, b.pending);
}

/** The order of one cycle: gives the first of those that were not looked at, as shares change by what starts. */
export class Order {
  readonly #closedLines = new Set<QueueLine>();
  readonly #closedAsks = new Set<Ask>();
  readonly #closedGroups = new Set<Group>();
  /** Where a group goes on whose first ones were looked at. */
  readonly #after = new Map<Group, Pending>();
  readonly #touched = new Set<Ask>();
  /** Lines whose first one need not be the one that it would be afresh. */
  readonly #changed = new Set<QueueLine>();
  #anyComplete = false;
  readonly #turns = new Map<QueueLine, Turn | null>();
  readonly #hasReservations: boolean;

  constructor(
    private readonly state: FullState,
    private readonly heads: ReadonlyMap<string, Heads>,
  ) {
    this.#hasReservations = state.config.reservations.some(({ from, to }) => from <= state.now && state.now < to);
  }

  /** Undefined: nobody is left who could become a head. */
  first(): Turn | undefined {
    let best: Turn | undefined;
    for (const line of this.state.waiting.lines.values()) {
      let turn = this.#turns.get(line);
      if (turn === undefined) {
        turn = this.#ofLine(line);
        this.#turns.set(line, turn);
      }
      if (turn && (!best || compareTurns(turn, best) < 0)) best = turn;
    }
    return best;
  }

  closeLine(line: QueueLine): void {
    this.#closedLines.add(line);
    this.#turns.set(line, null);
  }

  closeAsk(ask: Ask): void {
    this.#closedAsks.add(ask);
    this.#changed.add(ask.line);
    this.#turns.delete(ask.line);
  }

  closeGroup(group: Group): void {
    this.#closedGroups.add(group);
    this.#touch(group);
  }

  /** Goes on behind it. */
  pass(pending: Pending): void {
    this.#after.set(pending.group, pending);
    this.#touch(pending.group);
  }

  /** One has started: the shares of its queue, and of the cohorts above, have changed. */
  started(line: QueueLine): void {
    this.#turns.delete(line);
    for (const [other, turn] of this.#turns)
      if (turn) this.#turns.set(other, { ...turn, shares: this.state.shares.pathShares(other.queue) });
  }

  /** A flavor has all its heads: who wants it only has to wait for what they leave. */
  headsComplete(): void {
    this.#anyComplete = true;
    this.#turns.clear();
  }

  isClosedLine(line: QueueLine): boolean {
    return this.#closedLines.has(line);
  }

  isClosed(ask: Ask): boolean {
    return this.#closedAsks.has(ask);
  }

  #touch(group: Group): void {
    this.#touched.add(group.ask);
    this.#changed.add(group.ask.line);
    this.#turns.delete(group.ask.line);
  }

  #ofLine(line: QueueLine): Turn | null {
    if (this.#closedLines.has(line)) return null;
    const isFresh = !this.#hasReservations && !this.#changed.has(line) && !this.#anyComplete;
    const at = this.state.ledger.versionOf(line.queue);
    if (isFresh && line.top?.at === at)
      return this.turnOf(this.#next(line.top.group) as Pending, this.state.shares.pathShares(line.queue));
    const { shares } = this.state;
    const path = shares.pathShares(line.queue);
    let best: Turn | null = null;
    for (const ask of line.asks.values()) {
      if (this.#closedAsks.has(ask) || !this.#isOpen(ask)) continue;
      const group = this.#topOf(ask);
      if (!group) continue;
      const turn = this.turnOf(this.#next(group) as Pending, path);
      if (!best || compareTurns(turn, best) < 0) best = turn;
    }
    if (isFresh) line.top = best ? { group: best.pending.group, at } : undefined;
    return best;
  }

  turnOf(pending: Pending, path: readonly number[] = []): Turn {
    const { group } = pending;
    const usage = this.state.shares.userShare(group.ask.line.queue, group.user);
    return { pending, owns: this.owns(group), borrows: borrows(this.state, group.ask), shares: path, usage };
  }

  owns({ ask, ...group }: Group): boolean {
    if (!this.#hasReservations) return false;
    const { pools, now } = this.state;
    const who = { queue: ask.line.queue, ...group };
    return ask.flavors.some((flavor) => ownsOn(pools.get(flavor), who, now));
  }

  #isOpen({ flavors }: Ask): boolean {
    let known = false;
    for (const flavor of flavors) {
      const heads = this.heads.get(flavor);
      if (heads && !heads.complete) return true;
      known ||= heads !== undefined;
    }
    // What has no nodes at all is to be told so.
    return !known;
  }

  #topOf(ask: Ask): Group | undefined {
    if (ask.top && !this.#touched.has(ask) && !this.#hasReservations) return ask.top;
    let best: Group | undefined;
    let key: [boolean, number] = [false, 0];
    for (const group of ask.groups.values()) {
      if (this.#closedGroups.has(group)) continue;
      const next = this.#next(group);
      if (!next) continue;
      const own: [boolean, number] = [this.owns(group), this.state.shares.userShare(ask.line.queue, group.user)];
      const first = best && this.#next(best);
      if (best && first && compareInAsk(group, own, next, best, key, first) >= 0) continue;
      [best, key] = [group, own];
    }
    if (!this.#touched.has(ask) && !this.#hasReservations) ask.top = best;
    return best;
  }

  #next(group: Group): Pending | undefined {
    const after = this.#after.get(group);
    return after ? group.byAge.after(after) : group.first;
  }
}

function compareInAsk(
  ...[a, keyA, firstA, b, keyB, firstB]: [Group, [boolean, number], Pending, Group, [boolean, number], Pending]
): number {
  if (keyA[0] !== keyB[0]) return keyA[0] ? -1 : 1;
  return b.rank - a.rank || keyA[1] - keyB[1] || compareAge(firstA, firstB);
}

/** Whether one more of the ask is beyond the queue's own quota on all its flavors. */
export function borrows({ ledger }: FullState, ask: Ask): boolean {
  const at = ledger.versionOf(ask.line.queue);
  if (ask.borrows.at !== at) {
    const is = !ask.flavors.some((flavor) => ledger.isOwn(ask.line.queue, flavor, ask.amounts));
    ask.borrows = { at, is };
  }
  return ask.borrows.is;
}
