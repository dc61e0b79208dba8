import type { KernelId } from '#libs/contracts';
import { book, type CoreState, unbook, type Workload } from './core-state.js';
import { firstComePolicy } from './first-come.policy.js';
import type { Decision, Policy } from './policy.js';
import { enqueue } from './waiting-line.js';

/** An input of the core. Repeats, and ids that it does not know, are ignored. */
export type CoreEvent =
  | { kind: 'submitted'; workload: Workload }
  /** Holds a place already: told when the core is built anew from the rows. */
  | { kind: 'running'; workload: Workload }
  /** Has ended, or has left the queue. */
  | { kind: 'released'; id: KernelId }
  /** Holds a place and is idle since then; null: it is in use. Need be told only while something waits. */
  | { kind: 'idle'; id: KernelId; since: number | null }
  /** Its user was told that it ends then; null: that it will not. */
  | { kind: 'warned'; id: KernelId; until: number | null }
  /** Nothing but time has passed. */
  | { kind: 'looked' };

export interface StepResult extends Decision {
  state: CoreState;
}

/**
 * The one function that schedules: production, replay, simulation and dry run call it alike. Deterministic; takes over
 * `state` (use the one in the answer). The order in which one step is told of different workloads does not matter.
 *
 * @param now milliseconds since the epoch, an integer
 */
export function step(
  state: CoreState,
  events: readonly CoreEvent[],
  now: number,
  policy: Policy = firstComePolicy,
): StepResult {
  const submitted = new Map<KernelId, Workload>();
  const released = new Set<KernelId>();
  for (const event of events) {
    if (event.kind === 'released') {
      released.add(event.id);
      submitted.delete(event.id);
      const running = state.running.get(event.id);
      if (running) unbook(state, running);
    } else if (event.kind === 'submitted' || event.kind === 'running') {
      if (state.running.has(event.workload.id)) continue;
      if (event.kind === 'running') book(state, event.workload);
      else submitted.set(event.workload.id, event.workload);
    } else if (event.kind !== 'looked') {
      const held = state.running.get(event.id);
      if (held && event.kind === 'idle') held.idleSince = event.since;
      else if (held && event.kind === 'warned') held.warnedUntil = event.until;
    }
  }
  if (released.size > 0) state.waiting = state.waiting.filter(({ id }) => !released.has(id));
  for (const workload of submitted.values()) enqueue(state, workload);
  return { state, ...policy.cycle(state, now) };
}
