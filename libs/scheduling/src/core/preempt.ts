import { FOREVER } from '../backfill/capacity-profile.js';
import type { CoreAction } from './actions.js';
import { type Cycle, start } from './cycle.js';
import { dissolve, nominate } from './nominate.js';
import { claimsOn, ownsOn } from './reservations.js';
import type { FullState } from './state.js';
import { MINUTE, MOST_DOUBLINGS, planEviction, thoseOf } from './victims.js';

/** So many that wait are looked at in one cycle. */
const MOST_TRIES = 16;

/** Starts those for whom all have left, and gives up on those for whom nobody leaves in time. */
export function settleNominations(state: FullState, actions: CoreAction[]): void {
  for (const nomination of [...state.nominations.values()]) {
    const { workload, flavor, placement, victims } = nomination;
    const pending = state.waiting.get(workload.id);
    const isGone = pending === undefined || !state.pool(flavor).nodes.node(placement.node);
    const isKept = victims.some((id) => state.running.get(id)?.leaving?.for !== workload.id);
    if (isGone || isKept || nomination.until <= state.now) {
      dissolve(state, workload.id, actions);
      continue;
    }
    const queue = state.queue(workload.queue);
    if (victims.length > 0 || queue?.state !== 'open' || !pending.group.class) continue;
    // What was kept is free for a moment, and nobody comes between.
    dissolve(state, workload.id, actions);
    const pool = state.pool(flavor);
    const { own } = claimsOn(pool, pending.workload, pending.group.class, state.now);
    const room = pool.nodes.trial(() => canTake(() => pool.nodes.take(placement)));
    const inQuota = typeof state.ledger.fitsQuota(workload.queue, flavor, pending.group.ask.amounts) === 'string';
    if (!room || !inQuota) continue;
    const until = state.now + pending.durationMs;
    start(state, pending, { flavor, placement, until, reservation: own, lent: false, clippedBy: null }, actions);
  }
}

function canTake(take: () => void): boolean {
  try {
    take();
    return true;
  } catch {
    return false;
  }
}

/** Makes room for the first ones that wait, where others may be made to go. @returns when to try again at the latest */
export function preempt({ state, refused, actions, heads }: Cycle): number {
  let tries = 0;
  let highest = -1;
  for (const { pending, reason } of refused) {
    if (tries >= MOST_TRIES) break;
    const { workload, group } = pending;
    const { code } = reason;
    const lacks = code === 'QuotaWait' || code === 'Capacity' || code === 'Fragmented' || code === 'BehindHead';
    if (!lacks || !group.class || state.nominations.has(workload.id) || !state.waiting.get(workload.id)) continue;
    // One that lacks capacity and is no head comes after those that are.
    const flavors = group.ask.flavors.filter(
      (flavor) => code === 'QuotaWait' || heads.get(flavor)?.has(workload.id) || state.config.protectedHeads === 0,
    );
    tries += 1;
    for (const flavor of flavors) {
      const pool = state.pools.get(flavor);
      if (!pool || pool.nodes.size === 0) continue;
      const owns = ownsOn(pool, { ...workload }, state.now);
      const plan = planEviction(state, pending, pool, owns);
      if (!plan) continue;
      nominate(state, pending, plan, actions);
      break;
    }
    highest = Math.max(highest, group.class.rank);
  }
  return tries > 0 ? nextRipe(state, highest) : FOREVER;
}

/** When time alone lets somebody be evicted who may not be now: has run long enough, or been idle for long enough. */
function nextRipe(state: FullState, rank: number): number {
  let next = FOREVER;
  for (const pool of state.pools.values()) {
    for (const { workload, startedAt, idleSince, leaving } of thoseOf(state, pool, rank, false)) {
      const its = state.classOf(workload);
      if (!its || leaving) continue;
      const ripe = startedAt + its.minRuntimeMs * 2 ** Math.min(MOST_DOUBLINGS, workload.evictions);
      const at = Math.max(ripe, its.evict === 'reclaim' ? (idleSince ?? FOREVER) + its.idleMs : 0);
      if (at > state.now && at < next) next = at;
    }
  }
  const budget = state.evicted.find(({ at }) => at + MINUTE > state.now);
  return budget ? Math.min(next, budget.at + MINUTE) : next;
}
