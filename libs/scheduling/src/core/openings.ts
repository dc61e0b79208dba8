import { within } from '../backfill/amounts.js';
import type { Cycle } from './cycle.js';
import type { Given } from './given.js';
import { type Kind, type RankLine, shapeIn } from './line.js';

/**
 * For how long one of a kind could stay where it fits now, in sum and on a node, as far as what is held leaves room.
 *
 * @returns milliseconds; Infinity: where a reservation runs, which some may use; -1: it fits nowhere
 */
export function openFor({ state, heads }: Cycle, { full }: Given, kind: Kind): number {
  let longest = -1;
  if (full.has(kind)) return longest;
  for (const flavor of kind.flavors) {
    const pool = heads.get(flavor)?.pool;
    if (!pool) continue;
    const isReserved = pool.reservations.some(({ from, to }) => from <= state.now && state.now < to);
    const room = isReserved ? Infinity : pool.profile.freeFor(kind.amounts);
    if (room === 0 || !within(kind.amounts, pool.profile.capacity)) continue;
    if (pool.nodes.fits(shapeIn(kind, pool.nodes))) longest = Math.max(longest, room);
  }
  if (longest < 0) full.add(kind);
  return longest;
}

/**
 * The lines, by rank, of which the shortest fits into what is free now: where it does not none does.
 *
 * @param rank  this one alone
 */
export function openLines(cycle: Cycle, given: Given, rank?: number): Map<number, RankLine[]> {
  const open = new Map<number, RankLine[]>();
  for (const kind of cycle.state.waiting.kinds.values()) {
    if (rank !== undefined && !kind.ranks.has(rank)) continue;
    const longest = openFor(cycle, given, kind);
    if (longest < 0) continue;
    for (const [of, lines] of kind.ranks) {
      if (rank !== undefined && of !== rank) continue;
      const found = open.get(of) ?? [];
      open.set(of, found);
      for (const line of lines) {
        if (line.shortestMs > longest) break;
        found.push(line);
      }
    }
  }
  return open;
}
