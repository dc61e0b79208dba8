import { within } from '../backfill/amounts.js';
import { FOREVER } from '../backfill/capacity-profile.js';
import type { Placement } from '../placement/placement.js';
import type { Shape } from '../placement/shape.js';
import type { WaitReason } from './actions.js';
import type { Heads } from './heads.js';
import { type Pending, shapeIn } from './line.js';
import { AXES, type ClassConfig, type CoreWorkload } from './model.js';
import type { Pool } from './pool.js';
import { claimsOn } from './reservations.js';
import type { FullState } from './state.js';

/** Where and until when one may start. */
export interface Room {
  readonly flavor: string;
  readonly placement: Placement;
  readonly until: number;
  readonly reservation: string | null;
  readonly lent: boolean;
  readonly clippedBy: string | null;
}

/** Why it does not fit on one flavor. */
export interface NoRoom {
  readonly flavor: string;
  readonly reason: WaitReason;
  /** Lacks neither quota nor anything but capacity: when it has it; undefined: never as things are. */
  readonly capacity?: { at: number | undefined; fragmented: boolean };
}

/** What stands against a start on every flavor. */
export function barred(state: FullState, { workload, group }: Pending): WaitReason | undefined {
  const queue = state.queue(workload.queue);
  const { ask } = group;
  if (!queue || !group.class) return { code: 'Deactivated' };
  if (queue.state !== 'open') return { code: 'QueueHeld' };
  if (!ask.flavors.some((flavor) => state.ledger.everFits(queue.name, flavor, ask.amounts)))
    return { code: 'NeverFits', limit: 'quota' };
  const pools = ask.flavors.flatMap((flavor) => state.pools.get(flavor) ?? []).filter(({ nodes }) => nodes.size > 0);
  if (pools.length === 0) return { code: 'NoFlavor' };
  if (!pools.some((pool) => pool.couldFit(ask.request))) return { code: 'NeverFits', limit: 'node' };
  const over = state.holdings.overCap(queue, workload, ask.amounts);
  return over && { code: 'UserCap', ...over };
}

/**
 * Whether one has room on a flavor now; changes nothing.
 *
 * @param heads  of the flavor, where its turn has come in the order; undefined: it may only fill what the heads leave
 */
export function roomOn(state: FullState, pending: Pending, pool: Pool, heads: Heads | undefined): Room | NoRoom {
  const { workload, group, durationMs } = pending;
  const { now, ledger } = state;
  const { flavor, profile } = pool;
  const { amounts } = group.ask;
  const own = group.class as ClassConfig;
  const quota = ledger.fitsQuota(workload.queue, flavor, amounts);
  if (typeof quota !== 'string')
    return { flavor, reason: { code: 'QuotaWait', queue: workload.queue, flavor, ...quota } };
  const { usable, own: owned } = claimsOn(pool, workload, own, now);
  const placement = placeFor(state, workload, pool, shapeIn(group.ask.kind, pool.nodes));
  return pool.withReservations(usable, () => {
    const at = heads
      ? heads.earliestFor(pending, amounts)
      : profile.fits(amounts, durationMs)
        ? now
        : profile.earliestStart(amounts, durationMs, now);
    if (placement) {
      const edge = at === now || workload.wallMs !== null ? undefined : clippedLease(pool, pending, own, now);
      const until = edge?.from ?? now + durationMs;
      if (at === now || edge) {
        const reservation = owned ?? lentBy(pool, usable, amounts, until - now);
        return { flavor, placement, until, reservation, lent: owned === null, clippedBy: edge?.id ?? null };
      }
      return { flavor, reason: heldBack(pool, pending, at, now), capacity: { at, fragmented: false } };
    }
    if (at === now) {
      const later = profile.earliestStart(amounts, durationMs, profile.changeAfter(now) ?? FOREVER);
      const reason: WaitReason = pool.isFull
        ? { code: 'Capacity', flavor, axis: 'places', missing: 1, shadow: null }
        : { code: 'Fragmented', flavor };
      return { flavor, reason, capacity: { at: later, fragmented: true } };
    }
    return { flavor, reason: lacks(pool, pending, at), capacity: { at, fragmented: false } };
  });
}

/** Where a spare waits for it, else where it lies best. */
function placeFor(state: FullState, workload: CoreWorkload, { flavor, nodes }: Pool, shape: Shape) {
  for (const node of state.spares.nodesFor(workload, flavor)) {
    const warm = nodes.placeOn(shape, node);
    if (warm) return warm;
  }
  return nodes.place(shape);
}

export const isRoom = (answer: Room | NoRoom): answer is Room => 'placement' in answer;

/** Whose reservation one that is no owner lies in: the first that would have to give way. Holds them again. */
function lentBy(pool: Pool, usable: readonly string[], amounts: readonly number[], durationMs: number): string | null {
  if (usable.length === 0) return null;
  for (const id of usable) pool.renewReservation(id);
  const without = pool.profile.fits(amounts, durationMs);
  if (without) return null;
  return usable[0] ?? null;
}

/** A lease may be shorter, to end where a reservation begins, as long as it is worth a start. */
export function clippedLease(pool: Pool, { group, durationMs }: Pending, own: ClassConfig, now: number) {
  const edges = pool.reservations
    .filter(({ from }) => from > now && from < now + durationMs && from - now >= Math.max(1, own.minRuntimeMs))
    .sort((a, b) => b.from - a.from || (a.id < b.id ? -1 : 1));
  return edges.find(({ from }) => pool.profile.fits(group.ask.amounts, from - now));
}

/** There is a node for it, but not for so long. */
function heldBack(pool: Pool, pending: Pending, at: number | undefined, now: number): WaitReason {
  const { group, durationMs } = pending;
  const { flavor, profile, reservations } = pool;
  const due = reservations.filter(({ from, to }) => from < now + durationMs && to > now);
  const ids = due.map(({ id }) => id);
  if (ids.length > 0 && pool.withReservations(ids, () => profile.fits(group.ask.amounts, durationMs))) {
    const [first] = due.sort((a, b) => a.from - b.from || (a.id < b.id ? -1 : 1));
    if (first) return { code: 'ReservedFor', flavor, reservation: first.id, until: first.to };
  }
  const head = pool.promised.find(({ id }) => id !== pending.workload.id);
  // Where nobody is ahead the sum lacks it: it is held by one that runs on no node that is known.
  return head ? { code: 'BehindHead', flavor, head: head.id, shadow: at ?? null } : lacks(pool, pending, at);
}

function lacks({ flavor, profile, promised }: Pool, { group }: Pending, at: number | undefined): WaitReason {
  const { amounts } = group.ask;
  const short = AXES.findIndex((_, axis) => (amounts[axis] as number) > (profile.freeNow[axis] as number));
  if (short < 0 || within(amounts, profile.freeNow))
    return { code: 'BehindHead', flavor, head: promised[0]?.id ?? null, shadow: at ?? null };
  const missing = (amounts[short] as number) - Math.max(0, profile.freeNow[short] as number);
  return { code: 'Capacity', flavor, axis: AXES[short] as (typeof AXES)[number], missing, shadow: at ?? null };
}
