import type { CoreAction, LineReason } from './actions.js';
import { admit } from './admit.js';
import { apply } from './apply.js';
import type { CoreEvent } from './model.js';
import type { FullState } from './state.js';

export interface CoreStep {
  actions: CoreAction[];
  /** Why the first of each line waits, in the order in which they were looked at. */
  reasons: LineReason[];
  /** When to call again though nothing has happened; null: need not be. */
  lookAgainAt: number | null;
}

/**
 * One cycle of the full core: events, decay, admission. Deterministic; changes `state` in place.
 *
 * @param now  integer milliseconds since the epoch; a time before the last one counts as the last one
 */
export function stepFull(state: FullState, events: readonly CoreEvent[], now: number): CoreStep {
  const actions: CoreAction[] = [];
  state.now = Math.max(state.now, now);
  state.shares.advance(state.now);
  for (const event of events) apply(state, event, actions);
  for (const pool of state.pools.values()) pool.advance(state.now);
  const { reasons, alarms } = admit(state, actions);
  if (state.lines.size > 0) for (const { from, to } of state.config.reservations) alarms.push(from, to);
  const next = alarms.reduce((least, at) => (at > state.now && at < least ? at : least), Infinity);
  return { actions, reasons, lookAgainAt: next === Infinity ? null : next };
}
