import { OVERRUN_MS } from '../backfill/capacity-profile.js';
import type { CoreAction } from './actions.js';
import { AXES, type ReservationConfig } from './model.js';
import type { Pool } from './pool.js';
import { isOwner } from './reservations.js';
import type { Running } from './running.js';
import type { FullState } from './state.js';

/**
 * Renews the leases that run out, as far as heads and reservations leave room; one that a reservation cuts short has to go
 * at its start. To be called before the profiles are told of the time.
 */
export function renewLeases(state: FullState): void {
  for (let due = state.leases.first; due && due.at <= state.now; due = state.leases.first) {
    state.leases.pop();
    const running = state.running.get(due.id);
    if (!running) continue;
    const pool = state.pool(running.flavor);
    if (running.workload.wallMs === null && pool.until(running) <= state.now) renew(state, pool, running);
  }
}

function renew(state: FullState, pool: Pool, running: Running): void {
  const lease = state.classOf(running.workload)?.leaseMs;
  if (lease === undefined) return;
  const until = pool.until(running);
  const wanted = Math.max(until, state.now) + lease;
  const to = pool.roomUntil(running, wanted);
  if (to > until) pool.extend(running, to);
  const edge = to < wanted && pool.reservations.find((one) => one.from === to && !isOwner(one, running.workload));
  running.clippedBy = edge ? edge.id : null;
  // Where there is no room it overruns; it is looked at again when the profile thinks it ends.
  state.leases.push({ at: Math.max(to, state.now + OVERRUN_MS), id: running.workload.id });
}

/** Those that stand in the way of a reservation are told so, `leadMs` before its start. */
export function clearForReservations(state: FullState, actions: CoreAction[]): void {
  const { now } = state;
  for (const pool of state.pools.values()) {
    for (const reservation of pool.reservations) {
      if (
        now < reservation.from - reservation.leadMs ||
        now >= Math.min(reservation.to, reservation.from + reservation.graceMs)
      )
        continue;
      for (const one of pool.booked.values()) if (one.clippedBy === reservation.id) renew(state, pool, one);
      for (const running of inTheWay(state, pool, reservation)) {
        const at = Math.max(now, reservation.from);
        running.leaving = { how: 'reservation', for: reservation.id, at };
        actions.push({ kind: 'evict', id: running.workload.id, how: 'reservation', for: reservation.id, at });
      }
    }
  }
}

/** Those whose lease ends there, and as many more as the reservation lacks at its start. */
function inTheWay(state: FullState, pool: Pool, reservation: ReservationConfig): Running[] {
  const at = Math.max(state.now, reservation.from);
  // Who uses a reservation of its own stays.
  const others = [...pool.booked.values()].filter(
    (one) =>
      state.running.has(one.workload.id) &&
      !isOwner(reservation, one.workload) &&
      (one.reservation === null || one.lent),
  );
  const clipped = others.filter((one) => isStaying(one, at) && one.clippedBy === reservation.id);
  const missing = shortage(pool, reservation, at, new Set(clipped));
  const chosen: Running[] = [];
  const stays = others
    .filter((one) => !clipped.includes(one) && isStaying(one, at) && pool.until(one) > at)
    .filter(({ workload }) => (state.classOf(workload)?.evict ?? 'never') !== 'never')
    .sort((a, b) => compareLoss(state, a, b));
  for (const one of stays) {
    const helps = missing.some((lack, axis) => lack > 0 && (one.amounts[axis] as number) > 0);
    if (!helps) continue;
    chosen.push(one);
    for (const axis of missing.keys()) missing[axis] = (missing[axis] as number) - (one.amounts[axis] as number);
  }
  return [...clipped, ...chosen];
}

/** Idle ones first, longest idle first; then lower ranks; then the least work lost. */
function compareLoss(state: FullState, a: Running, b: Running): number {
  if ((a.idleSince === null) !== (b.idleSince === null)) return a.idleSince === null ? 1 : -1;
  if (a.idleSince !== null && b.idleSince !== null && a.idleSince !== b.idleSince) return a.idleSince - b.idleSince;
  const rank = (one: Running): number => state.classOf(one.workload)?.rank ?? 0;
  return rank(a) - rank(b) || b.startedAt - a.startedAt || (a.workload.id < b.workload.id ? -1 : 1);
}

/** What the reservation lacks at a moment if all that were told to go, and these, have gone. */
function shortage(pool: Pool, reservation: ReservationConfig, at: number, going: ReadonlySet<Running>): number[] {
  const prior = pool.reservations.filter(
    ({ id, from, to, graceMs }) =>
      from <= at &&
      at < to &&
      at < from + graceMs &&
      (from < reservation.from || (from === reservation.from && id < reservation.id)),
  );
  const stays = [...pool.booked.values()].filter(
    (one) => isStaying(one, at) && !going.has(one) && pool.until(one) > at && pool.isOffered(one),
  );
  return AXES.map((axis, index) => {
    const sum = (all: readonly Running[]): number =>
      all.reduce((total, one) => total + (one.amounts[index] as number), 0);
    const unused = (one: ReservationConfig): number =>
      Math.max(0, one.amounts[axis] - sum(stays.filter((running) => running.reservation === one.id)));
    const free =
      (pool.profile.capacity[index] as number) - sum(stays) - prior.reduce((total, one) => total + unused(one), 0);
    return unused(reservation) - free;
  });
}

/** Whether it was not told to be gone by then. */
const isStaying = ({ leaving }: Running, at: number): boolean => leaving === null || leaving.at > at;
