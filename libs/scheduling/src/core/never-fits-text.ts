import type { WaitReason } from './actions.js';
import { amountText } from './amount-text.js';
import { ceilingOf } from './ceiling.js';
import type { CoreWorkload } from './model.js';
import type { FullState } from './state.js';

/** Why a workload never starts: of a cap, where it alone is over it. */
export type Never = Extract<WaitReason, { code: 'NeverFits' | 'UserCap' }>;

/** What of a workload never fits, and what would, as a sentence without its subject. */
export function neverFitsText(state: FullState, workload: CoreWorkload, never: Never): string {
  const { queue } = workload;
  if (never.code === 'UserCap') {
    const { of, axis, asked, limit } = never;
    if (axis === 'workloads') return `is of a ${of} who may have no kernels in the queue ${queue}`;
    return `asks for ${amountText(axis, asked)}, and the most that one ${of} may have at once in the queue ${queue} is ${amountText(axis, limit)}`;
  }
  const whose = never.limit === 'quota' ? `the queue ${queue} may ever use` : 'one node has';
  const found = ceilingOf(state, workload, never.limit);
  if (!found) return `asks for more than ${whose}`;
  const { axis, asked, most } = found;
  return `asks for ${amountText(axis, asked)}, and the most that ${whose} is ${amountText(axis, most)}`;
}
