import { type Amounts, within } from '../backfill/amounts.js';
import type { Placement } from '../placement/placement.js';
import { clippedLease } from './attempt.js';
import type { Pending } from './line.js';
import { AXES } from './model.js';
import type { Pool } from './pool.js';
import { claimsOn } from './reservations.js';
import type { Running } from './running.js';
import type { FullState } from './state.js';

export interface Plan {
  readonly flavor: string;
  readonly placement: Placement;
  readonly victims: readonly Running[];
}

/** Of which what is evicted is bounded, milliseconds. */
export const MINUTE = 60_000;
/** Protection does not grow for ever. */
export const MOST_DOUBLINGS = 10;

/**
 * Whose places one gets: the fewest steps up the ladder, then the least work lost, over all nodes of the flavor. The set is
 * final: what turns out not to be needed is taken out, then the whole is looked at (quota, a real node, shares, budget).
 *
 * @param owns  it owns a running reservation of the flavor
 */
export function planEviction(state: FullState, pending: Pending, pool: Pool, owns: boolean): Plan | undefined {
  const candidates = evictable(state, pending, pool, owns);
  if (candidates.length === 0) return undefined;
  const byNode = new Map<string, Running[]>();
  for (const one of candidates) {
    const there = byNode.get(one.placement.node);
    if (there) there.push(one);
    else byNode.set(one.placement.node, [one]);
  }
  let best: { plan: Plan; cost: readonly number[] } | undefined;
  // Where a node has room but the quota lacks, it does not matter where those who leave are.
  for (const some of [candidates, ...byNode.values()]) {
    const plan = some === candidates ? planQuota(state, pending, pool, some) : planOn(state, pending, pool, some);
    if (!plan || !isFair(state, pending, pool, plan.victims, owns) || !inBudget(state, plan.victims)) continue;
    if (!hasTime(state, pending, pool, plan.victims)) continue;
    const cost = costOf(state, pool, plan.victims);
    if (!best || compareCosts(cost, best.cost) < 0) best = { plan, cost };
  }
  return best?.plan;
}

/** Those of lower rank that may be made to go, and idle ones; in the order of the ladder. */
function evictable(state: FullState, { workload, group }: Pending, pool: Pool, owns: boolean): Running[] {
  const { now, ledger } = state;
  const rank = group.class?.rank ?? -1;
  const { amounts } = group.ask;
  const grudge = state.grudges.get(workload.id);
  const claim = group.class ? claimsOn(pool, workload, group.class, now) : { own: null };
  const may = (one: Running): boolean => {
    const { workload: own } = one;
    const its = state.classOf(own);
    if (!its || one.leaving || !state.running.has(own.id) || own.id === workload.id) return false;
    const gives = one.amounts.some((amount, axis) => amount > 0 && (amounts[axis] as number) > 0);
    if (!gives) return false;
    const isIdle = its.evict === 'reclaim' && one.idleSince !== null && one.idleSince + its.idleMs <= now && !one.kept;
    if (owns && one.lent) return its.evict === 'requeue' || its.evict === 'reclaim';
    // Who uses a reservation of its own goes for nobody but another of its owners.
    if (one.reservation !== null && !one.lent && one.reservation !== claim.own) return false;
    const goes = its.evict === 'requeue' ? its.rank < rank : isIdle && its.rank <= rank;
    if (!goes) return false;
    const doublings = Math.min(MOST_DOUBLINGS, own.evictions);
    if (now - one.startedAt < its.minRuntimeMs * 2 ** doublings) return false;
    if (own.queue === workload.queue) return true;
    if (grudge && grudge.queue === own.queue && grudge.until > now) return false;
    return owns || ledger.isBeyondOwn(own.queue, pool.flavor, amounts);
  };
  return thoseOf(state, pool, rank, owns)
    .filter(may)
    .sort((a, b) => compareCosts(stepOf(state, a), stepOf(state, b)) || byId(a, b));
}

/** Those of classes of which any may go for a rank: mostly none, and then nobody is looked at. */
export function thoseOf({ config }: FullState, { byClass }: Pool, rank: number, owns: boolean): Running[] {
  return config.classes.flatMap((one) => {
    const goes = one.evict === 'requeue' ? one.rank < rank : one.evict === 'reclaim' && one.rank <= rank;
    return goes || owns ? [...(byClass.get(one.name) ?? [])] : [];
  });
}

/** Whether there is anybody of such a class. */
export const someGo = ({ config }: FullState, { byClass }: Pool, rank: number): boolean =>
  config.classes.some(
    ({ name, evict, rank: own }) =>
      byClass.has(name) && (evict === 'requeue' ? own < rank : evict === 'reclaim' && own <= rank),
  );

const byId = ({ workload: a }: Running, { workload: b }: Running): number => (a.id < b.id ? -1 : 1);

/** Lower goes first: idle ones, longest idle first; then by rank, least lost work first. */
function stepOf(state: FullState, one: Running): readonly number[] {
  const its = state.classOf(one.workload);
  if (its?.evict === 'reclaim') return [0, one.idleSince ?? 0];
  return [1 + (its?.rank ?? 0), (one.amounts[0] as number) * (state.now - one.startedAt), state.now - one.startedAt];
}

function costOf(state: FullState, pool: Pool, victims: readonly Running[]): readonly number[] {
  const steps = victims.map((one) => stepOf(state, one));
  const highest = Math.max(...steps.map(([step]) => step as number));
  const whole = Math.max(1, pool.total[0] as number, pool.total[1] as number);
  const lost = victims.reduce(
    (sum, one) => sum + (((one.amounts[0] || one.amounts[1]) as number) * (state.now - one.startedAt)) / whole,
    0,
  );
  const oldest = highest === 0 ? Math.max(...steps.map(([, since]) => since as number)) : 0;
  return [highest, oldest, Math.floor(lost), victims.length];
}

function compareCosts(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const apart = (a[at] as number) - (b[at] as number);
    if (apart !== 0) return apart;
  }
  return 0;
}

/** On one node: takes away until there is room, then gives back whoever is not needed. */
function planOn(state: FullState, pending: Pending, pool: Pool, candidates: readonly Running[]): Plan | undefined {
  const { nodes } = pool;
  const shape = nodes.shape(pending.group.ask.request);
  return nodes.trial(() => {
    const gone: Running[] = [];
    const place = (): Placement | undefined =>
      quotaWithout(state, pending, pool, gone) ? nodes.place(shape) : undefined;
    let placement: Placement | undefined;
    for (const one of candidates) {
      if (!staysBeyondOwn(state, pending, pool, gone, one)) continue;
      gone.push(one);
      nodes.release(one.placement);
      placement = place();
      if (placement) break;
    }
    if (!placement) return undefined;
    for (const one of [...gone].reverse()) {
      nodes.take(one.placement);
      gone.splice(gone.indexOf(one), 1);
      const without = place();
      if (without) placement = without;
      else {
        nodes.release(one.placement);
        gone.push(one);
      }
    }
    return gone.length > 0 ? { flavor: pool.flavor, placement, victims: gone } : undefined;
  });
}

/** A node has room: only quota is to be freed, wherever. */
function planQuota(state: FullState, pending: Pending, pool: Pool, candidates: readonly Running[]): Plan | undefined {
  const { amounts, request } = pending.group.ask;
  const placement = pool.nodes.place(pool.nodes.shape(request));
  if (!placement || !within(amounts, pool.profile.capacity)) return undefined;
  const victims: Running[] = [];
  for (const one of candidates) {
    if (quotaWithout(state, pending, pool, victims)) break;
    if (staysBeyondOwn(state, pending, pool, victims, one)) victims.push(one);
  }
  if (victims.length === 0 || !quotaWithout(state, pending, pool, victims)) return undefined;
  for (const one of [...victims].reverse()) {
    const without = victims.filter((other) => other !== one);
    if (without.length > 0 && quotaWithout(state, pending, pool, without)) victims.splice(victims.indexOf(one), 1);
  }
  return { flavor: pool.flavor, placement, victims };
}

/** Another queue gives only what is beyond its own. */
function staysBeyondOwn(
  state: FullState,
  { workload, group }: Pending,
  pool: Pool,
  gone: readonly Running[],
  one: Running,
): boolean {
  if (one.workload.queue === workload.queue || one.lent) return true;
  return withLedger(state, pool, gone, () =>
    state.ledger.isBeyondOwn(one.workload.queue, pool.flavor, group.ask.amounts),
  );
}

const quotaWithout = (state: FullState, { workload, group }: Pending, pool: Pool, gone: readonly Running[]): boolean =>
  withLedger(
    state,
    pool,
    gone,
    () => typeof state.ledger.fitsQuota(workload.queue, pool.flavor, group.ask.amounts) === 'string',
  );

function withLedger<T>({ ledger }: FullState, { flavor }: Pool, gone: readonly Running[], ask: () => T): T {
  for (const { workload, amounts } of gone) ledger.release(workload.queue, flavor, amounts);
  const answer = ask();
  for (const { workload, amounts } of gone) ledger.take(workload.queue, flavor, amounts);
  return answer;
}

/** Who takes more than its own may not end up with a greater share than those whom it takes it from. */
function isFair(
  state: FullState,
  { workload, group }: Pending,
  pool: Pool,
  victims: readonly Running[],
  owns: boolean,
): boolean {
  const { amounts } = group.ask;
  const others = new Set(victims.map((one) => one.workload.queue).filter((queue) => queue !== workload.queue));
  if (owns || others.size === 0 || state.ledger.isOwn(workload.queue, pool.flavor, amounts)) return true;
  const more = [state.usageOf({ workload, flavor: pool.flavor, amounts })];
  const less = victims.map((one) => state.usageOf(one));
  const own = state.shares.heldShares(workload.queue, more, less);
  return [...others].every((queue) => compareCosts(own, state.shares.heldShares(queue, more, less)) <= 0);
}

/** Whether it could stay for as long as it asks: behind no head, and before no reservation. */
function hasTime({ now }: FullState, pending: Pending, pool: Pool, victims: readonly Running[]): boolean {
  const { workload, group, durationMs } = pending;
  const own = group.class;
  if (!own) return false;
  const at = pool.promised.findIndex(({ id }) => id === workload.id);
  // A head gives way to those alone that were promised something before it.
  const heads = at < 0 ? pool.promised : pool.promised.slice(0, at);
  const { usable } = claimsOn(pool, workload, own, now);
  return pool.without(victims, heads, () =>
    pool.withReservations(
      usable,
      () =>
        pool.profile.fits(group.ask.amounts, durationMs) ||
        (workload.wallMs === null && clippedLease(pool, pending, own, now) !== undefined),
    ),
  );
}

/** What one minute may cost; one eviction that is more by itself waits for a minute without any. */
function inBudget(state: FullState, victims: readonly Running[]): boolean {
  state.evicted = state.evicted.filter(({ at }) => at > state.now - MINUTE);
  if (state.evicted.length === 0) return true;
  return AXES.every((axis, at) => {
    const limit = state.config.evictedPerMinute[axis];
    const sum = (all: readonly { amounts: Amounts }[]): number =>
      all.reduce((total, one) => total + (one.amounts[at] as number), 0);
    return limit === undefined || sum(state.evicted) + sum(victims) <= limit;
  });
}
