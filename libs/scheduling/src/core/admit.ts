import { within } from '../backfill/amounts.js';
import type { Cycle } from './cycle.js';
import { tellingReason } from './cycle.js';
import { isOverdue } from './heads.js';
import { borrows } from './turn.js';
import { compareAge, compareDuration, type Group, type Pending, type QueueLine } from './waiting.js';

/** So many overdue ones of a group are tried by age in one cycle, then the shortest: bounds the cost of a deep queue. */
const OVERDUE_PER_GROUP = 100;

/** Starts in order all that may start, until each flavor has its protected heads. */
export function admitInOrder(cycle: Cycle): void {
  const { order, refused } = cycle;
  for (let turn = order.first(); turn; turn = order.first()) {
    const { pending } = turn;
    const answer = cycle.attempt(pending, true);
    if (answer === undefined) continue;
    if (Array.isArray(answer)) {
      cycle.wait(pending, answer);
      continue;
    }
    refused.push({ pending, reason: answer });
    if (answer.code === 'QueueHeld') order.closeLine(pending.group.ask.line);
    else if (answer.code === 'UserCap' || answer.code === 'Deactivated') order.closeGroup(pending.group);
    else order.closeAsk(pending.group.ask);
  }
}

/**
 * Starts, rank by rank, whatever moves neither a protected head nor a reservation: the queue with the least share first,
 * in it those past their maxWait oldest first, then the shortest. A group is left at its first one that does not fit,
 * since all longer ones of it do not fit either.
 *
 * @see EASY: Lifka, JSSPP 1995; shortest first: Tsafrir et al., IEEE TPDS 18 (2007); the measurements: docs/adr/0014
 */
export function backfill(cycle: Cycle): void {
  const byRank = openGroups(cycle);
  for (const rank of [...byRank.keys()].sort((a, b) => b - a)) {
    for (const heads of cycle.heads.values()) heads.protectFromBelow(rank);
    fill(cycle, byRank.get(rank) ?? []);
  }
}

/** The groups that fit into what is free now, by rank. */
function openGroups({ state, order }: Cycle): Map<number, Group[]> {
  const ranks = new Map<number, Group[]>();
  const free = [...state.pools.values()].map(({ flavor, profile, reservations }) => ({
    flavor,
    // Some may take what is reserved.
    amounts: reservations.some(({ from, to }) => from <= state.now && state.now < to)
      ? profile.capacity
      : profile.freeNow,
  }));
  for (const line of state.waiting.lines.values()) {
    for (const ask of line.asks.values()) {
      const has = free.some(({ flavor, amounts }) => ask.flavors.includes(flavor) && within(ask.amounts, amounts));
      if (!has) continue;
      for (const group of ask.groups.values()) {
        if (order.isClosedGroup(group)) continue;
        const groups = ranks.get(group.rank);
        if (groups) groups.push(group);
        else ranks.set(group.rank, [group]);
      }
    }
  }
  return ranks;
}

interface Front {
  readonly group: Group;
  /** Its turn has come; undefined: none of it is left to be tried. */
  pending: Pending | undefined;
  /** Tried by age so far; null: shortest first from now on. */
  overdue: number | null;
}

function fill(cycle: Cycle, groups: readonly Group[]): void {
  const { state } = cycle;
  const lines = new Map<QueueLine, Front[]>();
  for (const group of groups) {
    const front: Front = { group, pending: group.byAge.first(), overdue: 0 };
    byAgeOrShortest(front, state.now);
    const fronts = lines.get(group.ask.line);
    if (fronts) fronts.push(front);
    else lines.set(group.ask.line, [front]);
  }
  for (let front = best(cycle, lines); front?.pending; front = best(cycle, lines)) {
    const { pending, group } = front;
    const after = front.overdue === null ? group.byDuration.after(pending) : group.byAge.after(pending);
    const answer = cycle.attempt(pending, false);
    if (answer === undefined) {
      front.pending = after;
      byAgeOrShortest(front, state.now);
      continue;
    }
    cycle.refused.push({ pending, reason: Array.isArray(answer) ? tellingReason(answer) : answer });
    if (!Array.isArray(answer) && answer.code === 'UserCap') cycle.order.closeGroup(group);
    const onlyLong =
      Array.isArray(answer) && answer.some(({ reason: { code } }) => code === 'BehindHead' || code === 'ReservedFor');
    if (onlyLong && front.overdue !== null) {
      front.pending = after;
      front.overdue += 1;
      byAgeOrShortest(front, state.now);
    } else if (onlyLong || cycle.order.isClosedGroup(group)) front.pending = undefined;
    else {
      cycle.order.closeAsk(group.ask);
      front.pending = undefined;
    }
  }
}

/** Whether the next one is still tried for its age. */
function byAgeOrShortest(front: Front, now: number): void {
  if (front.overdue === null) return;
  if (front.pending && front.overdue < OVERDUE_PER_GROUP && isOverdue(front.pending, now)) return;
  front.overdue = null;
  front.pending = front.group.byDuration.first();
}

/** The next to be tried: of the queue with the least share. */
function best({ state, order }: Cycle, lines: ReadonlyMap<QueueLine, Front[]>): Front | undefined {
  let found: { front: Front; borrows: boolean; shares: number[] } | undefined;
  for (const [line, fronts] of lines) {
    let own: { front: Front; borrows: boolean } | undefined;
    for (const front of fronts) {
      if (!front.pending || order.isClosedGroup(front.group)) continue;
      const one = { front, borrows: borrows(state, front.group.ask) };
      if (!own || compareFronts(one, own) < 0) own = one;
    }
    if (!own) continue;
    const shares = state.shares.pathShares(line.queue);
    if (!found || compareLines({ ...own, shares }, found) < 0) found = { ...own, shares };
  }
  return found?.front;
}

function compareFronts(a: { front: Front; borrows: boolean }, b: { front: Front; borrows: boolean }): number {
  if (a.borrows !== b.borrows) return a.borrows ? 1 : -1;
  const [first, second] = [a.front.pending as Pending, b.front.pending as Pending];
  if ((a.front.overdue === null) !== (b.front.overdue === null)) return a.front.overdue === null ? 1 : -1;
  return a.front.overdue === null ? compareDuration(first, second) : compareAge(first, second);
}

type LineBest = { front: Front; borrows: boolean; shares: number[] };
function compareLines(a: LineBest, b: LineBest): number {
  if (a.borrows !== b.borrows) return a.borrows ? 1 : -1;
  for (const [level, share] of a.shares.entries()) {
    const apart = share - (b.shares[level] ?? 0);
    if (apart !== 0) return apart;
  }
  return compareFronts(a, b);
}
