import type { Kernel } from '#libs/contracts';

/** Limits in seconds; 0 is none. */
export interface CullingRules {
  idleSeconds: number;
  busySeconds: number;
  /** The owner is told this long before the end. */
  warningSeconds: number;
}

/** Moments of a kernel's end for lack of use, ms since the epoch. */
export interface CullPlan {
  warnAt: number;
  endAt: number;
}

/**
 * When a kernel is to be warned and ended unless something happens; null where no limit applies. It goes by what the
 * kernel does, never by who is connected.
 *
 * @param since  when the service started: nobody is ended for the time in which nobody could be warned
 */
export function cullPlan(
  { phase, executionState, lastActivityAt }: Kernel,
  { idleSeconds, busySeconds, warningSeconds }: CullingRules,
  since: number,
): CullPlan | null {
  const limit = executionState === 'idle' ? idleSeconds : executionState === 'busy' ? busySeconds : 0;
  if (phase !== 'ready' || limit === 0) return null;
  const warning = Math.min(warningSeconds, limit / 2) * 1000;
  const endAt = Math.max(lastActivityAt + limit * 1000, since + warning);
  return { warnAt: endAt - warning, endAt };
}
