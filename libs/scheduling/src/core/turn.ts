import type { FairShare } from './fair-share.js';
import type { Ledger } from './ledger.js';
import { type Ask, compareAge, type Group, type Pending } from './line.js';
import type { CoreConfig } from './model.js';
import type { Pool } from './pool.js';
import { ownsOn, runs } from './reservations.js';

/** What decides on the order, beside the workloads themselves. */
export interface Grounds {
  readonly config: CoreConfig;
  readonly now: number;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly ledger: Ledger;
  readonly shares: FairShare;
}

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

/** The same of two groups as they were ranked last: what is looked at before the shares, and after them. */
export function compareClaims(a: Group, b: Group): number {
  if (a.owns !== b.owns) return a.owns ? -1 : 1;
  return b.rank - a.rank || Number(a.ask.isBeyond) - Number(b.ask.isBeyond);
}
export const compareUsers = (a: Group, b: Group): number =>
  a.usage - b.usage || compareAge(a.next as Pending, b.next as Pending);

/** Of one queue. */
export const compareGroups = (a: Group, b: Group): number => compareClaims(a, b) || compareUsers(a, b);
export const compareAsks = (a: Ask, b: Ask): number =>
  compareGroups(a.contest.first as Group, b.contest.first as Group);

/** As things are now. @param shares  of its queue; none where those of one queue are compared */
export function turnOf(grounds: Grounds, pending: Pending, shares: readonly number[] = []): Turn {
  const { group } = pending;
  const usage = grounds.shares.userShare(group.ask.line.queue, group.user);
  return { pending, owns: owns(grounds, group), borrows: borrows(grounds, group.ask), shares, usage };
}

/** Whether it owns a reservation that runs. */
export function owns({ config, pools, now }: Grounds, group: Group): boolean {
  if (!config.reservations.some((one) => runs(one, now))) return false;
  const { ask, user, project, instrument } = group;
  const who = { queue: ask.line.queue, user, project, instrument };
  return ask.flavors.some((flavor) => ownsOn(pools.get(flavor), who, now));
}

/** Whether one more of the ask is beyond the queue's own quota on all its flavors. */
export function borrows({ ledger }: Grounds, ask: Ask): boolean {
  const at = ledger.versionOf(ask.line.queue);
  if (ask.borrows.at !== at) {
    const is = !ask.flavors.some((flavor) => ledger.isOwn(ask.line.queue, flavor, ask.amounts));
    ask.borrows = { at, is };
  }
  return ask.borrows.is;
}
