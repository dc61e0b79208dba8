import { DEVICE_MILLI } from '../placement/shape.js';
import { amountsOf } from './amounts-of.js';
import { AXES, type Axis, type CoreWorkload } from './model.js';
import type { FullState } from './state.js';

/** Of what a workload asks for too much. */
export interface Ceiling {
  axis: Axis;
  asked: number;
  /** That can be had of it at any time, on the flavor that has most. */
  most: number;
}

/**
 * The first resource of which a workload asks for more than there is for it, if it had all.
 *
 * @param of  what its queue may use; or what one node has
 * @returns undefined where none alone is too much
 */
export function ceilingOf(
  { ledger, pools }: FullState,
  { queue, flavors, request }: Pick<CoreWorkload, 'queue' | 'flavors' | 'request'>,
  of: 'quota' | 'node',
): Ceiling | undefined {
  const rows =
    of === 'quota'
      ? flavors.map((flavor) => ledger.most(queue, flavor))
      : flavors.flatMap((flavor) => [...(pools.get(flavor)?.nodes.all() ?? [])].map(({ spec }) => amountsIn(spec)));
  const asked = amountsOf(request);
  for (const [index, axis] of AXES.entries()) {
    const most = Math.max(0, ...rows.map((row) => row[index] ?? 0));
    const wanted = asked[index] ?? 0;
    if (wanted > most) return { axis, asked: wanted, most };
  }
  return undefined;
}

const amountsIn = (spec: {
  cpuMilli: number;
  memoryBytes: number;
  gpu?: { devices: readonly unknown[] };
}): number[] => [DEVICE_MILLI * (spec.gpu?.devices.length ?? 0), spec.cpuMilli, spec.memoryBytes];
