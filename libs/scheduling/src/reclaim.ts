import type { CoreState, Held, Workload } from './core-state.js';
import { fits } from './fits.js';
import type { Action, Decision } from './policy.js';

/**
 * Chooses whose place the first that lacks capacity is to get: kernels of its class or a lower one that have been idle
 * for long enough, idle longest first, and no more of them than it needs. If all together would not make room, none is
 * touched. Those chosen before stay so as long as they are idle.
 *
 * @param short  the workload that lacks capacity; undefined: none does
 */
export function reclaim(
  state: CoreState,
  short: Workload | undefined,
  now: number,
): Pick<Decision, 'actions' | 'lookAgainAt'> {
  const { reclaim: rule } = state.limits;
  if (!rule?.enabled) return { actions: [], lookAgainAt: null };
  const idleMs = rule.idleSeconds * 1000;
  const idle = short ? candidates(state, short) : [];
  const ripe = idle.filter(({ idleSince }) => idleSince + idleMs <= now);
  const chosen = short ? chooseFor(state, short, ripe) : [];
  const actions: Action[] = [];
  for (const held of state.running.values()) {
    const wanted = chosen.includes(held);
    if (wanted !== held.wanted) actions.push({ kind: wanted ? 'want' : 'spare', id: held.id });
    held.wanted = wanted;
  }
  const next = idle.find(({ idleSince }) => idleSince + idleMs > now);
  return { actions, lookAgainAt: next && chosen.length === 0 ? next.idleSince + idleMs : null };
}

type Idle = Held & { idleSince: number };

/** In the order in which they are taken. */
function candidates({ running, limits }: CoreState, short: Workload): Idle[] {
  const rank = (workload: Workload): number => limits.classRanks[workload.priorityClass] ?? 0;
  return [...running.values()]
    .filter((held): held is Idle => held.idleSince !== null && rank(held) <= rank(short))
    .sort((a, b) => Number(b.wanted) - Number(a.wanted) || a.idleSince - b.idleSince || (a.id < b.id ? -1 : 1));
}

/** From the front until there is room, less those that turn out not to be needed; none where all would not do. */
function chooseFor(state: CoreState, short: Workload, ripe: readonly Idle[]): readonly Held[] {
  const left = { limits: state.limits, used: { ...state.used }, running: { size: state.running.size } };
  const count = ripe.findIndex((one) => {
    shift(left, one, -1);
    return fits(left, short.requests);
  });
  return ripe.slice(0, count + 1).filter((one) => {
    shift(left, one, 1);
    const needed = !fits(left, short.requests);
    if (needed) shift(left, one, -1);
    return needed;
  });
}

/** Gives a place to the pool, or takes it back. */
function shift(left: { used: CoreState['used']; running: { size: number } }, { requests }: Held, sign: 1 | -1): void {
  left.running.size += sign;
  left.used.cpuMilli += sign * requests.cpuMilli;
  left.used.memoryBytes += sign * requests.memoryBytes;
}
