import type { Resources } from '#libs/contracts';
import { book, type CoreState, type Limits, type Workload } from './core-state.js';
import { explainWait } from './explain-wait.js';
import { atCap, fits } from './fits.js';
import type { Action, Excess, Policy, Reason } from './policy.js';
import { reclaim } from './reclaim.js';

/**
 * Higher class first, then first come. The first that lacks capacity holds back all behind it, so that nothing large is
 * starved by small ones; a user at the cap is passed over, for only that user can change it.
 */
export const firstComePolicy: Policy = {
  cycle(state, now) {
    const actions: Action[] = [];
    const reasons: Reason[] = [];
    const passed: Workload[] = [];
    let looked = 0;
    let short: Workload | undefined;
    for (const workload of state.waiting) {
      if (atCap(state, workload.user)) {
        passed.push(workload);
        reasons.push({ id: workload.id, reason: 'user-cap' });
      } else if (fits(state, workload.requests)) {
        book(state, workload);
        actions.push({ kind: 'admit', id: workload.id });
      } else {
        reasons.push({ id: workload.id, reason: 'capacity' });
        short = workload;
        break;
      }
      looked += 1;
    }
    if (actions.length > 0) state.waiting = passed.concat(state.waiting.slice(looked));
    const reclaimed = reclaim(state, short, now);
    return { actions: [...actions, ...reclaimed.actions], reasons, lookAgainAt: reclaimed.lookAgainAt };
  },

  explain: (state, id, ground, now) => explainWait(state, id, ground, now),

  neverFits(requests: Resources, limits: Limits): Excess | undefined {
    for (const resource of ['memoryBytes', 'cpuMilli'] as const) {
      if (requests[resource] > limits[resource]) {
        return { resource, requested: requests[resource], limit: limits[resource] };
      }
    }
    return undefined;
  },

  startableNow(state: CoreState, requests: Resources): number {
    if (state.waiting.some(({ user }) => !atCap(state, user))) return 0;
    const { limits, used, running } = state;
    const room = (free: number, each: number): number => (each > 0 ? Math.floor(free / each) : Infinity);
    return Math.min(
      limits.maxKernels - running.size,
      room(limits.cpuMilli - used.cpuMilli, requests.cpuMilli),
      room(limits.memoryBytes - used.memoryBytes, requests.memoryBytes),
    );
  },
};
