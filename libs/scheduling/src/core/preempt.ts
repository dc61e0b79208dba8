import { FOREVER } from '../backfill/capacity-profile.js';
import type { CoreAction } from './actions.js';
import { barred, isRoom, roomOn } from './attempt.js';
import { type Cycle, start } from './cycle.js';
import type { Pending } from './line.js';
import { dissolve, nominate } from './nominate.js';
import { ownsOn } from './reservations.js';
import type { FullState } from './state.js';
import { compareTurns, turnOf } from './turn.js';
import { MINUTE, MOST_DOUBLINGS, planEviction, someGo, thoseOf } from './victims.js';

/** So many that wait are looked at in one cycle. */
export const MOST_TRIES = 16;

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
    const room = roomOn(state, pending, state.pool(flavor), undefined);
    if (isRoom(room)) start(state, pending, room, actions);
  }
}

/** Makes room for those that wait, where others may be made to go. @returns when to try again at the latest */
export function preempt({ state, refused, actions }: Cycle): number {
  let tries = 0;
  let highest = -1;
  const tried = new Set<string>();
  const attempt = (pending: Pending): void => {
    const { workload, group } = pending;
    if (tried.has(workload.id) || tries >= MOST_TRIES) return;
    tried.add(workload.id);
    if (!group.class || state.nominations.has(workload.id) || !state.waiting.get(workload.id)) return;
    tries += 1;
    highest = Math.max(highest, group.class.rank);
    for (const flavor of group.ask.flavors) {
      const pool = state.pools.get(flavor);
      if (!pool || pool.nodes.size === 0) continue;
      const plan = planEviction(state, pending, pool, ownsOn(pool, workload, state.now));
      if (!plan) continue;
      nominate(state, pending, plan, actions);
      return;
    }
  };
  // Those whose turn came first, then the first of each ask, which others before it in the order need not hold up.
  for (const { pending, reason } of refused) if (LACKS.has(reason.code)) attempt(pending);
  for (const pending of firstOnes(state)) attempt(pending);
  return tries > 0 ? nextRipe(state, highest) : FOREVER;
}

export const LACKS: ReadonlySet<string> = new Set(['QuotaWait', 'Capacity', 'Fragmented', 'BehindHead']);

/** Whether anybody may be made to go at the end of the cycle: who runs, or may start until then. */
export const mayEvict = ({ config, pools, waiting, evicted }: FullState): boolean =>
  config.reservations.length > 0 ||
  evicted.length > 0 ||
  config.classes.some(
    ({ name, evict }) =>
      evict !== 'never' && (waiting.has(name) || [...pools.values()].some(({ byClass }) => byClass.has(name))),
  );

/** Of each ask the first one that is allowed to start, where there is anybody whom it could make go; in order. */
function firstOnes(state: FullState): Pending[] {
  if (![...state.pools.values()].some((pool) => someGo(state, pool, Infinity))) return [];
  const turns = [...state.waiting.lines.values()].flatMap(({ asks }) =>
    [...asks.values()].flatMap((ask) => {
      const top = Math.max(...ask.ranks.keys());
      const pools = ask.flavors.flatMap((flavor) => state.pools.get(flavor) ?? []);
      if (!pools.some((pool) => someGo(state, pool, top))) return [];
      const first = ask.ranks.get(top)?.byAge.first();
      return first && !barred(state, first) ? [turnOf(state, first, state.shares.pathShares(ask.line.queue))] : [];
    }),
  );
  return turns.sort(compareTurns).map(({ pending }) => pending);
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
