import type { Resources } from '#libs/contracts';
import type { CoreState } from './core-state.js';

export const atCap = ({ limits, runningOfUser }: CoreState, user: string): boolean =>
  (runningOfUser.get(user) ?? 0) >= limits.maxKernelsPerUser;

/** How much is booked of what there is. */
type Booked = Pick<CoreState, 'limits' | 'used'> & { running: { readonly size: number } };

/** What a request lacks right now; the places are looked at first, for they are the plainest to tell. */
export function lacking({ limits, used, running }: Booked, requests: Resources): Lacking | undefined {
  if (running.size >= limits.maxKernels) return 'places';
  if (used.memoryBytes + requests.memoryBytes > limits.memoryBytes) return 'memory';
  return used.cpuMilli + requests.cpuMilli > limits.cpuMilli ? 'cpu' : undefined;
}
export type Lacking = 'places' | 'memory' | 'cpu';

export const fits = (state: Booked, requests: Resources): boolean => lacking(state, requests) === undefined;
