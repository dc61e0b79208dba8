import type { CoreAction, WaitReason } from './actions.js';
import { admitInOrder } from './admit.js';
import { apply } from './apply.js';
import { barred } from './attempt.js';
import { backfill } from './backfill.js';
import { Cycle } from './cycle.js';
import { clearForReservations, renewLeases } from './leases.js';
import type { Pending } from './line.js';
import type { CoreEvent } from './model.js';
import type { Pool } from './pool.js';
import { preempt, settleNominations } from './preempt.js';
import { edgesOf } from './reservations.js';
import type { FullState } from './state.js';

/** Why one that was looked at waits. */
export interface CoreReason {
  id: string;
  reason: WaitReason;
}

export interface CoreStep {
  actions: CoreAction[];
  /** In the order in which they were looked at; whoever is alike in all that is asked for waits behind one of them. */
  reasons: CoreReason[];
  /** When to call again though nothing has happened; null: need not be. */
  lookAgainAt: number | null;
}

/**
 * One cycle of the full core: events, decay, leases, admission, backfill, eviction. Deterministic; changes `state` in
 * place.
 *
 * @param now  integer milliseconds since the epoch; a time before the last one counts as the last one
 */
export function stepFull(state: FullState, events: readonly CoreEvent[], now: number): CoreStep {
  const actions: CoreAction[] = [];
  state.now = Math.max(state.now, now);
  if (state.shares.advance(state.now)) state.waiting.reorder();
  for (const event of events) apply(state, event, actions);
  renewLeases(state);
  for (const pool of state.pools.values()) pool.profile.advance(state.now);
  state.waiting.advance(state.now);
  settleNominations(state, actions);
  const cycle = new Cycle(state, actions);
  let again: number;
  try {
    admitInOrder(cycle);
    backfill(cycle);
  } finally {
    cycle.settle();
  }
  again = preempt(cycle);
  clearForReservations(state, actions);
  again = Math.min(again, state.spares.keep(state, actions), nextAlarm(state));
  return { actions, reasons: reasonsOf(cycle), lookAgainAt: again === Number.MAX_SAFE_INTEGER ? null : again };
}

function reasonsOf({ state, refused }: Cycle): CoreReason[] {
  const reasons = new Map<string, WaitReason>();
  for (const { pending, reason } of refused) {
    const { id } = pending.workload;
    if (reasons.has(id) || !state.waiting.get(id)) continue;
    const nomination = state.nominations.get(id);
    const evicting: WaitReason | undefined = nomination && {
      code: 'Evicting',
      victims: nomination.victims,
      at: Math.max(state.now, ...nomination.victims.map((one) => state.running.get(one)?.leaving?.at ?? 0)),
    };
    reasons.set(id, evicting ?? reason);
  }
  return [...reasons].map(([id, reason]) => ({ id, reason }));
}

/** Whether more than capacity stands against one on a flavor. */
function lacksMore(state: FullState, head: Pending, { flavor }: Pool): boolean {
  const { queue } = head.workload;
  return (
    typeof state.ledger.fitsQuota(queue, flavor, head.group.ask.amounts) !== 'string' ||
    barred(state, head) !== undefined
  );
}

/** When time alone may change something. */
function nextAlarm(state: FullState): number {
  const { now } = state;
  let next = Number.MAX_SAFE_INTEGER;
  const at = (time: number | undefined): void => {
    if (time !== undefined && time > now && time < next) next = time;
  };
  for (const reservation of state.config.reservations) for (const edge of edgesOf(reservation)) at(edge);
  for (const { until } of state.nominations.values()) at(until);
  // A lease that can't be renewed past a reservation has to be told so.
  if (state.config.reservations.some(({ to }) => to > now)) {
    at(state.leases.first?.at);
    // One that does not end when it was thought to may stand in its way.
    for (const { profile } of state.pools.values()) at(profile.changeAfter(now));
  }
  if (state.waiting.size === 0) return next;
  at(state.waiting.nextRaiseAt());
  let waitsForTime = false;
  for (const pool of state.pools.values()) {
    if (pool.promised.length === 0) continue;
    waitsForTime = true;
    at(pool.profile.changeAfter(now));
    for (const { at: promised, id } of pool.promised) {
      at(promised);
      // Who started behind it took the quota that it needs: it is no head any more, and others need not wait for it.
      const head = state.waiting.get(id);
      if (head && lacksMore(state, head, pool)) at(now + 1);
    }
  }
  if (waitsForTime) at(state.shares.nextSampleAt());
  return next;
}
