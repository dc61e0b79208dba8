import type { ClassConfig } from './model.js';

/** By what the line is ordered, first first; each is looked at only where all before it are equal. */
export interface OrderKey {
  /** Owner of a reservation that runs. */
  readonly owns: boolean;
  /** Effective: see `effectiveRank`. */
  readonly rank: number;
  /** Beyond its queue's own quota. */
  readonly borrows: boolean;
  /** From the topmost cohort to the queue. */
  readonly shares: readonly number[];
  /** What its user had of late. */
  readonly usage: number;
  readonly offset: number;
  readonly submittedAt: number;
  readonly id: string;
}

/** Negative: `a` goes first. Never 0 for two ids. */
export function compareKeys(a: OrderKey, b: OrderKey): number {
  if (a.owns !== b.owns) return a.owns ? -1 : 1;
  if (a.rank !== b.rank) return b.rank - a.rank;
  if (a.borrows !== b.borrows) return a.borrows ? 1 : -1;
  for (let level = 0; level < Math.min(a.shares.length, b.shares.length); level += 1) {
    const apart = (a.shares[level] as number) - (b.shares[level] as number);
    if (apart !== 0) return apart;
  }
  if (a.shares.length !== b.shares.length) return a.shares.length - b.shares.length;
  if (a.usage !== b.usage) return a.usage - b.usage;
  if (a.offset !== b.offset) return b.offset - a.offset;
  if (a.submittedAt !== b.submittedAt) return a.submittedAt - b.submittedAt;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/**
 * The class's rank, raised to that of the next class up each time `maxWaitMs` has passed, never to that of the highest.
 *
 * @param classes  all of them
 * @returns the rank, and when it is raised next; null: never
 */
export function effectiveRank(
  { rank, maxWaitMs }: ClassConfig,
  classes: readonly ClassConfig[],
  waitedMs: number,
): { rank: number; raisedAfterMs: number | null } {
  const ranks = [...new Set(classes.map((one) => one.rank))].sort((a, b) => a - b);
  const above = ranks.slice(0, -1).filter((one) => one > rank);
  const raises = Math.min(above.length, Math.max(0, Math.floor(waitedMs / Math.max(1, maxWaitMs))));
  return {
    rank: raises === 0 ? rank : (above[raises - 1] as number),
    raisedAfterMs: raises === above.length ? null : (raises + 1) * Math.max(1, maxWaitMs),
  };
}
