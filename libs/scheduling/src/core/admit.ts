import { within } from '../backfill/amounts.js';
import type { Cycle } from './cycle.js';
import { tellingReason } from './cycle.js';
import { isOverdue } from './heads.js';
import type { Pool } from './pool.js';
import { borrows } from './turn.js';
import {
  type Ask,
  compareAge,
  compareDuration,
  type Pending,
  type QueueLine,
  type RankLine,
  shapeIn,
} from './waiting.js';

/** So many overdue ones of a line are tried by age in one cycle, then the shortest: bounds the cost of a deep queue. */
const OVERDUE_PER_LINE = 1_000;
/** So many are passed over whose users may have no more. */
const MOST_PASSED = 100;

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
 * in it those past their maxWait oldest first, then the shortest. A line is left at its first one that does not fit,
 * since all longer ones of it do not fit either.
 *
 * @see EASY: Lifka, JSSPP 1995; shortest first: Tsafrir et al., IEEE TPDS 18 (2007); the measurements: docs/adr/0014
 */
export function backfill(cycle: Cycle): void {
  const byRank = openLines(cycle);
  for (const rank of [...byRank.keys()].sort((a, b) => b - a)) {
    for (const heads of cycle.heads.values()) heads.protectFromBelow(rank);
    fill(cycle, byRank.get(rank) ?? []);
  }
}

/** Those of which one may fit into what is free now, by rank. */
function openLines({ state, order, heads }: Cycle): Map<number, RankLine[]> {
  const ranks = new Map<number, RankLine[]>();
  const rooms = new Map<string, Pool[]>();
  for (const queue of state.waiting.lines.values()) {
    if (order.isClosedLine(queue)) continue;
    for (const ask of queue.asks.values()) {
      let pools = rooms.get(ask.key);
      if (!pools) {
        pools = poolsFor(ask, heads, state.now);
        rooms.set(ask.key, pools);
      }
      if (pools.length === 0 || order.isClosed(ask)) continue;
      for (const line of ask.ranks.values()) {
        if (!pools.some((pool) => isShortEnough(line, pool, state.now))) continue;
        const lines = ranks.get(line.rank);
        if (lines) lines.push(line);
        else ranks.set(line.rank, [line]);
      }
    }
  }
  return ranks;
}

/** Where it fits now, in sum and on a node. */
function poolsFor(ask: Ask, heads: Cycle['heads'], now: number): Pool[] {
  const found: Pool[] = [];
  for (const flavor of ask.flavors) {
    const pool = heads.get(flavor)?.pool;
    if (!pool) continue;
    // Some may take what is reserved.
    const { freeNow, capacity } = pool.profile;
    if (!within(ask.amounts, hasReservation(pool, now) ? capacity : freeNow)) continue;
    if (pool.nodes.fits(shapeIn(ask, pool.nodes))) found.push(pool);
  }
  return found;
}

/** Where the shortest does not fit none does. */
function isShortEnough({ ask, shortestMs }: RankLine, pool: Pool, now: number): boolean {
  return shortestMs === 0 || hasReservation(pool, now) || pool.profile.fits(ask.amounts, shortestMs);
}

const hasReservation = ({ reservations }: Pool, now: number): boolean =>
  reservations.some(({ from, to }) => from <= now && now < to);

interface Front {
  readonly line: RankLine;
  readonly borrows: boolean;
  /** Its turn has come; undefined: none of it is left to be tried. */
  pending: Pending | undefined;
  /** Tried by age so far; null: shortest first from now on. */
  overdue: number | null;
  /** Those whose users may have no more were passed over. */
  passed: number;
}

/** One queue's part of it. */
interface Part {
  readonly fronts: Front[];
  /** Undefined: to be found anew; null: there is none. */
  best: Front | null | undefined;
}

function fill(cycle: Cycle, lines: readonly RankLine[]): void {
  const { state, order } = cycle;
  const parts = new Map<QueueLine, Part>();
  for (const line of lines) {
    const front = { line, borrows: false, pending: line.oldest, overdue: 0, passed: 0 };
    byAgeOrShortest(front, state.now);
    const part = parts.get(line.ask.line);
    if (part) part.fronts.push(front);
    else parts.set(line.ask.line, { fronts: [front], best: undefined });
  }
  // What has started meanwhile has taken what there was: known for all that ask for the same.
  const rooms = new Map<string, boolean>();
  const hasRoom = (ask: Ask): boolean => {
    const known = rooms.get(ask.key) ?? poolsFor(ask, cycle.heads, state.now).length > 0;
    rooms.set(ask.key, known);
    return known;
  };
  for (let front = best(cycle, parts, hasRoom); front?.pending; front = best(cycle, parts, hasRoom)) {
    const { pending, line } = front;
    (parts.get(line.ask.line) as Part).best = undefined;
    const after = front.overdue === null ? line.byDuration.after(pending) : line.byAge.after(pending);
    const answer = hasRoom(line.ask) ? cycle.attempt(pending, false) : [];
    if (answer === undefined) {
      rooms.clear();
      front.pending = after;
      byAgeOrShortest(front, state.now);
      continue;
    }
    if (Array.isArray(answer)) {
      if (answer.length > 0) cycle.refused.push({ pending, reason: tellingReason(answer) });
    } else cycle.refused.push({ pending, reason: answer });
    const isCapped = !Array.isArray(answer) && answer.code === 'UserCap';
    const isLong =
      Array.isArray(answer) && answer.some(({ reason: { code } }) => code === 'BehindHead' || code === 'ReservedFor');
    if (isCapped && front.passed < MOST_PASSED) {
      front.passed += 1;
      front.pending = after;
      byAgeOrShortest(front, state.now);
    } else if (isLong && front.overdue !== null) {
      front.pending = after;
      front.overdue += 1;
      byAgeOrShortest(front, state.now);
    } else {
      front.pending = undefined;
      if (!isLong && !isCapped) order.closeAsk(line.ask);
    }
  }
}

/** Whether the next one is still tried for its age. */
function byAgeOrShortest(front: Front, now: number): void {
  if (front.overdue === null) return;
  if (front.pending && front.overdue < OVERDUE_PER_LINE && isOverdue(front.pending, now)) return;
  front.overdue = null;
  front.pending = front.line.shortest;
}

/** The next to be tried: of the queue with the least share. */
function best(cycle: Cycle, parts: ReadonlyMap<QueueLine, Part>, hasRoom: (ask: Ask) => boolean): Front | undefined {
  let found: { front: Front; shares: number[] } | undefined;
  for (const [line, part] of parts) {
    if (part.best === undefined) part.best = bestOf(cycle, part, hasRoom);
    const front = part.best;
    if (!front) continue;
    const shares = cycle.state.shares.pathShares(line.queue);
    if (!found || compareParts(front, shares, found.front, found.shares) < 0) found = { front, shares };
  }
  return found?.front;
}

function bestOf({ state, order }: Cycle, { fronts }: Part, hasRoom: (ask: Ask) => boolean): Front | null {
  let found: Front | null = null;
  for (const [at, front] of fronts.entries()) {
    if (!front.pending || order.isClosed(front.line.ask) || !hasRoom(front.line.ask)) continue;
    const now = { ...front, borrows: borrows(state, front.line.ask) };
    fronts[at] = now;
    if (!found || compareFronts(now, found) < 0) found = now;
  }
  return found;
}

function compareFronts(a: Front, b: Front): number {
  if (a.borrows !== b.borrows) return a.borrows ? 1 : -1;
  const [first, second] = [a.pending as Pending, b.pending as Pending];
  if ((a.overdue === null) !== (b.overdue === null)) return a.overdue === null ? 1 : -1;
  return a.overdue === null ? compareDuration(first, second) : compareAge(first, second);
}

function compareParts(a: Front, sharesOfA: readonly number[], b: Front, sharesOfB: readonly number[]): number {
  if (a.borrows !== b.borrows) return a.borrows ? 1 : -1;
  for (const [level, share] of sharesOfA.entries()) {
    const apart = share - (sharesOfB[level] ?? 0);
    if (apart !== 0) return apart;
  }
  return compareFronts(a, b);
}
